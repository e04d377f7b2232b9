"""Balanced selection: every expert gets exactly t tokens, whatever the gate said.

Where more than t tokens chose the expert, those with the t greatest scores stay and the others lose
its contribution. Where fewer did, other tokens fill the slots with score 0, and combining
multiplies what they get by 0. A padding token's score is 0, so it never displaces a token that
chose the expert.
"""

from cryptomoe_spec.arrays import BitArray, IntArray
from cryptomoe_spec.indices import one_hot
from cryptomoe_spec.ranking import ranks


def balanced_selection(scores: IntArray, slots: int) -> BitArray:
    """(n, t, m): a 1 where the expert's slot holds the token; slot s holds the token of rank s.

    Among equal scores the token with the lower index comes first.
    """
    # INPUTS scores: (m, n), from the gate; slots: t, public, 1 <= t <= m <= 256.
    # FUNCTION
    rank = ranks(scores.T)
    return one_hot(rank, slots).transpose(0, 2, 1)
    # LEAKAGE nothing: not who was selected, nor how many had chosen the expert.
    # COST constant rounds; per expert m (m - 1) / 2 comparisons and m indices into t slots.

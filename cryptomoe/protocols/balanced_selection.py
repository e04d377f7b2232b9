"""Balanced selection: every expert gets exactly t tokens, whatever the gate said.

Specification: `cryptomoe_spec.balanced_selection`.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.protocols.ranking import ranks


def balanced_selection(abb: ArithmeticBlackBox, scores: Secret, slots: int) -> SecretBits:
    """(n, t, m) from scores (m, n), m <= 256: a 1 where the expert's slot holds the token.

    Slot s holds the token of rank s by score, the lower index first among equals.
    """
    with abb.scope("balanced_selection"):
        rank = ranks(abb, abb.transpose(scores, (1, 0)))
        return abb.transpose(abb.one_hot(rank, slots), (0, 2, 1))

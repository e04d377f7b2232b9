"""Top-k: which of a token's logits are among the k greatest."""

import numpy as np
from cryptomoe_spec.arrays import BitArray, IntArray
from cryptomoe_spec.ranking import ranks


def topk(logits: IntArray, top_k: int) -> tuple[BitArray, IntArray]:
    """(selected, greatest): one bit for each logit, and the greatest logit of each row.

    Among equal logits the one with the lower index is preferred.
    """
    # INPUTS logits: (m, n); 1 <= top_k <= n.
    # FUNCTION
    rank = ranks(logits)
    selected = rank < top_k
    greatest = np.sum(np.where(rank == 0, logits, 0), axis=-1)
    # LEAKAGE nothing: neither the selection nor the order of the logits.
    # COST constant rounds; n (n - 1) / 2 comparisons a token.
    return selected, greatest

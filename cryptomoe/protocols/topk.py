"""Top-k: which of a token's logits are among the k greatest.

Specification: `cryptomoe_spec.topk`.
"""

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.protocols.ranking import ranks


def topk(abb: ArithmeticBlackBox, logits: Secret, top_k: int) -> tuple[SecretBits, Secret]:
    """(selected (m, n), greatest (m,)): a bit for each logit, and the greatest logit of each row.

    Among equal logits the one with the lower index is preferred. The greatest logit is the one of
    rank 0, which costs less than a tree of comparisons beside the ranking.
    """
    with abb.scope("topk"):
        outranked = abb.logical_not(abb.at_least(ranks(abb, logits), [1, top_k]))
        first, selected = (
            abb.reshape(abb.take(outranked, np.array([i]), 0), logits.shape) for i in range(2)
        )
        greatest = abb.sum(abb.keep_if(first, logits), 1)
        return selected, abb.declare(greatest, logits.bound)

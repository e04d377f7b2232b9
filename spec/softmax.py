"""Softmax in powers of two: the logits come in units of log 2.

The greatest logit of a row is subtracted first, so that the sum is at least about 1, and the
exponentials keep 20 fraction bits, because many small ones are added. Each probability is within
2^-10 of the true one.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray
from cryptomoe_spec.exp import exp
from cryptomoe_spec.reciprocal import reciprocal
from cryptomoe_spec.truncate import truncate


def softmax(z: IntArray, out_bits: int) -> IntArray:
    """2^z / sum 2^z along the last axis: 13 fraction bits in, `out_bits` out."""
    # INPUTS z: (..., n), n <= 256; entries of a row within 2^26 of each other; out_bits: 13 or 20.
    # FUNCTION
    return softmax_below(np.max(z, axis=-1, keepdims=True) - z, out_bits)
    # LEAKAGE nothing.
    # COST that of `maximum` and of `softmax_below`.


def softmax_below(v: IntArray, out_bits: int) -> IntArray:
    """2^-v / sum 2^-v along the last axis, v being how far each logit is below the greatest."""
    # INPUTS v: (..., n), n <= 256, 0 <= v < 2^26, with a 0 in every row; out_bits: 13 or 20.
    # FUNCTION
    e = exp(v)
    inverse = reciprocal(np.sum(e, axis=-1, keepdims=True))
    bits = 36 - out_bits
    # Exact in every mode: the approximate one would give each masked key of a long row a share.
    return truncate(e * inverse + (1 << (bits - 1)), bits, exact=True)
    # LEAKAGE nothing.
    # COST constant rounds; an exp, a product and a truncation an entry, a reciprocal a row.

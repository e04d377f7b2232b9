"""Softmax in powers of two: the logits come in units of log 2, so no base has to be changed.

Specification: `cryptomoe_spec.softmax`. The greatest logit is subtracted first; the gate knows it
already from its ranking and enters at `softmax_below`.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret

_INPUT_LIMIT = 1 << 26
_INVERSE_BOUND = 1 << 17
"""The sum is at least 2^19, so its reciprocal, 2^36 / sum, is at most this."""


def softmax(abb: ArithmeticBlackBox, z: Secret, out_bits: int) -> Secret:
    """2^z / sum 2^z along the last axis (at most 256 entries), 13 fraction bits in, `out_bits` out.

    Entries of a row lie within 2^26 of each other.
    """
    with abb.scope("softmax"):
        greatest = abb.reshape(abb.maximum(z), (*z.shape[:-1], 1))
        return _normalise(abb, abb.subtract(greatest, z), out_bits)


def softmax_below(abb: ArithmeticBlackBox, v: Secret, out_bits: int) -> Secret:
    """2^-v / sum 2^-v along the last axis, v >= 0 being how far a logit is below the greatest."""
    with abb.scope("softmax"):
        return _normalise(abb, v, out_bits)


def _normalise(abb: ArithmeticBlackBox, v: Secret, out_bits: int) -> Secret:
    e = abb.declare(abb.exp(abb.declare(v, _INPUT_LIMIT - 1)), 1 << 20)
    inverse = abb.declare(abb.reciprocal(abb.sum(e, -1)), _INVERSE_BOUND)
    scaled = abb.multiply(e, abb.reshape(inverse, (*v.shape[:-1], 1)))
    bits = 36 - out_bits
    # Exact in every mode: the approximate one would give each masked key of a long row a share.
    rounded = abb.add_public(scaled, 1 << (bits - 1))
    probabilities = abb.truncate(rounded, bits, exact=True)
    return abb.declare(probabilities, (1 << (out_bits + 1)) - 1)

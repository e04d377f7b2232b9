"""Softmax: exponentials of the distances to the greatest, and one reciprocal a row."""

from cryptomoe_spec.exp import INPUT_LIMIT
from cryptomoe_spec.messages.indices import maximum
from cryptomoe_spec.messages.products import multiply
from cryptomoe_spec.messages.scalar import exp, reciprocal
from cryptomoe_spec.messages.sizes import Size, capped
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire

EXP_BOUND = 1 << 20


def softmax(wire: Wire, rows: Size, size: Size, bound: Size, out_bits: int) -> None:
    """Rows of `size` logits, |z| <= bound; probabilities of `out_bits` fraction bits."""
    with wire.scope("softmax"):
        maximum(wire, rows, size, bound)
        _normalise(wire, rows, size, out_bits)


def softmax_below(wire: Wire, rows: Size, size: Size, out_bits: int) -> None:
    """The same, where it is known how far each logit is below the greatest."""
    with wire.scope("softmax"):
        _normalise(wire, rows, size, out_bits)


def _normalise(wire: Wire, rows: Size, size: Size, out_bits: int) -> None:
    exp(wire, rows * size, INPUT_LIMIT - 1)
    reciprocal(wire, rows, capped(size * EXP_BOUND))
    multiply(wire, rows * size)
    truncate(wire, rows * size, 36 - out_bits, exact=True)

"""RMSNorm: squares of the shifted rows, one inverse root a row, and one product an entry."""

from cryptomoe_spec.messages.products import multiply, square
from cryptomoe_spec.messages.scalar import rsqrt
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire, part

SQUARE_SUM_BOUND = (1 << 42) - 1


@part
def rmsnorm(wire: Wire, rows: Size, width: Size) -> None:
    """(rows, width)."""
    norms(wire, rows, rows * width, width)


def norms(wire: Wire, rows: Size, entries: Size, widest: Size) -> None:
    """Several arrays together: `rows` in all, with `entries` in all, of widths up to `widest`.

    The shift that the widest rows need is the one that all are shifted by.
    """
    shift = wire.norm_shift(widest)
    with wire.scope("rmsnorm"):
        if shift:
            truncate(wire, entries, shift)
        square(wire, entries)
        rsqrt(wire, rows, SQUARE_SUM_BOUND)
        truncate(wire, rows, 13 + shift)
        multiply(wire, rows)
        multiply(wire, entries)
        truncate(wire, entries, 20)

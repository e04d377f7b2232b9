"""Oblivious transfers by extension: what the receiver and then the sender of a batch send.

The receiver's message has 16 bytes a transfer, for a multiple of 128 transfers. Nothing is sent for
nothing.
"""

from cryptomoe_spec.messages.sizes import Size, ceil_div, packed
from cryptomoe_spec.messages.wire import Wire

SECURITY = 128
TRANSFER_BYTES = SECURITY // 8


def choices_bytes(count: Size) -> Size:
    """The receiver's message for `count` transfers."""
    return SECURITY * TRANSFER_BYTES * ceil_div(count, SECURITY)


def correlate(wire: Wire, count: Size, width: int) -> None:
    """Correlated transfers both ways at once, elements of `width` bits."""
    if count != 0:
        wire.exchange("choices", choices_bytes(count), choices_bytes(count))
        wire.exchange("corrections", packed(count, width), packed(count, width))


def correlate_one_way(wire: Wire, sender: int, count: Size, width: int) -> None:
    """Correlated transfers of `sender` to the other."""
    if count != 0:
        wire.send(1 - sender, "choices", choices_bytes(count))
        wire.send(sender, "corrections", packed(count, width))


def one_of_many(wire: Wire, sender: int, count: Size, choice_bits: int, width: int) -> None:
    """`count` chosen messages out of 2^choice_bits, `width` bits each."""
    if count != 0:
        wire.send(1 - sender, "choices", choices_bytes(count * choice_bits))
        wire.send(sender, "table", packed(count * 2**choice_bits, width))

"""Oblivious transfers: refills of correlated rows, what receivers choose, what senders answer.

Rows come in batches with random choices, from one of three sources (`SOURCES`). A batch is one
message of whoever speaks: the receiver of the transfers, in the flight of its choices, or the
sender, in a flight before. What a request leaves of its batches is dropped or kept. Then a receiver
sends one bit a transfer, by which its choices differ from the random ones; where those will do, it
sends none. Nothing is sent for nothing.
"""

from dataclasses import dataclass

from cryptomoe_spec.messages.sizes import Size, ceil_div, packed
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Wire

SECURITY = 128
LPN_NOISE, LPN_DEPTH, LPN_TABLE = 1280, 11, 2**18
LPN_RESERVE = LPN_TABLE + LPN_NOISE * LPN_DEPTH
"""Transfers that a round of the silent source takes from the round before."""


@dataclass(frozen=True)
class Source:
    """Transfers of a batch, its bytes, its label; if the sender speaks, if a rest is kept."""

    batch: int
    batch_bytes: int
    label: str
    sender_speaks: bool = False
    keeps_rest: bool = False


SOURCES = {
    "iknp": Source(SECURITY, SECURITY * SECURITY // 8, "ot_refill/columns"),
    "softspoken": Source(SECURITY, 31 * SECURITY // 8, "ot_refill/columns"),
    "silent": Source(
        (LPN_NOISE << LPN_DEPTH) - LPN_RESERVE,
        16 * LPN_NOISE * LPN_DEPTH,
        "ot_refill/levels",
        sender_speaks=True,
        keeps_rest=True,
    ),
}


def batches(wire: Wire, sender: int, count: Size) -> Size:
    """Batches made for a request of `count` transfers of `sender`."""
    source = SOURCES[wire.setting.ot]
    if not source.keeps_rest:
        return ceil_div(count, source.batch)
    made = max(0, ceil_div(count - wire.transfers_left[sender], source.batch))
    wire.transfers_left[sender] += made * source.batch - count
    return made


def choose(wire: Wire, client: Size, server: Size, random: Size = 0) -> None:
    """The client's and the server's numbers of choices, and `random` ones more of either."""
    source = SOURCES[wire.setting.ot]
    refills = []
    for sender, count in ((CLIENT, random + server), (SERVER, random + client)):
        speaker = sender if source.sender_speaks else 1 - sender
        refills.append((speaker, source.label, source.batch_bytes * batches(wire, sender, count)))
    choices = [(CLIENT, "choices", packed(client, 1)), (SERVER, "choices", packed(server, 1))]
    if source.sender_speaks:
        wire.flight(refills)
        wire.flight(choices)
    else:
        wire.flight([*refills, *choices])


def correlate(wire: Wire, count: Size, width: int) -> None:
    """Correlated transfers both ways at once, elements of `width` bits."""
    if count != 0:
        choose(wire, count, count)
        wire.exchange("corrections", packed(count, width), packed(count, width))


def correlate_one_way(wire: Wire, sender: int, count: Size, width: int) -> None:
    """Correlated transfers of `sender` to the other."""
    if count != 0:
        choose(wire, *((0, count) if sender == CLIENT else (count, 0)))
        wire.send(sender, "corrections", packed(count, width))


def one_of_many(wire: Wire, sender: int, count: Size, choice_bits: int, width: int) -> None:
    """`count` chosen messages out of 2^choice_bits, `width` bits each."""
    if count != 0:
        chosen = count * choice_bits
        choose(wire, *((0, chosen) if sender == CLIENT else (chosen, 0)))
        wire.send(sender, "table", packed(count * 2**choice_bits, width))

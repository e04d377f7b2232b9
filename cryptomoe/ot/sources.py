"""The sources of rows by name, made of the base transfers, both directions at once."""

from dataclasses import dataclass

from cryptomoe.net.channel import Channel
from cryptomoe.ot import ferret, iknp, softspoken
from cryptomoe.ot.lpn import STANDARD
from cryptomoe.ot.pads import delta_words
from cryptomoe.ot.rows import (
    BitArray,
    Ledger,
    Listening,
    Method,
    ReceiverRows,
    SenderRows,
    Speaking,
    Supply,
)
from cryptomoe.ot.small_trees import MESSAGE_BYTES, TREES, grow_trees, puncture_trees
from cryptomoe.randomness import Randomness


@dataclass(frozen=True)
class BaseTransfers:
    """What base transfers leave a party with.

    Fields: `delta` (128,), the bits it chose by, and the `seeds` it got; the `pairs` of seeds from
    which the peer chose; `salts` of the direction in which it is the sender, and of the other one.
    """

    delta: BitArray
    seeds: list[bytes]
    pairs: list[tuple[bytes, bytes]]
    salts: tuple[bytes, bytes]


@dataclass(frozen=True)
class Sources:
    """A party's ends of both directions; in a refill it speaks at one and listens at the other."""

    supply: Supply
    sender: SenderRows
    receiver: ReceiverRows
    speaking: Speaking
    listening: Listening


def supply_of(method: Method) -> Supply:
    """What is public about a source."""
    if method == "silent":
        return ferret.supply_of(STANDARD)
    return iknp.SUPPLY if method == "iknp" else softspoken.SUPPLY


def draw_delta(method: Method, randomness: Randomness) -> BitArray:
    """A fresh Delta (128,); its lowest bit is 1 for silent transfers, see `ferret`."""
    delta = randomness.stream("delta").bits(128)
    if method == "silent":
        delta[0] = 1
    return delta


def make_sources(
    channel: Channel, method: Method, base: BaseTransfers, randomness: Randomness
) -> Sources:
    """Both ends of the chosen source, with the messages that this takes."""
    if method == "iknp":
        sender = iknp.IknpSender(base.delta, base.seeds)
        receiver = iknp.IknpReceiver(base.pairs, randomness.stream("choices of rows"))
        return Sources(iknp.SUPPLY, sender, receiver, speaking=receiver, listening=sender)
    ends = _softspoken(channel, base, randomness)
    if method == "softspoken":
        return Sources(softspoken.SUPPLY, *ends, speaking=ends[1], listening=ends[0])
    return _silent(channel, base, randomness, ends)


def _softspoken(
    channel: Channel, base: BaseTransfers, randomness: Randomness
) -> tuple[softspoken.SoftSpokenSender, softspoken.SoftSpokenReceiver]:
    roots = randomness.stream("roots of small trees").bytes(16 * TREES)
    message, leaves = grow_trees(base.pairs, roots)
    punctured = channel.exchange("small_trees", message, MESSAGE_BYTES)
    sender = softspoken.SoftSpokenSender(
        base.delta, puncture_trees(base.delta, base.seeds, punctured)
    )
    return sender, softspoken.SoftSpokenReceiver(leaves)


def _silent(
    channel: Channel,
    base: BaseTransfers,
    randomness: Randomness,
    first: tuple[softspoken.SoftSpokenSender, softspoken.SoftSpokenReceiver],
) -> Sources:
    """Start from as many transfers of `softspoken` as a round takes."""
    supply = softspoken.SUPPLY
    batches = Ledger(supply).batches(STANDARD.reserve)
    message = first[1].offer(batches)
    size = batches * supply.batch_bytes
    first[0].accept(channel.exchange(supply.message, message, size), batches)
    sender = ferret.FerretSender(
        STANDARD,
        base.salts[0],
        delta_words(base.delta),
        randomness.stream("roots of correlated trees"),
        first[0].take(STANDARD.reserve),
    )
    receiver = ferret.FerretReceiver(STANDARD, base.salts[1], *first[1].take(STANDARD.reserve))
    return Sources(supply_of("silent"), sender, receiver, speaking=sender, listening=receiver)

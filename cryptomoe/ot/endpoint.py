"""One party's end of oblivious transfer, and the comparisons made of it.

Both parties call the same methods with arrays of the same lengths, which are public. Each party is
the sender of one direction and the receiver of the other, so both share their flights. A call on
nothing sends nothing.

Correlated rows come from the chosen source (`rows`). A call first refills what it will take, if too
little is left, in messages of their own under `ot_refill`; then receivers say in one bit a transfer
how their choices differ from the random ones of their rows. With `iknp` and `softspoken` the refill
is part of that same flight; with `silent` it is one flight more, once in two million transfers.
"""

import os
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cryptomoe.field import P_BITS, P
from cryptomoe.net.channel import Channel
from cryptomoe.net.packing import (
    check_range,
    pack_bits,
    pack_words,
    packed_size,
    unpack_bits,
    unpack_words,
)
from cryptomoe.ot import transfers
from cryptomoe.ot.aes import Words
from cryptomoe.ot.base import KEY_BYTES, BaseReceiver, base_send
from cryptomoe.ot.comparison import (
    OPENED_BITS,
    OUTCOME_BITS,
    Digits,
    Level,
    Products,
    accept_outcomes,
    digits_of,
    offer_outcomes,
    prepared_products,
)
from cryptomoe.ot.pads import ReceiverPads, SenderPads, delta_words
from cryptomoe.ot.rows import REFILL, Ledger, Method
from cryptomoe.ot.sources import BaseTransfers, Sources, draw_delta, make_sources, supply_of
from cryptomoe.ot.transfers import BitArray
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

Entry = TypeVar("Entry", np.uint64, np.uint8)

MAX_BITS = 62
MAX_CHOICE_BITS = 5
_SALT_BYTES = 16
_NO_CHOICES = np.zeros(0, np.uint8)


class OtEndpoint:
    """Oblivious transfers with the peer, after `setup`."""

    def __init__(self, channel: Channel, randomness: Randomness, method: Method = "iknp") -> None:
        self.method = method
        self._channel = channel
        self._randomness = randomness
        self._party = channel.party
        self._shares = randomness.stream("shares of compared bits")
        self._delta = draw_delta(method, randomness)
        self._sources: Sources
        self._spoken, self._heard = (Ledger(supply_of(method)) for _ in Party)
        self._sender: SenderPads
        self._receiver: ReceiverPads

    def setup(self) -> None:
        """Base transfers in both directions, a salt from both parties, and the source's start."""
        channel = self._channel
        with channel.scope("setup"), channel.scope("base_transfers"):
            own_salt = os.urandom(_SALT_BYTES)
            peer_salt = channel.exchange("salt", own_salt, _SALT_BYTES)
            base = BaseReceiver.start(tuple(int(bit) for bit in self._delta))
            offers = channel.exchange("offers", base.message, len(base.message))
            own_key, pairs = base_send(channel.label("offers"), offers)
            peer_key = channel.exchange("key", own_key, KEY_BYTES)
            seeds = base.finish(channel.label("key"), peer_key)
        salt = own_salt + peer_salt if self._party is Party.CLIENT else peer_salt + own_salt
        salts = (bytes([self._party]) + salt, bytes([self._party.peer]) + salt)
        self._sender = SenderPads(delta_words(self._delta), salts[0])
        self._receiver = ReceiverPads(salts[1])
        with channel.scope("setup"), channel.scope("ot_source"):
            made = BaseTransfers(self._delta, seeds, pairs, salts)
            self._sources = make_sources(channel, self.method, made, self._randomness)

    # --- rows ------------------------------------------------------------------------------------

    def rows(self, *, sending: int, choices: BitArray, random: int = 0) -> "TransferRows":
        """Rows of `sending` transfers as the sender and of own `choices` (n,) as the receiver.

        Before them, `random` of each with the random choices that they come with. Where receivers
        speak in a refill, what they choose goes out behind it, before anything is waited for.
        """
        sources = self._sources
        spoken, heard = random + sending, random + choices.size
        if not sources.supply.sender_speaks:
            spoken, heard = heard, spoken
        self._speak(spoken)
        if sources.supply.sender_speaks:
            self._listen(heard)
        random_chosen, bits = sources.receiver.take(random)
        chosen, drawn = sources.receiver.take(choices.size)
        if choices.size:
            self._channel.send("choices", pack_bits(drawn ^ choices))
        if not sources.supply.sender_speaks:
            self._listen(heard)
        random_offered = sources.sender.take(random)
        offered = sources.sender.take(sending)
        if sending:
            flips = self._channel.receive("choices", packed_size(sending, 1))
            offered = self._sender.chosen_rows(offered, unpack_bits(flips, sending))
        return TransferRows(offered, chosen, random_offered, random_chosen, bits)

    def _speak(self, wanted: int) -> None:
        """The refill for a request of `wanted`, if it takes one, where this party speaks."""
        supply, batches = self._sources.supply, self._spoken.batches(wanted)
        if batches:
            with self._channel.scope(REFILL):
                self._channel.send(supply.message, self._sources.speaking.offer(batches))

    def _listen(self, wanted: int) -> None:
        """The same of the other direction, where the peer speaks."""
        supply, batches = self._sources.supply, self._heard.batches(wanted)
        if batches:
            with self._channel.scope(REFILL):
                message = self._channel.receive(supply.message, batches * supply.batch_bytes)
                self._sources.listening.accept(message, batches)

    # --- correlations ----------------------------------------------------------------------------

    def correlate(self, values: Words, bits: BitArray, modulus: int) -> Words:
        """Shares modulo `modulus` of v_0 c_1 + v_1 c_0: own `values` v_i and `bits` c_i, both (n,).

        `modulus` is p or a power of two up to 2^62; the values are below it.
        """
        width = _width(modulus)
        if not values.size:
            return np.zeros(0, np.uint64)
        values, bits = _vector(values, np.uint64), _vector(bits, np.uint8)
        rows = self.rows(sending=values.size, choices=bits)
        own, corrections = transfers.offer_correlation(self._sender, rows.offered, values, modulus)
        data = pack_words(corrections, width)
        received = self._channel.exchange("corrections", data, len(data))
        other = self._accept(rows.chosen, bits, received, modulus)
        return transfers.add_modulo(own, other, modulus)

    def correlate_one_way(self, sender: Party, payload: Words | BitArray, modulus: int) -> Words:
        """Shares modulo `modulus` of v c: the sender's values v, the receiver's bits c, (n,)."""
        width = _width(modulus)
        if not payload.size:
            return np.zeros(0, np.uint64)
        if self._party is sender:
            values = _vector(payload, np.uint64)
            rows = self.rows(sending=values.size, choices=_NO_CHOICES).offered
            own, corrections = transfers.offer_correlation(self._sender, rows, values, modulus)
            self._channel.send("corrections", pack_words(corrections, width))
            return own
        bits = _vector(payload, np.uint8)
        rows = self.rows(sending=0, choices=bits).chosen
        received = self._channel.receive("corrections", packed_size(bits.size, width))
        return self._accept(rows, bits, received, modulus)

    def _accept(self, rows: Words, bits: BitArray, message: bytes, modulus: int) -> Words:
        corrections = unpack_words(message, bits.size, _width(modulus))
        check_range(self._channel.label("corrections"), corrections, modulus)
        return transfers.accept_correlation(self._receiver, rows, bits, corrections, modulus)

    # --- tables ----------------------------------------------------------------------------------

    def one_of_many(
        self, sender: Party, payload: Words | BitArray, choice_bits: int, width: int
    ) -> Words | None:
        """The receiver's chosen messages (n,); None for the sender.

        The sender gives messages (n, 2^choice_bits) below 2^width, the receiver choices (n,).
        """
        if not (1 <= choice_bits <= MAX_CHOICE_BITS and 1 <= width <= MAX_BITS):
            raise ValueError(f"no transfer of one of 2^{choice_bits} messages of {width} bits")
        size = 1 << choice_bits
        if not payload.size:
            return None if self._party is sender else np.zeros(0, np.uint64)
        if self._party is sender:
            messages = _vector(payload, np.uint64).reshape(-1, size)
            count = len(messages) * choice_bits
            rows = self.rows(sending=count, choices=_NO_CHOICES).offered
            masked = transfers.mask_table(self._sender, rows, messages, width)
            self._channel.send("table", pack_words(masked.reshape(-1), width))
            return None
        choices = _vector(payload, np.uint8)
        digits = transfers.choice_digits(choices, choice_bits)
        rows = self.rows(sending=0, choices=digits).chosen
        received = self._channel.receive("table", packed_size(choices.size * size, width))
        masked = unpack_words(received, choices.size * size, width).reshape(-1, size)
        return transfers.unmask_table(self._receiver, rows, choices, masked, width)

    # --- bits ------------------------------------------------------------------------------------

    def and_bits(self, a: BitArray, b: BitArray) -> BitArray:
        """Shares (xor) of the AND of two shared bits, entry by entry: (n,)."""
        crossed = self.correlate(a.astype(np.uint64), b, 2)
        return (a & b) ^ crossed.astype(np.uint8)

    def less_than(self, value: Words, bits: int) -> BitArray:
        """Shares (xor) of [x_0 < x_1], x_i being the parties' own values (n,) below 2^bits."""
        return self.less_than_and_equal(value, bits)[0]

    def equal(self, value: Words, bits: int) -> BitArray:
        """Shares (xor) of [x_0 = x_1], as `less_than`."""
        return self.less_than_and_equal(value, bits)[1]

    def less_than_and_equal(self, value: Words, bits: int) -> tuple[BitArray, BitArray]:
        """Shares (xor) of [x_0 < x_1] and of [x_0 = x_1], as `less_than`; see `comparison`.

        The random products that the tree needs are prepared in the same flights as the digits'
        outcomes; then each level takes one round.
        """
        if not 1 <= bits <= MAX_BITS:
            raise ValueError(f"integers of 1 to {MAX_BITS} bits are compared, not of {bits}")
        if not value.size:
            return np.zeros(0, np.uint8), np.zeros(0, np.uint8)
        with self._channel.scope("compare"):
            outcomes, products = self._compare_digits(digits_of(value, bits), value.size)
            while len(outcomes) > 1:
                level = Level(outcomes, products)
                data = pack_words(level.opened.astype(np.uint64), OPENED_BITS)
                received = self._channel.exchange("join", data, len(data))
                opened = unpack_words(received, level.opened.size, OPENED_BITS)
                outcomes = level.joined(opened.astype(np.uint8), self._party)
        return outcomes[0] & np.uint8(1), outcomes[0] >> np.uint8(1)

    def _compare_digits(self, groups: list[Digits], count: int) -> tuple[BitArray, Products]:
        """Shares of the outcomes (digits, count), and a product for each join."""
        joins = sum(group.values.size for group in groups) - count
        if self._party is Party.CLIENT:
            compared = sum(group.transfers for group in groups)
            rows = self.rows(sending=compared, choices=_NO_CHOICES, random=joins)
        else:
            digits = [transfers.choice_digits(group.values, group.width) for group in groups]
            rows = self.rows(sending=0, choices=np.concatenate(digits), random=joins)
        b, own = transfers.offer_random(self._sender, rows.random_offered, OUTCOME_BITS)
        other = transfers.accept_random(self._receiver, rows.random_chosen, OUTCOME_BITS)
        products = prepared_products(rows.random_bits, b, own, other)
        outcomes = (
            self._offer_outcomes(rows.offered, groups)
            if self._party is Party.CLIENT
            else self._accept_outcomes(rows.chosen, groups)
        )
        return outcomes.reshape(-1, count), products

    def _offer_outcomes(self, rows: Words, groups: list[Digits]) -> BitArray:
        shares, tables = [], []
        for group in groups:
            own, rows = rows[: group.transfers], rows[group.transfers :]
            share = self._shares.ring((group.values.size,), OUTCOME_BITS).astype(np.uint8)
            masked = offer_outcomes(self._sender, own, group, share)
            shares.append(share)
            tables.append(pack_words(masked, group.table_bits))
        self._channel.send("outcomes", b"".join(tables))
        return np.concatenate(shares)

    def _accept_outcomes(self, rows: Words, groups: list[Digits]) -> BitArray:
        sizes = [packed_size(group.values.size, group.table_bits) for group in groups]
        received = self._channel.receive("outcomes", sum(sizes))
        shares = []
        for group, size in zip(groups, sizes, strict=True):
            own, rows = rows[: group.transfers], rows[group.transfers :]
            table, received = received[:size], received[size:]
            masked = unpack_words(table, group.values.size, group.table_bits)
            shares.append(accept_outcomes(self._receiver, own, group, masked))
        return np.concatenate(shares)


@dataclass(frozen=True)
class TransferRows:
    """Rows (n, 2) of one call.

    Fields: `offered` as the sender and `chosen` as the receiver, for choices that somebody made;
    the same for random ones, and `random_bits`, the choices of `random_chosen`.
    """

    offered: Words
    chosen: Words
    random_offered: Words
    random_chosen: Words
    random_bits: BitArray


def _vector(values: NDArray[Any], kind: type[Entry]) -> NDArray[Entry]:
    """The values contiguous and of one type, since kernels are compiled anew for every other."""
    return np.ascontiguousarray(values, kind)


def _width(modulus: int) -> int:
    """Bits of an element on the wire.

    Raises:
        ValueError: neither p nor a power of two from 2 to 2^62.
    """
    if modulus == P:
        return P_BITS
    width = modulus.bit_length() - 1
    if not 1 <= width <= MAX_BITS or modulus != 1 << width:
        raise ValueError(f"correlations are modulo p or a power of two up to 2^62, not {modulus}")
    return width

"""Broken transfers that still compute the right results, and the checks that tell them apart.

Every check holds for the real code and fails for the mutant, which shows that it can fail.
"""

from typing import Any

import numpy as np
import pytest
from extension_pair import SALT, extension_pair, pads_pair

from cryptomoe.ot import pads, transfers
from cryptomoe.ot.aes import Words
from cryptomoe.ot.comparison import Digits, offer_outcomes
from cryptomoe.ot.pads import PadHash, SenderPads
from cryptomoe.party import Party

TABLES = 200
BITS = 40


class EqualPads(PadHash):
    """A hash that repeats one block of pads for all blocks of a row."""

    def pads(self, inputs: Words, offset: Words, first: int) -> Words:
        """Every second pad, twice."""
        return np.repeat(super().pads(inputs[::2], offset, first), 2, axis=0)


class ConstantTweak(PadHash):
    """A hash without a tweak."""

    def pads(self, inputs: Words, offset: Words, first: int) -> Words:
        """All pads under one tweak."""
        tweak = first - first
        return np.concatenate(
            [super(ConstantTweak, self).pads(row[np.newaxis], offset, tweak) for row in inputs]
        )


def one_pad_for_all_entries(
    zero: Words, one: Words, messages: Words, lane: int, masked: Words
) -> None:
    """`transfers._mask` with the first lane of the pads for every entry."""
    count = len(zero) // len(messages)
    for entry in range(messages.shape[1]):
        masked[:, entry] = messages[:, entry]
        for j in range(count):
            masked[:, entry] ^= (one if entry >> j & 1 else zero)[j::count, 0]


# --- tables: four masks must not cancel -----------------------------------------------------------


def cancelling_tables() -> int:
    """How many tables of zeros show a square of four entries that are zero together."""
    _, sender = pads_pair(np.ones(128, np.uint8))
    rows = np.random.default_rng(1).integers(0, 2**64, (TABLES * 3, 2), dtype=np.uint64)
    masks = transfers.mask_table(sender, rows, np.zeros((TABLES, 8), np.uint64), BITS)
    squares = masks[:, 0] ^ masks[:, 1] ^ masks[:, 2] ^ masks[:, 3]
    return int((squares == 0).sum())


def test_masks_of_a_table_do_not_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry 3 would be the exclusive or of entries 0, 1 and 2 for whoever sees the table."""
    assert cancelling_tables() == 0
    monkeypatch.setattr(transfers, "_mask", one_pad_for_all_entries)
    assert cancelling_tables() == TABLES


def test_the_broken_table_computes_the_right_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of results alone would not reject it."""
    monkeypatch.setattr(transfers, "_mask", one_pad_for_all_entries)
    monkeypatch.setattr(
        transfers,
        "_unmask",
        lambda pads, choices, masked, _lane, chosen: np.copyto(
            chosen,
            masked[np.arange(len(masked)), choices]
            ^ np.bitwise_xor.reduce(pads[:, 0].reshape(len(masked), -1), axis=1),
        ),
    )
    messages = np.random.default_rng(2).integers(0, 1 << BITS, (50, 8), dtype=np.uint64)
    choices = np.random.default_rng(3).integers(0, 8, 50, dtype=np.uint8)
    receiver, sender, delta = extension_pair(4)
    message, own = receiver.extend(transfers.choice_digits(choices, 3))
    opening, masking = pads_pair(delta)
    masked = transfers.mask_table(masking, sender.extend(message, 150), messages, BITS)
    opened = transfers.unmask_table(opening, own, choices, masked, BITS)
    assert opened.tolist() == messages[np.arange(50), choices].tolist()


class OneBitPads(SenderPads):
    """A sender whose pads are one bit, repeated."""

    def pads(self, rows: Words, blocks: int) -> tuple[Words, Words]:
        """The lowest bit of each word, in all places."""
        zero, one = super().pads(rows, blocks)
        low = np.uint64(1)
        return np.uint64(0) - (zero & low), np.uint64(0) - (one & low)


def outcome_squares(kind: type[SenderPads]) -> int:
    """Ones among the exclusive ors of four masks of outcomes, over all tables."""
    sender = kind(np.array([5, 7], np.uint64), SALT)
    digits = Digits(np.full(TABLES, 15, np.uint8), 4)
    rows = np.random.default_rng(7).integers(0, 2**64, (TABLES * 4, 2), dtype=np.uint64)
    table = offer_outcomes(sender, rows, digits, np.zeros(TABLES, np.uint8))
    bits = table[:, np.newaxis] >> np.arange(4, dtype=np.uint64) & np.uint64(1)
    return int(np.bitwise_xor.reduce(bits, axis=1).sum())


def test_masks_of_outcomes_do_not_cancel() -> None:
    """With the greatest digit, [digit < v] is zero everywhere: what is seen is the masks."""
    assert abs(outcome_squares(SenderPads) - TABLES / 2) < 6 * np.sqrt(TABLES) / 2
    assert outcome_squares(OneBitPads) == 0


# --- the hash -------------------------------------------------------------------------------------


def repeated_pads(pad_hash: PadHash) -> int:
    """Pads that came before, among those of equal rows."""
    made = pad_hash.pads(np.full((100, 2), 9, np.uint64), np.zeros(2, np.uint64), 50)
    return len(made) - len(np.unique(made, axis=0))


@pytest.mark.parametrize(("mutant", "repeated"), [(ConstantTweak, 99), (EqualPads, 50)])
def test_equal_rows_have_different_pads(mutant: type[PadHash], repeated: int) -> None:
    """The blocks of one transfer are pads of one row: only the tweak tells them apart."""
    assert repeated_pads(PadHash(SALT)) == 0
    assert repeated_pads(mutant(SALT)) == repeated


def test_the_hash_without_tweaks_computes_the_right_pads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pads, "PadHash", ConstantTweak)
    receiver, sender, delta = extension_pair(8)
    choices = np.arange(40, dtype=np.uint8) % np.uint8(2)
    message, own = receiver.extend(choices)
    opening, masking = pads_pair(delta)
    both = masking.pads(sender.extend(message, 40), 2)
    chosen = np.where(choices[:, np.newaxis] == 1, both[1], both[0])
    assert np.array_equal(opening.pads(own, 2), chosen)
    assert np.array_equal(chosen[:, :2], chosen[:, 2:])


def hashed_twice_alike(*, restart: bool) -> bool:
    """Whether hashing the same rows again gives the same pads."""
    _, sender = pads_pair(np.ones(128, np.uint8))
    rows = np.ones((4, 2), np.uint64)
    first = sender.pads(rows, 1)[0]
    if restart:
        sender._tweak = 0
    return np.array_equal(first, sender.pads(rows, 1)[0])


def test_a_tweak_is_used_once() -> None:
    assert not hashed_twice_alike(restart=False)
    assert hashed_twice_alike(restart=True)


# --- the extension --------------------------------------------------------------------------------


def choices_visible(*, restart: bool) -> bool:
    """Whether two messages of a receiver differ by the difference of its choices in every row."""
    receiver, _, _ = extension_pair(10)
    choices = np.random.default_rng(11).integers(0, 2, (2, 128), dtype=np.uint8)
    messages = []
    for own in choices:
        if restart:
            receiver._block = 0
        message, _ = receiver.extend(own)
        messages.append(np.frombuffer(message, np.uint8).reshape(128, 16))
    difference = np.packbits(choices[0] ^ choices[1], bitorder="little")
    return bool((messages[0] ^ messages[1] == difference).all())


def test_the_receivers_expansion_is_used_once() -> None:
    """Expanding the seeds from the start again would open the differences of all choices."""
    assert not choices_visible(restart=False)
    assert choices_visible(restart=True)


class Zeros:
    """A generator that only gives zeros."""

    def ring(self, shape: tuple[int, ...], _bits: int) -> Words:
        """As a stream's."""
        return np.zeros(shape, np.uint64)

    def bits(self, count: int) -> Any:
        """As a stream's."""
        return np.zeros(count, np.uint8)


def servers_share(parties: Any) -> Any:
    """The server's shares of many comparisons, all of them true."""
    values = [np.zeros(2000, np.uint64), np.ones(2000, np.uint64)]
    return parties.run(lambda own, i: own.less_than(values[i], 4))[1]


def test_the_receiver_of_outcomes_learns_none(make_parties: Any) -> None:
    """Its shares are balanced; unless the sender's own are constant, when they are the results."""
    parties = make_parties()
    assert abs(int(servers_share(parties).sum()) - 1000) < 6 * np.sqrt(2000) / 2
    parties.endpoints[Party.CLIENT]._shares = Zeros()
    assert servers_share(parties).all()

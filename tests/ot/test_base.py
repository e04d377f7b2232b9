"""Base transfers: the receiver gets the chosen seed and never the other."""

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.errors import MalformedMessageError
from cryptomoe.ot import base
from cryptomoe.ot.base import KEY_BYTES, SEED_BYTES, BaseReceiver, base_send

SMALL_ORDER = [
    # Encodings of points of order 1, 2, 4 and 8 (RFC 7748, section 6.1, and its errata).
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    2**255 - 20,
    2**255 - 19,
    2**255 - 18,
]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=6))
def test_the_receiver_gets_the_chosen_seeds_only(choices: list[int]) -> None:
    receiver = BaseReceiver.start(tuple(choices))
    key, pairs = base_send("offers", receiver.message)
    chosen = receiver.finish("key", key)
    assert chosen == [pair[choice] for pair, choice in zip(pairs, choices, strict=True)]
    seeds = list(itertools.chain(*pairs))
    assert len(set(seeds)) == 2 * len(choices)
    assert {len(seed) for seed in seeds} == {SEED_BYTES}


@pytest.mark.parametrize("choice", [0, 1])
def test_the_other_seed_needs_a_key_the_receiver_does_not_have(choice: int) -> None:
    """What the receiver can compute from its one key gives the chosen seed for one slot only."""
    receiver = BaseReceiver.start((choice,))
    key, ((zero, one),) = base_send("offers", receiver.message)
    shared = receiver.own[0].exchange(X25519PublicKey.from_public_bytes(key))
    computable = [
        base._seed(
            0, slot, key, receiver.message[KEY_BYTES * slot : KEY_BYTES * (slot + 1)], shared
        )
        for slot in (0, 1)
    ]
    seeds = (zero, one)
    assert computable[choice] == seeds[choice]
    assert computable[1 - choice] not in seeds


@pytest.mark.parametrize("choice", [0, 1])
def test_the_place_of_the_own_key_is_the_choice(choice: int) -> None:
    receiver = BaseReceiver.start((choice,))
    own = receiver.own[0].public_key().public_bytes_raw()
    assert receiver.message[KEY_BYTES * choice : KEY_BYTES * (choice + 1)] == own
    assert len(receiver.message) == 2 * KEY_BYTES


def test_both_offered_keys_look_alike() -> None:
    """Both lie on the curve and in no part of it that the other avoids: u and -u as the mean."""
    receiver = BaseReceiver.start((0,) * 40)
    offered = [
        int.from_bytes(receiver.message[start : start + KEY_BYTES], "little")
        for start in range(0, len(receiver.message), KEY_BYTES)
    ]
    assert len(set(offered)) == len(offered)
    assert all(base._on_curve(u) and u < base._FIELD for u in offered)
    for column in (offered[::2], offered[1::2]):
        assert 4 < sum(u < base._FIELD // 2 for u in column) < 36


def test_on_curve_knows_the_curve_from_its_twist() -> None:
    """9 is the base point of the curve; 2 is the abscissa of a point of the twist."""
    assert base._on_curve(9)
    assert not base._on_curve(2)


@pytest.mark.parametrize("u", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(u: int) -> None:
    """Its shared secret is zero whatever the other's key, so every seed would be public."""
    weak = u.to_bytes(KEY_BYTES, "little")
    honest = X25519PrivateKey.generate().public_key().public_bytes_raw()
    for message in (weak + honest, honest + weak):
        with pytest.raises(MalformedMessageError) as caught:
            base_send("setup/base_transfers/offers", message)
        assert caught.value.label == "setup/base_transfers/offers"
    with pytest.raises(MalformedMessageError) as caught:
        BaseReceiver.start((1,)).finish("setup/base_transfers/key", weak)
    assert caught.value.label == "setup/base_transfers/key"


def test_seeds_depend_on_everything_sent() -> None:
    """Place, choice, both keys and the secret: changing any changes the seed."""
    honest = base._seed(3, 0, b"s" * 32, b"o" * 32, b"x" * 32)
    others = [
        base._seed(4, 0, b"s" * 32, b"o" * 32, b"x" * 32),
        base._seed(3, 1, b"s" * 32, b"o" * 32, b"x" * 32),
        base._seed(3, 0, b"S" * 32, b"o" * 32, b"x" * 32),
        base._seed(3, 0, b"s" * 32, b"O" * 32, b"x" * 32),
        base._seed(3, 0, b"s" * 32, b"o" * 32, b"X" * 32),
    ]
    assert len({honest, *others}) == 6

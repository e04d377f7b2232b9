"""Work divided between threads: the same bytes for any number of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.he.flood import noise_deviation
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.rns_answering import RnsAnsweringParty
from cryptomoe.he.rns_owner import RnsKeyOwner
from cryptomoe.he.workers import Workers
from cryptomoe.randomness import Randomness

N = STANDARD.slots


def transcript(threads: int, count: int) -> list[bytes]:
    """Every message of a session with fixed seeds, and what the client decrypts."""
    owner = RnsKeyOwner(STANDARD, Randomness(bytes(32)), threads=threads)
    server = RnsAnsweringParty(STANDARD, Randomness(bytes([1]) * 32), threads=threads)
    messages = [owner.public_key(), owner.galois_key(5)]
    server.set_public_key("public_key", messages[0])
    server.set_galois_key("galois_key", 5, messages[1])
    generator = np.random.default_rng(2)
    slots = generator.integers(0, fp.P, (count, N), dtype=np.uint64)
    weights = generator.integers(0, fp.P, (8, N), dtype=np.uint64)
    messages.append(owner.encrypt(slots))
    ciphertexts = server.load("request", messages[-1], count)
    server.add_slots(ciphertexts, slots)
    panel = server.turned(ciphertexts, 5, 2, count)
    sums = server.sums_of_products(
        panel, server.encode(lambda i, j: weights[i:j], 4, 2, lasting=True)
    )
    collected = server.collected(sums, 4, count, 5, None)
    deviation = noise_deviation(STANDARD, 8, 1, 3)
    for batch in (collected, server.products(ciphertexts, weights[:count], 1)):
        message, masks = server.answer(batch, deviation)
        messages += [message, masks.tobytes(), owner.decrypt("answer", message, count).tobytes()]
    return messages


@pytest.mark.parametrize("count", [1, 3, 6])
def test_messages_do_not_depend_on_the_number_of_threads(count: int) -> None:
    """Fewer ciphertexts than threads, and more."""
    alone = transcript(1, count)
    for threads in (2, 3, 5):
        assert transcript(threads, count) == alone


def test_seeds_and_masks_are_new_every_time() -> None:
    """The same slots, encrypted and answered again, share no seed."""
    owner = RnsKeyOwner(STANDARD, Randomness(bytes(32)))
    size = owner.sizes.request_bytes
    message = owner.encrypt(np.zeros((3, N), np.uint64)) + owner.encrypt(
        np.zeros((2, N), np.uint64)
    )
    seeds = {message[i * size : i * size + 32] for i in range(5)}
    seeds |= {owner.public_key()[:32], owner.galois_key(1)[:32], owner.galois_key(1)[:32]}
    assert len(seeds) == 8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(1, 6))
def test_every_piece_of_work_is_done_once(count: int, threads: int) -> None:
    done = np.zeros(count, np.int64)

    def work(start: int, stop: int) -> None:
        done[start:stop] += 1

    Workers(threads).share(count, work)
    assert (done == 1).all()


@pytest.mark.parametrize("place", [0, 5, 9])
def test_an_error_of_any_thread_is_raised(place: int) -> None:
    def work(start: int, stop: int) -> None:
        if start <= place < stop:
            raise KeyError(place)

    with pytest.raises(KeyError):
        Workers(3).share(10, work)


def test_by_default_all_processors_take_part() -> None:
    assert Workers().threads >= 1

"""Residues on the wire: a fixed width, and nothing at or above its prime gets in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.errors import MalformedMessageError
from cryptomoe.field import FieldArray
from cryptomoe.he.parameters import PRIME_BITS, STANDARD
from cryptomoe.he.wire import pack_residues, unpack_residues

PRIMES = STANDARD.data_primes
SHAPE = (2, 2, len(PRIMES), 16)
ENDS = {
    "first": (0, 0, 0, 0),
    "last": (1, 1, len(PRIMES) - 1, 15),
    "a middle prime": (1, 0, 3, 7),
    "first of the last prime": (0, 0, len(PRIMES) - 1, 0),
    "last of the first prime": (1, 1, 0, 15),
}


def residues_of(shape: tuple[int, ...], primes: tuple[int, ...], seed: int) -> FieldArray:
    """Uniform residues; the last but one axis runs over `primes`."""
    generator = np.random.default_rng(seed)
    limits = np.array(primes, np.uint64)[:, np.newaxis]
    return generator.integers(0, np.broadcast_to(limits, shape), dtype=np.uint64)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 7), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_residues_come_back(count: int, primes: int, degree: int, seed: int) -> None:
    chosen = (*PRIMES, STANDARD.special_prime)[:primes]
    residues = residues_of((count, 2, primes, degree), chosen, seed)
    packed = pack_residues(residues)
    assert len(packed) == (residues.size * PRIME_BITS + 7) // 8
    assert np.array_equal(unpack_residues("x", packed, residues.shape, chosen), residues)


@pytest.mark.parametrize("fill", [0, 1, min(PRIMES) - 1])
def test_the_size_does_not_depend_on_the_contents(fill: int) -> None:
    """Not even for zeros, which a compressor would shrink."""
    packed = pack_residues(np.full(SHAPE, fill, np.uint64))
    assert len(packed) == np.prod(SHAPE) * PRIME_BITS // 8


@pytest.mark.parametrize("place", ENDS)
def test_a_residue_that_is_not_below_its_prime_is_refused(place: str) -> None:
    """The prime itself, and the largest number that fits; one less than the prime is taken."""
    residues = residues_of(SHAPE, PRIMES, 1)
    prime = PRIMES[ENDS[place][2]]
    for wrong in (prime, (1 << PRIME_BITS) - 1):
        residues[ENDS[place]] = wrong
        with pytest.raises(MalformedMessageError, match="layer0/answer") as caught:
            unpack_residues("layer0/answer", pack_residues(residues), SHAPE, PRIMES)
        assert caught.value.label == "layer0/answer"
    residues[ENDS[place]] = prime - 1
    assert unpack_residues("x", pack_residues(residues), SHAPE, PRIMES)[ENDS[place]] == prime - 1


def test_every_prime_is_held_to_its_own_bound() -> None:
    """A residue between two primes is refused at the smaller and taken at the larger."""
    order = np.argsort(PRIMES)
    smaller, larger = int(order[0]), int(order[-1])
    between = PRIMES[smaller]
    residues = np.zeros(SHAPE, np.uint64)
    residues[0, 0, larger, 0] = between
    unpack_residues("x", pack_residues(residues), SHAPE, PRIMES)
    residues[0, 0, smaller, 0] = between
    with pytest.raises(MalformedMessageError):
        unpack_residues("x", pack_residues(residues), SHAPE, PRIMES)


@pytest.mark.parametrize("cut", [1, 30])
@pytest.mark.parametrize("longer", [False, True])
def test_a_buffer_of_another_size_is_refused(cut: int, *, longer: bool) -> None:
    """The channel checks sizes first, so here it is a wrong call."""
    packed = pack_residues(residues_of(SHAPE, PRIMES, 2))
    wrong = packed + bytes(cut) if longer else packed[:-cut]
    with pytest.raises(ValueError, match="packed bytes are needed"):
        unpack_residues("x", wrong, SHAPE, PRIMES)


def test_the_error_tells_no_residue() -> None:
    residues = residues_of(SHAPE, PRIMES, 3)
    residues[0, 0, 0, 0] = PRIMES[0] + 5
    with pytest.raises(MalformedMessageError) as caught:
        unpack_residues("x", pack_residues(residues), SHAPE, PRIMES)
    assert str(PRIMES[0] + 5) not in str(caught.value)

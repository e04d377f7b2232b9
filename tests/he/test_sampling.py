"""What is drawn for keys and ciphertexts: its distribution, and one expansion at both parties."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.he.parameters import ERROR_DEVIATION, STANDARD
from cryptomoe.he.sampling import ERROR_BITS, _bit_count, errors, ternary, uniform_residues
from cryptomoe.randomness import Randomness, Stream, stream_key

N = STANDARD.degree
PRIMES = (*STANDARD.data_primes, STANDARD.special_prime)


def chi_squared(counts: np.ndarray, expected: np.ndarray) -> float:
    """In standard deviations above its mean."""
    common = expected >= 5
    statistic = ((counts - expected)[common] ** 2 / expected[common]).sum()
    degrees = common.sum() - 1
    return float((statistic - degrees) / math.sqrt(2 * degrees))


@settings(max_examples=20, deadline=None)
@given(
    st.binary(min_size=32, max_size=32),
    st.sampled_from([PRIMES, PRIMES[:1], (3, 12289, 0x20000001)]),
    st.integers(1, 5),
    st.sampled_from([1, 16, 100]),
)
def test_residues_are_those_of_the_specified_stream(
    seed: bytes, primes: tuple[int, ...], count: int, degree: int
) -> None:
    """Words of 32 bits in order, the low 30 of each, skipped unless below the prime."""
    stream = Stream(stream_key(seed, "uniform residues"))

    def draw(prime: int) -> int:
        while True:
            word = int.from_bytes(stream.bytes(4), "little") & ((1 << 30) - 1)
            if word < prime:
                return word

    if min(primes) < 1 << 20:
        # Small primes refuse nearly everything: a few residues must do.
        count, degree, primes = 1, 2, (0x20000001, 0x18000001)
    expected = [[draw(primes[i % len(primes)]) for _ in range(degree)] for i in range(count)]
    assert uniform_residues(seed, primes, count, degree).tolist() == expected


def test_residues_are_uniform() -> None:
    rows = uniform_residues(bytes(32), PRIMES, 4 * len(PRIMES), N)
    for i, prime in enumerate(PRIMES):
        values = rows[i :: len(PRIMES)].astype(np.uint64)
        counts = np.bincount((values * 256 // prime).reshape(-1).astype(np.int64), minlength=256)
        assert abs(chi_squared(counts, np.full(256, values.size / 256))) < 5
        assert values.max() < prime


def test_different_seeds_give_different_residues() -> None:
    first, second = (uniform_residues(bytes([i]) * 32, PRIMES, 1, N) for i in range(2))
    assert (first == second).mean() < 0.001


def test_the_secret_is_ternary_and_uniform() -> None:
    stream = Randomness(bytes(32)).stream("secret")
    values = np.concatenate([ternary(stream, N) for _ in range(8)])
    counts = np.bincount(values + 1, minlength=3)
    assert counts.sum() == values.size
    assert counts.size == 3
    assert abs(chi_squared(counts, np.full(3, values.size / 3))) < 5
    pairs = np.bincount((values[:-1] + 1) * 3 + values[1:] + 1, minlength=9)
    assert abs(chi_squared(pairs, np.full(9, values.size / 9))) < 5


@pytest.mark.parametrize("degree", [1, 2, 3, 5, 64])
def test_any_number_of_coefficients_is_drawn(degree: int) -> None:
    stream = Randomness(bytes([degree]) * 32).stream("secret")
    assert ternary(stream, degree).shape == (degree,)


def test_errors_are_differences_of_sums_of_21_bits() -> None:
    """The whole distribution, its bound, and the deviation that the flood counts with."""
    values = errors(Randomness(bytes(32)).stream("errors"), 32, N)
    ways = np.array([math.comb(2 * ERROR_BITS, k) for k in range(2 * ERROR_BITS + 1)], float)
    counts = np.bincount(values.reshape(-1) + ERROR_BITS, minlength=2 * ERROR_BITS + 1)
    assert counts.size == 2 * ERROR_BITS + 1
    assert abs(chi_squared(counts, ways / ways.sum() * values.size)) < 5
    exact = sum((k - ERROR_BITS) ** 2 * way for k, way in enumerate(ways)) / ways.sum()
    assert math.isclose(math.sqrt(exact), ERROR_DEVIATION, rel_tol=1e-12)
    assert abs(np.corrcoef(values[:, :-1].reshape(-1), values[:, 1:].reshape(-1))[0, 1]) < 0.01


def test_bits_are_counted() -> None:
    words = [0, 1, (1 << 64) - 1, 1 << 63, 0x123456789ABCDEF0]
    words += [(1 << a) | (1 << b) for a, b in product(range(0, 64, 7), repeat=2)]
    for word in words:
        assert _bit_count(np.uint64(word)) == word.bit_count()

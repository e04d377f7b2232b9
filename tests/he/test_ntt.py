"""The transforms: their definition, their inverses, and the same bits on every path."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cryptomoe.field import P
from cryptomoe.he import ntt
from cryptomoe.he.ntt import FieldTransform, Transforms
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.rns_scheme import scheme_of
from cryptomoe.he.roots import bit_reversed, rotated_positions, slot_positions, smallest_root

N = STANDARD.degree
PRIMES = (*STANDARD.data_primes, STANDARD.special_prime)
TRANSFORMS = scheme_of(STANDARD).transforms
FIELD = FieldTransform(P, N)
kinds = st.sampled_from(["uniform", "largest", "zeros", "ends"])
seeds = st.integers(0, 2**32 - 1)


def rows_of(kind: str, bounds: tuple[int, ...], degree: int, seed: int) -> NDArray[np.uint64]:
    """A row below each bound."""
    generator = np.random.default_rng(seed)
    limits = np.array(bounds, np.uint64)[:, np.newaxis]
    drawn = generator.integers(0, np.broadcast_to(limits, (len(bounds), degree)), dtype=np.uint64)
    if kind == "zeros":
        return np.zeros_like(drawn)
    if kind == "largest":
        return np.broadcast_to(limits - np.uint64(1), drawn.shape).copy()
    return drawn if kind == "uniform" else (drawn % np.uint64(2)) * (limits - np.uint64(1))


def value_at(row: NDArray[np.uint64], root: int, modulus: int, position: int) -> int:
    """The polynomial's value that belongs at a position of its transform, from the definition."""
    point = pow(root, 2 * int(bit_reversed(row.size)[position]) + 1, modulus)
    value = 0
    for coefficient in reversed(row.tolist()):
        value = (value * point + coefficient) % modulus
    return value


@pytest.mark.parametrize("prime", [*PRIMES, P])
def test_roots_are_the_smallest_of_their_order(prime: int) -> None:
    """Compared with all of them at a small degree, and of the right order at the real one."""
    found = [x for x in range(2, 1 << 12) if pow(x, 8, prime) == prime - 1]
    root = smallest_root(prime, 8)
    assert pow(root, 8, prime) == prime - 1
    assert not found or root == found[0]
    assert all(pow(root, i, prime) >= root for i in range(1, 16, 2))
    assert pow(smallest_root(prime, N), N, prime) == prime - 1


@settings(max_examples=15, deadline=None)
@given(kinds, st.integers(0, N - 1), seeds)
def test_a_transform_holds_the_values_at_the_roots(kind: str, position: int, seed: int) -> None:
    rows = rows_of(kind, PRIMES, N, seed)
    transformed = rows.astype(np.uint32)
    TRANSFORMS.forward(transformed, 0, len(PRIMES))
    prime = PRIMES[seed % len(PRIMES)]
    row = rows[seed % len(PRIMES)]
    expected = value_at(row, smallest_root(prime, N), prime, position)
    assert transformed[seed % len(PRIMES), position] == expected


@settings(max_examples=15, deadline=None)
@given(kinds, st.integers(1, 4), seeds)
def test_all_paths_give_the_same_bits_and_come_back(kind: str, scale: int, seed: int) -> None:
    """Inputs up to 4q forwards and 2q backwards; results are below q."""
    moduli = np.array(PRIMES, np.uint32)
    rows = rows_of(kind, tuple(scale * prime for prime in PRIMES), N, seed).astype(np.uint32)
    forward, portable = rows.copy(), rows.copy()
    TRANSFORMS.forward(forward, 0, len(PRIMES))
    ntt.portable_forward(portable, moduli, TRANSFORMS._tables[0])
    assert np.array_equal(forward, portable)
    assert (forward < moduli[:, np.newaxis]).all()
    lazy = forward + (moduli[:, np.newaxis] if scale % 2 else np.uint32(0))
    inverse, portable = lazy.copy(), lazy.copy()
    TRANSFORMS.inverse(inverse, 0, len(PRIMES))
    ntt.portable_inverse(portable, moduli, TRANSFORMS._tables[1])
    assert np.array_equal(inverse, portable)
    assert np.array_equal(inverse, rows % moduli[:, np.newaxis])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 6), st.integers(1, 3), seeds)
def test_rows_take_their_primes_in_turn(first: int, count: int, seed: int) -> None:
    count = min(count, len(PRIMES) - first)
    chosen = PRIMES[first : first + count]
    rows = rows_of("uniform", chosen * 2, N, seed).astype(np.uint32).reshape(2, count, N)
    together = rows.copy()
    TRANSFORMS.forward(together, first, count)
    for i in range(count):
        alone = np.ascontiguousarray(rows[:, i : i + 1])
        TRANSFORMS.forward(alone, first + i, 1)
        assert np.array_equal(alone[:, 0], together[:, i])


@pytest.mark.parametrize("degree", [8, 64, 4096])
def test_other_degrees_are_transformed_as_well(degree: int) -> None:
    """By plain loops: there are no vectors for them."""
    small = Transforms(PRIMES[:2], degree)
    rows = rows_of("uniform", PRIMES[:2], degree, degree)
    transformed = rows.astype(np.uint32)
    small.forward(transformed, 0, 2)
    root = smallest_root(PRIMES[1], degree)
    assert transformed[1, 5] == value_at(rows[1], root, PRIMES[1], 5)
    small.inverse(transformed, 0, 2)
    assert np.array_equal(transformed, rows)


def test_an_array_that_is_not_contiguous_is_refused() -> None:
    """A copy of it would be transformed, and nothing happen to the array."""
    rows = np.zeros((2, 3, N), np.uint32)
    for transform in (TRANSFORMS.forward, TRANSFORMS.inverse):
        with pytest.raises(ValueError, match="contiguous"):
            transform(rows[:, :2], 0, 2)
    doubles = np.zeros((2, 2 * N))[:, ::2]
    for transform in (FIELD.forward, FIELD.inverse):
        with pytest.raises(ValueError, match="contiguous"):
            transform(doubles)


# --- modulo p -------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(kinds, st.integers(0, N - 1), seeds)
def test_the_transform_modulo_p(kind: str, position: int, seed: int) -> None:
    """Values, centring, the same bits on every path, and the way back."""
    rows = rows_of(kind, (P, P), N, seed)
    start = ntt.centred(rows, P)
    vectors, portable = start.copy(), start.copy()
    FIELD.forward(vectors)
    ntt.portable_field_forward(portable, float(P), FIELD._forward)
    assert np.array_equal(vectors, portable)
    assert np.abs(vectors).max() <= P // 2
    assert int(vectors[0, position]) % P == value_at(rows[0], smallest_root(P, N), P, position)
    back, portable = vectors.copy(), vectors.copy()
    FIELD.inverse(back)
    ntt.portable_field_inverse(portable, float(P), FIELD._inverse)
    assert np.array_equal(back, portable)
    assert np.array_equal(back, start)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("size", [P // 2, P - 1])
def test_the_largest_sums_stay_exact(size: int, sign: int) -> None:
    """Coefficients that all add up at some root, so that sums grow as far as they can."""
    wave = np.sign(np.cos(np.pi * (np.arange(N) + 0.25) / N))
    for row in (np.full(N, 1.0), wave, np.where(np.arange(N) % 2, 1.0, -1.0)):
        start = sign * size * row[np.newaxis]
        transformed, portable = start.copy(), start.copy()
        FIELD.forward(transformed)
        ntt.portable_field_forward(portable, float(P), FIELD._forward)
        assert np.array_equal(transformed, portable)
        exact = start[0].astype(np.int64) % P
        root = smallest_root(P, N)
        for position in (0, 1, N // 2, N - 1):
            expected = value_at(exact.astype(np.uint64), root, P, position)
            assert int(transformed[0, position]) % P == expected
        back = start.copy()
        FIELD.inverse(back)
        FIELD.forward(back)
        assert np.array_equal(back.astype(np.int64) % P, start.astype(np.int64) % P)


# --- positions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("element", [3, 9, pow(3, 100, 2 * N), 2 * N - 1])
def test_an_automorphism_permutes_a_transform(element: int) -> None:
    row = rows_of("uniform", PRIMES[:1], N, element)
    turned = np.zeros_like(row)
    for i, value in enumerate(row[0].tolist()):
        power = i * element % (2 * N)
        turned[0, power % N] = value if power < N else (PRIMES[0] - value) % PRIMES[0]
    before, after = row.astype(np.uint32), turned.astype(np.uint32)
    for rows in (before, after):
        TRANSFORMS.forward(rows, 0, 1)
    assert np.array_equal(after, before[:, rotated_positions(N, element)])


def test_slots_are_all_positions() -> None:
    assert np.array_equal(np.sort(slot_positions(N)), np.arange(N))

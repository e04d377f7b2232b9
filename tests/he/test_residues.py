"""Arithmetic on residues equals integer arithmetic, at the ends of every range too."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cryptomoe.field import P
from cryptomoe.he import residues
from cryptomoe.he.parameters import STANDARD

PRIMES = STANDARD.data_primes
ALL = (*PRIMES, STANDARD.special_prime)
MODULI = np.array(PRIMES, np.uint32)
LENGTH = 32
FEW = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(["uniform", "ends"])


def below(bound: int, shape: tuple[int, ...], kind: str, seed: int) -> NDArray[np.uint64]:
    """Integers below a bound: all of them alike, or only those near its ends."""
    generator = np.random.default_rng(seed)
    if kind == "uniform":
        return generator.integers(0, bound, shape, dtype=np.uint64)
    near = generator.integers(0, 2, shape, dtype=np.uint64)
    return np.where(generator.random(shape) < 0.5, np.uint64(bound - 1) - near, near)


def rows_of(count: int, primes: tuple[int, ...], kind: str, seed: int) -> NDArray[np.uint32]:
    """Residues (count, primes, LENGTH)."""
    rows = [below(q, (count, LENGTH), kind, seed + i) for i, q in enumerate(primes)]
    return np.stack(rows, axis=1).astype(np.uint32)


def exact(rows: NDArray[np.uint32]) -> NDArray[np.object_]:
    """As integers without bound."""
    return rows.astype(object)


def column(primes: tuple[int, ...]) -> NDArray[np.object_]:
    """The primes, to broadcast against the rows' axes."""
    return np.array(primes, object)[:, np.newaxis]


@FEW
@given(kinds, seeds)
def test_sums_and_products(kind: str, seed: int) -> None:
    a, b, c = (rows_of(3, PRIMES, kind, seed + 10 * i) for i in range(3))
    q = column(PRIMES)
    total = a.copy()
    residues.add(total.reshape(-1, LENGTH), b.reshape(-1, LENGTH), MODULI)
    assert np.array_equal(exact(total), (exact(a) + exact(b)) % q)
    for sign in (1, -1):
        target = a.copy()
        flat = target.reshape(-1, LENGTH), b.reshape(-1, LENGTH)
        residues.add_product(*flat, c[0], sign, MODULI)
        expected = (exact(a) + sign * exact(b) * exact(c[:1])) % q
        assert np.array_equal(exact(target), expected)


@FEW
@given(seeds)
def test_small_integers_are_added(seed: int) -> None:
    start = rows_of(2, PRIMES, "ends", seed)
    small = np.random.default_rng(seed).integers(-21, 22, (2, LENGTH)).astype(np.int32)
    target = start.copy()
    residues.add_small(target, small, MODULI)
    expected = (exact(start) + small.astype(object)[:, np.newaxis]) % column(PRIMES)
    assert np.array_equal(exact(target), expected)


@FEW
@given(kinds, st.sampled_from([1, 2, 6]), seeds)
def test_plaintexts_are_lifted_and_scaled(kind: str, primes: int, seed: int) -> None:
    """As they multiply, and as they are added: round(Q x / p) exactly."""
    drawn = below(P, (2, LENGTH), kind, seed).astype(np.int64)
    drawn[0, :4] = [P // 2, P // 2 + 1, 0, P - 1]
    centred = np.where(drawn > P // 2, drawn - P, drawn)
    polynomials = centred.astype(np.float64)
    out = np.empty((2, primes, LENGTH), np.uint32)
    residues.lift_field(polynomials, MODULI[:primes], out)
    q = column(PRIMES[:primes])
    assert np.array_equal(exact(out), centred.astype(object)[:, np.newaxis] % q)
    modulus = math.prod(PRIMES[:primes])
    rest = modulus % P
    inverses = np.array([prime - pow(P, -1, prime) for prime in PRIMES[:primes]], np.uint32)
    residues.scale_field(
        polynomials, float(P), float(rest - P if rest > P // 2 else rest), inverses,
        MODULI[:primes], out,
    )  # fmt: skip
    rounded = (2 * modulus * centred.astype(object) + P) // (2 * P)
    assert np.array_equal(exact(out), rounded[:, np.newaxis] % q)


@FEW
@given(st.integers(1, 3), seeds)
def test_words_are_weighted(count: int, seed: int) -> None:
    words = below(1 << 62, (count, LENGTH), "ends" if seed % 2 else "uniform", seed)
    weights = np.stack([below(q, (count,), "ends", seed + i) for i, q in enumerate(PRIMES)])
    offsets = np.array([int(below(q, (), "uniform", seed + i)) for i, q in enumerate(PRIMES)])
    out = np.empty((len(PRIMES), LENGTH), np.uint32)
    residues.weighted_words(words, weights, offsets.astype(np.uint64), MODULI, out)
    expected = weights.astype(object) @ words.astype(object) + offsets.astype(object)[:, np.newaxis]
    assert np.array_equal(exact(out), expected % column(PRIMES))


def centred_rows(rows: NDArray[np.uint32], primes: tuple[int, ...]) -> NDArray[np.object_]:
    """The residues as integers around zero."""
    q = column(primes)
    return np.where(exact(rows) > q // 2, exact(rows) - q, exact(rows))


@FEW
@given(kinds, st.integers(0, 6), seeds)
def test_digits_are_centred_in_another_prime(kind: str, target: int, seed: int) -> None:
    rows = rows_of(2, PRIMES, kind, seed)
    rows[0, :, 0], rows[0, :, 1] = MODULI // 2, MODULI // 2 + 1
    out = np.empty_like(rows)
    q = ALL[target]
    residues.lift_centred(rows.reshape(-1, LENGTH), MODULI, q, out.reshape(-1, LENGTH))
    assert (out < 2 * q).all()
    assert np.array_equal(exact(out) % q, centred_rows(rows, PRIMES) % q)


@FEW
@given(st.integers(1, 6), kinds, seeds)
def test_the_last_prime_is_divided_out_and_rounded(last: int, kind: str, seed: int) -> None:
    """floor((x + half) / prime) of the integer that the residues stand for."""
    primes = PRIMES[:last]
    if last == 1:
        primes = PRIMES[:2]
    rows = rows_of(2, primes, kind, seed)
    kept, gone = primes[:-1], primes[-1]
    inverses = np.array([pow(gone, -1, prime) for prime in kept], np.uint32)
    out = np.empty((2, len(kept), LENGTH), np.uint32)
    residues.drop_last(rows, MODULI[: len(primes)], inverses, out)
    modulus = math.prod(primes)
    basis = [modulus // q * pow(modulus // q, -1, q) for q in primes]
    whole = (exact(rows) * np.array(basis, object)[:, np.newaxis]).sum(axis=1) % modulus
    expected = ((whole + gone // 2) // gone)[:, np.newaxis] % column(kept)
    assert np.array_equal(exact(out), expected)


@FEW
@given(st.integers(1, 6), seeds)
def test_rounding_to_the_field(primes: int, seed: int) -> None:
    """round(p x / Q): exact unless p x / Q is within 2^-20 of a half, where no answer is."""
    generator = np.random.default_rng(seed)
    chosen = PRIMES[:primes]
    modulus = math.prod(chosen)
    messages = below(P, (LENGTH,), "ends" if seed % 2 else "uniform", seed).tolist()
    noise = generator.uniform(-0.49, 0.49, LENGTH)
    whole = [
        round(modulus * m / P) if modulus < P else (modulus * m + int(e * modulus)) // P
        for m, e in zip(messages, noise, strict=True)
    ]
    rows = np.array([[x % q for x in whole] for q in chosen], np.uint32)[np.newaxis]
    inverses = np.array([pow(modulus // q, -1, q) for q in chosen], np.uint32)
    out = np.empty((1, LENGTH))
    residues.round_to_field(rows, inverses, MODULI[:primes], P, out)
    expected = [(2 * P * (x % modulus) + modulus) // (2 * modulus) % P for x in whole]
    assert [int(x) % P for x in out[0]] == expected
    assert np.abs(out).max() <= P // 2

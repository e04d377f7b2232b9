"""Noise of answers: its size, how well the flood hides it, and that decryption never fails."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from claims import proof
from flooding import (
    LEAST_WIDTH,
    Work,
    decryption_margin,
    distance_factor,
    exact_step,
    gaussian_distance,
    greatest_of_ones,
    pmf_of_four,
    statistical_distance,
    step_bound,
    sum_of_products,
)
from numpy.typing import NDArray

from cryptomoe.errors import UsageError
from cryptomoe.he.flood import (
    CEILING_COEFFICIENTS,
    flood_bits,
    noise_deviation,
    sample_flood,
)
from cryptomoe.he.parameters import STANDARD
from cryptomoe.randomness import Stream

Matrix = NDArray[np.int64]


def automorphism(degree: int, element: int) -> Matrix:
    """X -> X^element on coefficients of a ring of X^degree + 1, as a matrix."""
    matrix = np.zeros((degree, degree), np.int64)
    for power in range(degree):
        place = power * element % (2 * degree)
        matrix[place % degree, power] = 1 if place < degree else -1
    return matrix


def multiplication(plaintext: Matrix) -> Matrix:
    """Multiplication by a plaintext on coefficients, as a matrix."""
    degree = plaintext.size
    columns = []
    for power in range(degree):
        turned = np.roll(plaintext, power)
        turned[:power] *= -1
        columns.append(turned)
    return np.stack(columns, axis=1)


@proof(functionality="linear", method="exhaustive")
def test_rotated_noise_adds_up_incoherently() -> None:
    """Noises of differently rotated copies of one ciphertext add up in square, for all plaintexts.

    On the ring of X^N + 1, the maps v -> m sigma(v) for different automorphisms sigma are
    orthogonal in the Frobenius inner product: in the canonical embedding they are diagonal times
    different permutations that agree nowhere. So sum over coefficients of the variance of
    sum_j m_j sigma_j(v) is N sum_j |m_j|^2 times that of v, though all copies share v. The inner
    product is bilinear in the plaintexts, so unit monomials prove it: N = 8, 16 and 32, all pairs.
    """
    for degree in (8, 16, 32):
        maps = [
            (multiplication(monomial) @ automorphism(degree, element)).reshape(-1)
            for element in range(1, 2 * degree, 2)
            for monomial in np.eye(degree, dtype=np.int64)
        ]
        inner = np.stack(maps) @ np.stack(maps).T
        assert np.array_equal(inner, degree * np.eye(degree * degree, dtype=np.int64))


@proof(functionality="linear", method="counterexample")
def test_equal_rotations_would_add_up_coherently() -> None:
    """Without different rotations the noise of b products can be b times, not sqrt(b) times, one's.

    Twice the same automorphism and the same plaintext: the square sum is 4, not 2, times one's.
    """
    plaintext = np.arange(1, 9)
    one = multiplication(plaintext) @ automorphism(8, 3)
    assert ((one + one) ** 2).sum() == 4 * 8 * (plaintext**2).sum()


@proof(functionality="linear", method="exhaustive")
def test_largest_value_of_the_polynomial_of_ones() -> None:
    """1 + X + ... + X^(N-1) is at most 1 / sin(pi / 2N) in size at the roots of X^N + 1.

    It is 2 / (1 - root), greatest at the root next to 1. All roots, N = 8 to 8192; squared over all
    roots its mean is N, so no plaintext gains more than that root's share.
    """
    for degree in (8, 64, 8192):
        roots = np.exp(1j * math.pi * np.arange(1, 2 * degree, 2) / degree)
        values = np.abs(2 / (1 - roots))
        assert math.isclose(values.max(), greatest_of_ones(degree), rel_tol=1e-6)
        assert math.isclose((values**2).mean(), degree, rel_tol=1e-6)


@proof(functionality="linear", method="measurement")
def test_the_sized_noise_is_no_less_than_the_derived_one() -> None:
    """The deviation that floods are sized for covers the derived one, within 1 %.

    For a grid of products and rotations: variance 21/2 of SEAL's errors, roundings that line up,
    digits about their mean and their mean at the worst plaintext. Not covered: plaintexts of
    different products that are chosen together to align with the digits' mean, the same in all of
    them; they could multiply that part by at most the root of the number of products.
    """
    for products, before, after in product((1, 2, 64, 4096), (0, 1, 14), (0, 1, 126)):
        derived = sum_of_products(STANDARD, Work(products, before, after)).deviation
        assert 0.99 < derived / noise_deviation(STANDARD, products, before, after) <= 1


@proof(functionality="flood", method="exact rationals")
def test_hellinger_step_of_four_uniforms() -> None:
    """A sum of four uniforms of width n moved by one is within Hellinger distance 0.6244 / n.

    n^2 H^2 <= 0.3898 for all n >= 2^41, by blocks in exact rationals; the direct sum at n up to
    4096 approaches 0.38947 (Fisher information of the continuous sum over 8).
    """
    bound = step_bound()
    assert bound < Fraction(3898, 10_000)
    assert bound < Fraction(6244, 10_000) ** 2
    for width, tolerance in ((64, 3e-4), (256, 3e-5), (1024, 3e-6)):
        assert abs(exact_step(width) - 0.389466) < tolerance
    assert float(bound) > exact_step(1 << 10)


@proof(functionality="flood", method="enumeration")
def test_single_shifts_against_exact_distances() -> None:
    """For one coefficient the exact statistical distance is below the bound used for all.

    Widths 16 to 256 and every shift: sum |f(x) - f(x - d)| / 2 <= sqrt(2 J) d / n with J the direct
    Hellinger sum at that width.
    """
    for width in (16, 64, 256):
        ways = pmf_of_four(width)
        total, step = sum(ways), exact_step(width)
        assert total == width**4
        for shift in (1, 2, 3, width // 8, width // 2):
            padded = [0] * shift + ways
            moved = ways + [0] * shift
            distance = sum(abs(a - b) for a, b in zip(padded, moved, strict=True)) / (2 * total)
            assert distance <= math.sqrt(2 * step) * shift / width


@proof(functionality="flood", method="counterexample")
def test_fewer_uniforms_do_not_suffice() -> None:
    """One or two uniforms lose more: their Hellinger step does not fall as 1 / n^2.

    n^2 H^2 of one uniform grows as n, of two as log n; three and four converge.
    """
    steps: dict[int, list[float]] = {}
    for count in (1, 2, 3, 4):
        for width in (64, 512):
            ways = np.ones(1)
            for _ in range(count):
                ways = np.convolve(ways, np.ones(width) / width)
            roots = np.sqrt(np.concatenate([[0.0], ways, [0.0]]))
            steps.setdefault(count, []).append(float((np.diff(roots) ** 2).sum()) / 2 * width**2)
    assert steps[1][1] > 7 * steps[1][0]
    assert steps[2][1] - steps[2][0] > 0.4
    assert abs(steps[3][1] / steps[3][0] - 1) < 0.05
    assert abs(steps[4][1] / steps[4][0] - 1) < 0.05


@proof(functionality="flood", method="exact rationals")
def test_distance_of_a_whole_inference() -> None:
    """All floods of an inference together cost at most 1.02 * 2^-40 sqrt(coefficients / 2^32).

    With four uniforms, whatever the plaintexts are within `noise_deviation`. So the total is below
    2^-40.01 at the ceiling of coefficients, 15/16 of 2^32; at 2^32 itself it would not be below
    2^-40. For a Gaussian the factor is 0.798.
    """
    assert 1 < distance_factor() < 1.02
    assert statistical_distance(CEILING_COEFFICIENTS) < 2**-40.01
    assert 2**-40 < statistical_distance(1 << 32) < 2**-39.97
    assert gaussian_distance(2.0**-39) < 0.798 * 2**-40
    # Every flood is wide enough for the bound on its step.
    assert 2 ** (flood_bits(STANDARD, noise_deviation(STANDARD, 1, 0, 0)) + 1) > LEAST_WIDTH


def accepted() -> list[tuple[Work, int]]:
    """Work that the code accepts, up to very large amounts, and the bits of its flood."""
    found = []
    for products, before, after in product(
        (1 << i for i in range(0, 25, 2)), (0, 1, 30, 126), (0, 1, 1000)
    ):
        try:
            bits = flood_bits(STANDARD, noise_deviation(STANDARD, products, before, after))
        except UsageError:
            continue
        found.append((Work(products, before, after), bits))
    return found


@proof(functionality="linear", method="exact rationals")
def test_decryption_never_fails() -> None:
    """No answer that is accepted can decrypt wrongly, whatever errors were drawn.

    The errors of SEAL are bounded, and so are the flood and every rounding: the greatest noise
    possible is below 0.76 of q' / (2p) for all work that `flood_bits` accepts, on a grid up to 2^24
    products, 126 rotations before and 1000 after. The failure probability is 0.
    """
    works = accepted()
    assert Work(1, 0, 0) in {work for work, _ in works}
    assert len(works) > 20
    for work, bits in works:
        assert decryption_margin(STANDARD, bits, work) < Fraction(76, 100), work


@proof(functionality="flood", method="counterexample")
def test_products_that_do_not_fit_are_refused() -> None:
    """A product whose flood would not fit under the modulus is refused, before anything is sent."""
    with pytest.raises(UsageError):
        flood_bits(STANDARD, noise_deviation(STANDARD, 1 << 60, 1000, 0))


class _Known(Stream):
    """A stream of known values."""

    def __init__(self) -> None:
        super().__init__(bytes(16))
        self.drawn: list[tuple[int, NDArray[np.uint64]]] = []

    def ring(self, shape: tuple[int, ...], bits: int) -> NDArray[np.uint64]:
        """Values are kept."""
        values = super().ring(shape, bits)
        self.drawn.append((bits, values))
        return values


@proof(functionality="flood", method="measurement")
def test_a_flood_is_the_sum_of_four_uniforms() -> None:
    """The sampled residues are those of four uniforms on [-2^w, 2^w), pieced together from words.

    Recomputed with integers of any size from the drawn words, for widths on both sides of a word.
    """
    for bits in (3, 58, 59, 60, 70, 119, 120):
        stream = _Known()
        residues = sample_flood(stream, STANDARD, bits)
        assert sum(width for width, _ in stream.drawn) == bits + 1
        total = np.full(STANDARD.degree, -4 << bits, object)
        start = 0
        for width, words in stream.drawn:
            total = total + (words.astype(object).sum(axis=0) << start)
            start += width
        for prime, row in zip(STANDARD.data_primes, residues, strict=True):
            assert (total % prime == row.astype(object)).all()

"""Noise flooding: what hides, statistically, how the noise of an answer came about.

The noise of an answer depends on the plaintexts it was multiplied by, which belong to the answering
party. A fresh, far larger noise is added to c0. With the noise of an answer of root mean square r
(`noise_deviation`), and C coefficients in all answers of one inference together, a deviation of
2^39 sqrt(C) r keeps the statistical distance of the whole inference below 2^-40, for a Gaussian. A
sum of four uniforms, which is drawn here, costs 2 % more; the ceiling allows for that.
"""

import math
from dataclasses import dataclass

import numpy as np

from cryptomoe.errors import UsageError
from cryptomoe.field import FieldArray
from cryptomoe.he.parameters import ERROR_DEVIATION, HeParameters
from cryptomoe.randomness import Stream

_SIZED_FOR = 1 << 32
"""The C that floods are sized for."""
CEILING_COEFFICIENTS = _SIZED_FOR // 16 * 15
"""Coefficients of all answers of one inference; more are refused. Four uniforms cost 1.0197 2^-40
sqrt(coefficients / C) (`proofs/flooding.py`), which stays below 2^-40 up to here.
"""
STATISTICAL_BITS = 40
_UNIFORMS = 4
_WORD_BITS = 60
_ROUNDING = 1.0
"""Two plaintexts are added to a fresh ciphertext; each time q m / p is rounded, by at most 1/2."""


def key_switch_deviation(parameters: HeParameters) -> float:
    """Standard deviation of the noise that one rotation adds.

    Every digit is below its prime and is multiplied by an error of the key; the special prime
    divides the sum, and that division rounds.
    """
    digits = len(parameters.data_primes)
    products = ERROR_DEVIATION * math.sqrt(digits * parameters.degree / 3)
    rounding = math.sqrt((1 + 2 * parameters.degree / 3) / 12)
    return math.hypot(products, rounding)


def _aligned_deviation(parameters: HeParameters) -> float:
    """What a plaintext can make of the noise of one rotation, for each unit of its 2-norm.

    Digits have a mean, half of their prime, so part of the noise is the sum of the key's errors
    times the polynomial of ones. A plaintext that follows that polynomial's largest value at a root
    of X^N + 1, which is 1 / sin(pi / 2N), multiplies this part by as much.
    """
    digits = len(parameters.data_primes)
    return ERROR_DEVIATION * math.sqrt(digits) / 2 / math.sin(math.pi / (2 * parameters.degree))


def noise_deviation(parameters: HeParameters, products: int, before: int, after: int = 0) -> float:
    """Root mean square of the noise of a sum of `products` ciphertext x plaintext products.

    The mean is over errors and keys, at the worst of all plaintexts with coefficients of at most
    p/2. Each ciphertext was fresh and had at most `before` rotations before its product, the sum
    `after` rotations since. Rounding is no random error: it is counted as if each one had the sign
    of the coefficient that it meets. Plaintexts of different products are counted as if none had
    been chosen for another.
    """
    norm = math.sqrt(parameters.degree) * parameters.plain_modulus / 2
    switched = math.hypot(key_switch_deviation(parameters), _aligned_deviation(parameters))
    errors = math.hypot(ERROR_DEVIATION, math.sqrt(before) * switched) * math.sqrt(products)
    rounded = _ROUNDING * math.sqrt(parameters.degree) * products
    return math.hypot(
        math.hypot(errors, rounded) * norm, math.sqrt(after) * key_switch_deviation(parameters)
    )


def flood_bits(parameters: HeParameters, deviation: float) -> int:
    """Width w of the flood that hides noise of this `deviation`: four uniforms below 2^w in size.

    Raises:
        UsageError: the flood and the noise would take more than half of q / 2p, below which noise
            must stay; the switch of the modulus needs a part of the rest.
    """
    sigma = 2.0 ** (STATISTICAL_BITS - 1) * math.sqrt(_SIZED_FOR) * deviation
    bits = math.ceil(math.log2(sigma / math.sqrt(_UNIFORMS / 3)))
    largest = _UNIFORMS * 2.0**bits + 16 * deviation
    if largest > math.prod(parameters.data_primes) / (4 * parameters.plain_modulus):
        raise UsageError(
            "a product of this size needs more noise than the parameters have room for"
        )
    return bits


def sample_flood(stream: Stream, parameters: HeParameters, bits: int) -> FieldArray:
    """One polynomial, coefficients a sum of four uniforms on [-2^bits, 2^bits).

    Returns its residues: shape (data primes, N).
    """
    degree = parameters.degree
    primes = np.array(parameters.data_primes, np.uint64)[:, None]
    residues = np.zeros((len(primes), degree), np.uint64)
    for start in range(0, bits + 1, _WORD_BITS):
        width = min(_WORD_BITS, bits + 1 - start)
        words = stream.ring((_UNIFORMS, degree), width).sum(axis=0, dtype=np.uint64)
        weight = np.array([[pow(2, start, prime)] for prime in parameters.data_primes], np.uint64)
        residues += words[None, :] % primes * weight % primes
    offset = [[prime - _UNIFORMS * pow(2, bits, prime) % prime] for prime in parameters.data_primes]
    return (residues + np.array(offset, np.uint64)) % primes


@dataclass
class FloodBudget:
    """Counts the coefficients of the answers of one inference against the fixed ceiling."""

    spent: int = 0

    def spend(self, coefficients: int) -> None:
        """Account for answers before they are made.

        Raises:
            UsageError: the ceiling would be exceeded; depends on public sizes only.
        """
        if self.spent + coefficients > CEILING_COEFFICIENTS:
            raise UsageError(
                "this run would send more ciphertexts than its noise flooding is sized for"
            )
        self.spent += coefficients

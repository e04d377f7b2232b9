"""Slots, plaintext polynomials modulo p, and their residues modulo the primes of a ciphertext.

A vector of N slots is the list of values of a polynomial at the 2N-th roots of unity of F_p, in
SEAL's order. Polynomials modulo p are float64 integers, centred, so that a ciphertext is multiplied
by numbers as small as possible.
"""

import math

import numpy as np
from numpy.typing import NDArray

from cryptomoe.field import FieldArray
from cryptomoe.he import residues
from cryptomoe.he.ntt import FieldTransform, Polynomials, Residues
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.roots import slot_positions
from cryptomoe.kernel_cache import kernel


class SlotEncoder:
    """Encodes and decodes slots for one set of parameters."""

    def __init__(self, parameters: HeParameters) -> None:
        self._p = parameters.plain_modulus
        self._primes = parameters.data_primes
        self._degree = parameters.degree
        self._transform = FieldTransform(self._p, self._degree)
        self._positions = slot_positions(self._degree).astype(np.int32)
        self._slots = np.argsort(self._positions).astype(np.int32)
        self._moduli = np.array(self._primes, np.uint32)
        self._negative_inverses = np.array(
            [prime - pow(self._p, -1, prime) for prime in self._primes], np.uint32
        )

    def polynomials(self, slots: FieldArray) -> Polynomials:
        """Slots (count, N) as plaintext polynomials (count, N)."""
        values = np.empty(slots.shape, np.float64)
        _gather_centred(np.ascontiguousarray(slots), self._slots, self._p, values)
        self._transform.inverse(values)
        return values

    def slots(self, polynomials: Polynomials) -> FieldArray:
        """The slots (count, N) of polynomials (count, N), which are overwritten."""
        self._transform.forward(polynomials)
        slots = np.empty(polynomials.shape, np.uint64)
        _gather_residues(polynomials, self._positions, self._p, slots)
        return slots

    def lifted(self, polynomials: Polynomials) -> Residues:
        """Coefficients of plaintexts as they multiply ciphertexts: (count, data primes, N)."""
        out = np.empty((len(polynomials), len(self._primes), self._degree), np.uint32)
        residues.lift_field(polynomials, self._moduli, out)
        return out

    def scaled(self, polynomials: Polynomials, primes: int) -> Residues:
        """Coefficients round(q x / p) of plaintexts as they are added: (count, primes, N).

        q is the product of the first `primes` data primes.
        """
        out = np.empty((len(polynomials), primes, self._degree), np.uint32)
        rest = math.prod(self._primes[:primes]) % self._p
        centred = float(rest - self._p if rest > self._p // 2 else rest)
        residues.scale_field(
            polynomials, float(self._p), centred, self._negative_inverses[:primes],
            self._moduli[:primes], out,
        )  # fmt: skip
        return out


@kernel
def _gather_centred(slots: FieldArray, source: NDArray[np.int32], p: int, out: Polynomials) -> None:
    """out[i, k] = slots[i, source[k]], centred without a branch."""
    half = np.int64(p >> 1)
    for i in range(out.shape[0]):
        a, b = slots[i], out[i]
        for k in range(b.size):
            value = np.int64(a[source[k]])
            b[k] = np.float64(value - (np.int64(p) & ((half - value) >> np.int64(63))))


@kernel
def _gather_residues(
    polynomials: Polynomials, source: NDArray[np.int32], p: int, out: FieldArray
) -> None:
    """out[i, k] = polynomials[i, source[k]] from centred to [0, p)."""
    for i in range(out.shape[0]):
        a, b = polynomials[i], out[i]
        for k in range(b.size):
            value = np.int64(a[source[k]])
            b[k] = np.uint64(value + (np.int64(p) & (value >> np.int64(63))))

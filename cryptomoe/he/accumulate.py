"""Sums of products of ciphertexts and plaintexts: the work that a private matrix product consists of.

For every prime and every position of a transform, outputs are a small matrix product: plaintexts
(outputs, terms) by ciphertexts (terms, columns), a column being one polynomial of one group. Both
operands are packed so that it reads memory in order: plaintexts (primes, N/16, outputs, terms, 16)
and ciphertexts (primes, N/16, groups, terms, 2, 16), 16 residues side by side.
"""

import numpy as np

from cryptomoe.he.ntt import Residues
from cryptomoe.kernel_cache import kernel

LANES = 16
_FOLD_AFTER = 15
"""15 products of residues below 2^30 and what a fold leaves stay below 2^64."""


def empty_plaintexts(primes: int, degree: int, outputs: int, terms: int) -> Residues:
    """Room for packed plaintexts."""
    return np.empty((primes, degree // LANES, outputs, terms, LANES), np.uint32)


def empty_panel(primes: int, degree: int, groups: int, terms: int) -> Residues:
    """Room for packed ciphertexts."""
    return np.empty((primes, degree // LANES, groups, terms, 2, LANES), np.uint32)


@kernel
def pack_plaintexts(rows: Residues, prime: int, output: int, term: int, out: Residues) -> None:
    """Transforms (count, N) modulo one prime to the places of terms `term` on of one output."""
    for position in range(out.shape[1]):
        for i in range(rows.shape[0]):
            for lane in range(LANES):
                out[prime, position, output, term + i, lane] = rows[i, position * LANES + lane]


@kernel
def pack_ciphertext(ciphertext: Residues, group: int, term: int, out: Residues) -> None:
    """One transformed ciphertext (2, primes, N) to its place."""
    for prime in range(out.shape[0]):
        for position in range(out.shape[1]):
            for polynomial in range(2):
                for lane in range(LANES):
                    out[prime, position, group, term, polynomial, lane] = ciphertext[
                        polynomial, prime, position * LANES + lane
                    ]


@kernel
def portable_accumulate(
    plaintexts: Residues,
    panel: Residues,
    moduli: Residues,
    start: int,
    stop: int,
    out: Residues,
) -> None:
    """out (outputs, groups, 2, primes, N) at positions `start` to `stop` - 1 of primes * N/16."""
    positions, groups, terms = panel.shape[1], panel.shape[2], panel.shape[3]
    low = np.uint64((1 << 32) - 1)
    total = np.empty((2, LANES), np.uint64)
    for place in range(start, stop):
        prime, position = place // positions, place % positions
        q = np.uint64(moduli[prime])
        inverse = 1.0 / np.float64(q)
        shift = np.uint64((1 << 32) % moduli[prime])
        for output in range(plaintexts.shape[2]):
            for group in range(groups):
                total[:] = np.uint64(0)
                for term in range(terms):
                    if term % _FOLD_AFTER == 0:
                        for k in range(2):
                            for lane in range(LANES):
                                value = total[k, lane]
                                total[k, lane] = (value & low) + (value >> np.uint64(32)) * shift
                    a = plaintexts[prime, position, output, term]
                    b = panel[prime, position, group, term]
                    for k in range(2):
                        for lane in range(LANES):
                            total[k, lane] += np.uint64(a[lane]) * np.uint64(b[k, lane])
                for k in range(2):
                    c = out[output, group, k, prime, position * LANES : (position + 1) * LANES]
                    for lane in range(LANES):
                        value = total[k, lane]
                        value -= np.uint64(np.float64(value) * inverse) * q
                        value = min(value, value + q)
                        c[lane] = np.uint32(min(value, value - q))


accumulate = portable_accumulate

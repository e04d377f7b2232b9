"""Arithmetic on arrays of residues modulo 30-bit primes, entry by entry, in compiled kernels.

In every array the last axis runs over N coefficients or values and the last but one over primes.
Residues are below their primes unless said. Choices depend on values by arithmetic only: a value
above a bound is brought below it as the lesser of two wrapped 32-bit words.
"""

import numpy as np
from numpy.typing import NDArray

from cryptomoe.he.ntt import Polynomials, Residues
from cryptomoe.kernel_cache import kernel

_Words = NDArray[np.uint64]

_CACHED = 1024
"""Sums of 64 bits that fit the first-level cache beside what is added to them."""


@kernel
def _reduce(value: np.uint64, q: np.uint64, inverse: float) -> np.uint64:
    """Any 64-bit word modulo q: the quotient is estimated in double precision, off by one at most.

    `inverse` is 1/q.
    """
    remainder = value - np.uint64(np.float64(value) * inverse) * q
    remainder = min(remainder, remainder + q)
    return min(remainder, remainder - q)


@kernel
def _quotient(constant: np.uint32, q: np.uint32) -> np.uint64:
    """Shoup's quotient floor(w 2^32 / q) of a constant w below q."""
    return (np.uint64(constant) << np.uint64(32)) // np.uint64(q)


@kernel
def _times(value: np.uint32, constant: np.uint32, quotient: np.uint64, q: np.uint32) -> np.uint32:
    """Any 32-bit word times a constant modulo q, all in 32-bit lanes but the quotient's product."""
    estimate = np.uint32((np.uint64(value) * quotient) >> np.uint64(32))
    product = np.uint32(np.uint32(value * constant) - np.uint32(estimate * q))
    return min(product, np.uint32(product - q))


@kernel
def add(target: Residues, other: Residues, moduli: Residues) -> None:
    """target += other: (rows, N), row i modulo moduli[i % len(moduli)]."""
    for row in range(target.shape[0]):
        q = moduli[row % moduli.size]
        a, b = target[row], other[row]
        for j in range(a.size):
            total = np.uint32(a[j] + b[j])
            a[j] = min(total, np.uint32(total - q))


@kernel
def add_product(
    target: Residues, left: Residues, right: Residues, sign: int, moduli: Residues
) -> None:
    """target += sign * left * right, sign 1 or -1: (rows, N); `right` repeats every len(moduli)."""
    for row in range(target.shape[0]):
        which = row % moduli.size
        q = np.uint64(moduli[which])
        inverse = 1.0 / np.float64(q)
        a, b, c = target[row], left[row], right[which]
        if sign > 0:
            for j in range(a.size):
                a[j] = np.uint32(_reduce(np.uint64(b[j]) * np.uint64(c[j]) + a[j], q, inverse))
        else:
            for j in range(a.size):
                product = (q - np.uint64(b[j])) * np.uint64(c[j]) + np.uint64(a[j])
                a[j] = np.uint32(_reduce(product, q, inverse))


@kernel
def add_small(target: Residues, small: NDArray[np.int32], moduli: Residues) -> None:
    """target (count, primes, N) += integers (count, N) of size below every prime."""
    for i in range(target.shape[0]):
        for prime in range(moduli.size):
            q = moduli[prime]
            a, b = target[i, prime], small[i]
            for j in range(a.size):
                residue = np.uint32(np.uint32(b[j]) + q)
                total = np.uint32(a[j] + min(residue, np.uint32(residue - q)))
                a[j] = min(total, np.uint32(total - q))


@kernel
def lift_field(polynomials: Polynomials, moduli: Residues, out: Residues) -> None:
    """Integers (count, N) below 2^51 in float64 to residues (count, primes, N)."""
    for i in range(out.shape[0]):
        for prime in range(moduli.size):
            q = np.float64(moduli[prime])
            inverse = 1.0 / q
            a, b = polynomials[i], out[i, prime]
            for j in range(a.size):
                remainder = np.int32(a[j] - q * np.rint(a[j] * inverse))
                residue = np.uint32(np.uint32(remainder) + moduli[prime])
                b[j] = min(residue, np.uint32(residue - moduli[prime]))


@kernel
def scale_field(
    polynomials: Polynomials,
    p: float,
    modulus_rest: float,
    negative_inverse: Residues,
    moduli: Residues,
    out: Residues,
) -> None:
    """round(Q x / p) for centred integers x modulo p (count, N): residues (count, primes, N).

    `modulus_rest` is Q modulo p, centred, and `negative_inverse` -1/p modulo each prime: with r the
    centred Q x modulo p the result is (Q x - r) / p, which is -r/p modulo every prime of Q.
    """
    estimate = modulus_rest / p
    rest = np.empty(polynomials.shape[1], np.float64)
    for i in range(out.shape[0]):
        a = polynomials[i]
        for j in range(a.size):
            multiple = np.int64(np.rint(a[j] * estimate))
            product = np.int64(a[j]) * np.int64(modulus_rest) - multiple * np.int64(p)
            value = np.float64(product)
            rest[j] = value - p * np.rint(value / p)
        for prime in range(moduli.size):
            q = np.float64(moduli[prime])
            inverse = 1.0 / q
            b = out[i, prime]
            word, factor = moduli[prime], negative_inverse[prime]
            quotient = _quotient(factor, word)
            for j in range(a.size):
                remainder = np.int32(rest[j] - q * np.rint(rest[j] * inverse))
                b[j] = _times(np.uint32(np.uint32(remainder) + word), factor, quotient, word)


@kernel
def weighted_words(
    words: _Words, weights: _Words, offsets: _Words, moduli: Residues, out: Residues
) -> None:
    """sum_k weights[prime, k] words[k] + offsets[prime]: (primes, N).

    At most three `words` (count, N) below 2^62; weights and offsets are below their primes.
    """
    low = np.uint64((1 << 32) - 1)
    total = np.empty(words.shape[1], np.uint64)
    for prime in range(moduli.size):
        q = np.uint64(moduli[prime])
        inverse = 1.0 / np.float64(q)
        total[:] = offsets[prime]
        for k in range(words.shape[0]):
            a, weight = words[k], weights[prime, k]
            upper = (weight << np.uint64(32)) % q
            # Each adds less than 2^62 + 2^60.
            for j in range(total.size):
                total[j] += (a[j] & low) * weight + (a[j] >> np.uint64(32)) * upper
        b = out[prime]
        for j in range(b.size):
            b[j] = np.uint32(_reduce(total[j], q, inverse))


@kernel
def lift_centred(polynomials: Residues, moduli: Residues, q: int, out: Residues) -> None:
    """Rows (count, N) modulo moduli[row % len(moduli)], centred, to values below 2q modulo q.

    All primes must differ by less than a factor of 2.
    """
    for row in range(out.shape[0]):
        own = moduli[row % moduli.size]
        half = np.int32(own >> np.uint32(1))
        a, b = polynomials[row], out[row]
        for j in range(a.size):
            value = np.int32(a[j])
            # The sign bit of half - value tells whether the prime is to be taken off.
            above = (half - value) >> np.int32(31)
            b[j] = np.uint32(value - (np.int32(own) & above) + np.int32(q))


@kernel
def digit_products(digits: Residues, key: Residues, q: int, out: Residues) -> None:
    """sum_d digits[d, i] * key[k, d] modulo q: (count, keys, N), of at most 16 digits."""
    inverse = 1.0 / np.float64(q)
    wide = np.uint64(q)
    size = min(_CACHED, digits.shape[2])
    total = np.empty(size, np.uint64)
    for start in range(0, digits.shape[2], size):
        stop = min(start + size, digits.shape[2])
        for i in range(out.shape[0]):
            for k in range(out.shape[1]):
                total[:] = np.uint64(0)
                for d in range(digits.shape[0]):
                    a, b = digits[d, i, start:stop], key[k, d, start:stop]
                    for j in range(a.size):
                        total[j] += np.uint64(a[j]) * np.uint64(b[j])
                c = out[i, k, start:stop]
                for j in range(c.size):
                    c[j] = np.uint32(_reduce(total[j], wide, inverse))


@kernel
def switch_down(
    products: Residues,
    special: Residues,
    inverse: np.uint32,
    first: Residues,
    positions: NDArray[np.int32],
    q: np.uint32,
    out: Residues,
) -> None:
    """(products - special) / special prime, `first` added to the first of two, and all turned.

    `products` and `special` (2, N), the latter below 2q; `inverse` that of the special prime.
    """
    quotient = _quotient(inverse, q)
    row = np.empty(first.size, np.uint32)
    for k in range(2):
        a, b, c = products[k], special[k], out[k]
        for j in range(row.size):
            difference = np.uint32(np.uint32(a[j] - b[j]) + np.uint32(q + q))
            row[j] = _times(difference, inverse, quotient, q)
        if k == 0:
            for j in range(row.size):
                total = np.uint32(row[j] + first[j])
                row[j] = min(total, np.uint32(total - q))
        for j in range(row.size):
            c[j] = row[positions[j]]


@kernel
def drop_last(polynomials: Residues, moduli: Residues, inverses: Residues, out: Residues) -> None:
    """Divide coefficients (count, primes, N) by the last prime and round: (count, primes - 1, N).

    `inverses` holds those of the last prime modulo the others. Half is rounded up, as SEAL does.
    """
    last = moduli.size - 1
    half = moduli[last] >> np.uint32(1)
    for i in range(out.shape[0]):
        b = polynomials[i, last]
        for prime in range(last):
            q, factor = moduli[prime], inverses[prime]
            quotient = _quotient(factor, q)
            a, c = polynomials[i, prime], out[i, prime]
            for j in range(c.size):
                # floor((x + half) / last) = (x + half - rest) / last; 2q keeps it from below 0.
                shifted = np.uint32(b[j] + half)
                rest = min(shifted, np.uint32(shifted - moduli[last]))
                difference = np.uint32(np.uint32(a[j] + half) + np.uint32(q + q) - rest)
                c[j] = _times(difference, factor, quotient, q)


@kernel
def round_to_field(
    polynomials: Residues, inverses: Residues, moduli: Residues, p: int, out: Polynomials
) -> None:
    """round(p x / Q) modulo p, centred, for x modulo Q given by its residues (count, primes, N).

    `inverses` are those of Q / prime. By fractions: x / Q = sum_l y_l / q_l modulo 1, and each
    p y_l / q_l is split into an integer and an exact remainder.
    """
    multiples = np.empty(out.shape[1], np.int64)
    fractions = np.empty(out.shape[1], np.float64)
    for i in range(out.shape[0]):
        multiples[:] = 0
        fractions[:] = 0.0
        for prime in range(moduli.size):
            q = np.uint64(moduli[prime])
            inverse, factor = 1.0 / np.float64(q), np.uint64(inverses[prime])
            ratio = np.float64(p) * inverse
            a = polynomials[i, prime]
            for j in range(a.size):
                y = _reduce(np.uint64(a[j]) * factor, q, inverse)
                multiple = np.int64(np.rint(np.float64(y) * ratio))
                # Exact modulo 2^64, and small.
                rest = np.int64(p) * np.int64(y) - multiple * np.int64(q)
                multiples[j] += multiple
                fractions[j] += np.float64(rest) * inverse
        b = out[i]
        for j in range(b.size):
            value = np.float64(multiples[j] + np.int64(np.rint(fractions[j])))
            b[j] = value - p * np.rint(value / p)

"""BFV decryption and batching by definition, in integers, sharing nothing with SEAL but the keys.

Transforms are plain recursive ones modulo each prime; ciphertexts are joined by the Chinese
remainder theorem and rounded exactly; slots are the values of the plaintext at powers of a root.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Residues = NDArray[np.int64]


def least_root(order: int, prime: int) -> int:
    """The least element of this order, a power of two, modulo a prime: SEAL's choice."""
    for candidate in range(2, prime):
        root = pow(candidate, (prime - 1) // order, prime)
        if pow(root, order // 2, prime) == prime - 1:
            break
    square, least, power = root * root % prime, root, root
    for _ in range(order // 2):
        least = min(least, power)
        power = power * square % prime
    return least


def _powers(root: int, count: int, prime: int) -> Residues:
    powers = np.ones(1, np.int64)
    while powers.size < count:
        factor = pow(root, powers.size, prime)
        powers = np.concatenate([powers, powers * factor % prime])
    return powers[:count]


def _transform(values: Residues, root: int, prime: int) -> Residues:
    """Values at 1, root, root^2, ... of the polynomial with these coefficients, below 2^30."""
    half = values.size // 2
    if not half:
        return values
    even = _transform(values[::2], root * root % prime, prime)
    odd = _transform(values[1::2], root * root % prime, prime)
    odd = odd * _powers(root, half, prime) % prime
    return np.concatenate([even + odd, even - odd]) % prime


def product(x: Residues, y: Residues, prime: int) -> Residues:
    """Product modulo X^N + 1 and a prime below 2^31."""
    degree = x.size
    root = least_root(2 * degree, prime)
    twist = _powers(root, degree, prime)
    square = root * root % prime
    values = [_transform(z % prime * twist % prime, square, prime) for z in (x, y)]
    back = _transform(values[0] * values[1] % prime, pow(square, -1, prime), prime)
    untwist = _powers(pow(root, -1, prime), degree, prime)
    return back * pow(degree, -1, prime) % prime * untwist % prime


def coefficients_of(evaluated: Residues, prime: int) -> Residues:
    """Coefficients of values at root^(2 k + 1), k bit-reversed: SEAL's transformed form."""
    degree = evaluated.size
    bits = degree.bit_length() - 1
    order = np.array([int(f"{k:0{bits}b}"[::-1], 2) for k in range(degree)])
    root = least_root(2 * degree, prime)
    natural = np.empty_like(evaluated)
    natural[order] = evaluated
    back = _transform(natural, pow(root * root, -1, prime), prime)
    untwist = _powers(pow(root, -1, prime), degree, prime)
    return back * pow(degree, -1, prime) % prime * untwist % prime


def ternary_secret(secret_key: Any, degree: int, prime: int) -> Residues:
    """Coefficients -1, 0, 1 of a SEAL secret key, from its residues modulo its first prime."""
    evaluated = np.array([secret_key.data().data(i) for i in range(degree)], np.int64)
    secret = coefficients_of(evaluated, prime)
    return np.where(secret == prime - 1, -1, secret)


def decrypt(
    residues: Any, secret: Residues, primes: tuple[int, ...], plain: int
) -> tuple[list[int], list[float]]:
    """The plaintext's coefficients, and the noise of each, of one ciphertext (2, primes, N)."""
    q = prod(primes)
    phase = [0] * secret.size
    for prime, c0, c1 in zip(primes, residues[0], residues[1], strict=True):
        part = (c0.astype(np.int64) + product(c1.astype(np.int64), secret, prime)) % prime
        lifted = q // prime * pow(q // prime, -1, prime)
        phase = [(total + int(v) * lifted) % q for total, v in zip(phase, part, strict=True)]
    rounded = [(2 * plain * v + q) // (2 * q) for v in phase]
    noise = [(plain * v - q * m) / plain for v, m in zip(phase, rounded, strict=True)]
    return [m % plain for m in rounded], noise


def slot(plaintext: list[int], index: int, plain: int, root: int) -> int:
    """Slot `index`: the value at root^(3^i) in the first half-row, root^(-3^i) in the second."""
    degree = len(plaintext)
    half, position = divmod(index, degree // 2)
    element = pow(3, position, 2 * degree)
    point = pow(root, element if not half else -element % (2 * degree), plain)
    value = 0
    for coefficient in reversed(plaintext):
        value = (value * point + coefficient) % plain
    return value

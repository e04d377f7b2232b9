"""Rotations in the `rns` backend: hybrid key switching with one special prime.

To rotate, the second polynomial is cut into its residues modulo each prime, the digits; each digit,
centred, is transformed modulo every prime and meets its part of the Galois key; the sum is divided
by the special prime. Centred digits commute with X -> X^g, so the key is turned back once, when it
is taken, and only the result is turned.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cryptomoe.he import residues
from cryptomoe.he.memory import empty
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import galois_element
from cryptomoe.he.rns_scheme import Scheme
from cryptomoe.he.roots import rotated_positions
from cryptomoe.he.workers import Workers

_TOGETHER = 2
"""Ciphertexts whose digits meet a key together, so that it is read from memory once for them."""


class Rotation:
    """Rotates ciphertexts by one step.

    `key` (digits, 2, primes, N) is the Galois key for it, as it came.
    """

    def __init__(self, scheme: Scheme, workers: Workers, step: int, key: Residues) -> None:
        self._scheme = scheme
        self._workers = workers
        degree = scheme.degree
        element = galois_element(scheme.parameters, step)
        back = rotated_positions(degree, pow(element, -1, 2 * degree))
        self._keys = [
            _turned_key(key[_digit_order(scheme, prime), :, prime], back)
            for prime in range(scheme.data + 1)
        ]
        self._positions = rotated_positions(degree, element).astype(np.int32)
        special = scheme.parameters.special_prime
        self._inverses = scheme.inverses(special, scheme.data)

    def rotated(self, ciphertexts: Residues) -> Residues:
        """Transformed ciphertexts (count, 2, data primes, N), rotated."""
        out: Residues = empty(ciphertexts.shape)

        def rotate(first: int, last: int, workers: Workers) -> None:
            self.rotate(ciphertexts[first:last], out[first:last], workers)

        divided(len(ciphertexts), self._workers, rotate)
        return out

    def rotate(self, ciphertexts: Residues, out: Residues, workers: Workers) -> None:
        """Rotate a few ciphertexts, which are worked on together, into `out`."""
        scheme = self._scheme
        data = scheme.data
        # In the order (prime, ciphertext), as they are needed below.
        digits: Residues = empty((data, len(ciphertexts), scheme.degree))
        digits[:] = ciphertexts[:, 1].swapaxes(0, 1)
        for prime in range(data):
            scheme.transforms.inverse(digits[prime, :, np.newaxis], prime, 1)
        products: Residues = empty((data + 1, len(ciphertexts), 2, scheme.degree))

        def multiply(start: int, stop: int) -> None:
            for prime in range(start, stop):
                self._multiply(digits, ciphertexts, prime, products[prime])

        workers.share(data + 1, multiply)
        special = products[data]
        scheme.transforms.inverse(special[:, :, np.newaxis], data, 1)

        def finish(start: int, stop: int) -> None:
            for prime in range(start, stop):
                self._finish(ciphertexts, products[prime], special, prime, out)

        workers.share(data, finish)

    def _multiply(self, digits: Residues, ciphertexts: Residues, prime: int, out: Residues) -> None:
        """All digits modulo one prime, times their parts of the key."""
        scheme = self._scheme
        q = scheme.primes[prime]
        lifted: Residues = empty(digits.shape)
        others = [digit for digit in range(scheme.data) if digit != prime]
        for place, digit in enumerate(others):
            own = scheme.moduli[digit : digit + 1]
            residues.lift_centred(digits[digit], own, q, lifted[place])
        scheme.transforms.forward(lifted[: len(others), :, np.newaxis], prime, 1)
        if len(others) < scheme.data:
            # A digit modulo its own prime is what it was before it was cut off.
            lifted[-1] = ciphertexts[:, 1, prime]
        residues.digit_products(lifted, self._keys[prime], q, out)

    def _finish(
        self,
        ciphertexts: Residues,
        products: Residues,
        special: Residues,
        prime: int,
        out: Residues,
    ) -> None:
        """Divide by the special prime modulo one prime, add the first polynomials, turn."""
        scheme = self._scheme
        q = scheme.moduli[prime]
        rest: Residues = empty(special.shape)
        rows = (-1, scheme.degree)
        own = scheme.moduli[scheme.data :]
        residues.lift_centred(special.reshape(rows), own, int(q), rest.reshape(rows))
        scheme.transforms.forward(rest[:, :, np.newaxis], prime, 1)
        for i in range(len(ciphertexts)):
            residues.switch_down(
                products[i], rest[i], self._inverses[prime], ciphertexts[i, 0, prime],
                self._positions, q, out[i, :, prime],
            )  # fmt: skip


def divided(count: int, workers: Workers, work: Callable[[int, int, Workers], None]) -> None:
    """work(first, last, workers) for ciphertexts, a few together, that cover range(count).

    Where there are fewer ciphertexts than threads, the threads are passed on to be used inside.
    """
    if count < workers.threads:
        work(0, count, workers)
        return
    size = min(_TOGETHER, count // workers.threads)
    alone = Workers(1)

    def some(start: int, stop: int) -> None:
        for first in range(start * size, min(stop * size, count), size):
            work(first, min(first + size, count), alone)

    workers.share(-(-count // size), some)


def _digit_order(scheme: Scheme, prime: int) -> list[int]:
    """The digits as `Rotation` meets them modulo a prime: its own, if it has one, last."""
    return sorted(range(scheme.data), key=lambda digit: digit == prime)


def _turned_key(key: Residues, back: NDArray[np.int64]) -> Residues:
    """Part of a key (digits, 2, N) turned back: (2, digits, N)."""
    turned: Residues = empty((key.shape[1], key.shape[0], key.shape[2]))
    turned[:] = key.swapaxes(0, 1)[..., back]
    return turned

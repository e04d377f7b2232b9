"""Rotations in the `rns` backend: hybrid key switching with one special prime.

To rotate, the second polynomial is cut into its residues modulo each prime, the digits; each digit,
centred, is transformed modulo every prime and meets its part of the Galois key; the sum is divided
by the special prime. Centred digits commute with X -> X^g, so the key is turned back once, when it
is taken, and only the result is turned.
"""

import numpy as np

from cryptomoe.he import residues
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import galois_element
from cryptomoe.he.rns_scheme import Scheme
from cryptomoe.he.roots import rotated_positions
from cryptomoe.he.workers import Workers


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
        self._key = np.ascontiguousarray(key.transpose(2, 1, 0, 3)[..., back])
        self._positions = rotated_positions(degree, element).astype(np.int32)
        special = scheme.parameters.special_prime
        self._inverses = scheme.inverses(special, scheme.data)

    def rotated(self, ciphertexts: Residues) -> Residues:
        """Transformed ciphertexts (count, 2, data primes, N), rotated."""
        out = np.empty_like(ciphertexts)
        if len(ciphertexts) >= self._workers.threads:

            def rotate(start: int, stop: int) -> None:
                for i in range(start, stop):
                    self._rotate(ciphertexts[i], out[i], Workers(1))

            self._workers.share(len(ciphertexts), rotate)
        else:
            for ciphertext, target in zip(ciphertexts, out, strict=True):
                self._rotate(ciphertext, target, self._workers)
        return out

    def _rotate(self, ciphertext: Residues, out: Residues, workers: Workers) -> None:
        scheme = self._scheme
        data, degree = scheme.data, scheme.degree
        digits = ciphertext[1].copy()
        scheme.transforms.inverse(digits, 0, data)
        products = np.empty((data + 1, 2, degree), np.uint32)

        def multiply(start: int, stop: int) -> None:
            for prime in range(start, stop):
                self._multiply(digits, prime, products[prime])

        # The special prime's share is needed by all others, so it comes with the first.
        workers.share(data + 1, multiply)
        special = products[data]
        scheme.transforms.inverse(special[:, np.newaxis], data, 1)

        def finish(start: int, stop: int) -> None:
            for prime in range(start, stop):
                self._finish(ciphertext[0, prime], products[prime], special, prime, out[:, prime])

        workers.share(data, finish)

    def _multiply(self, digits: Residues, prime: int, out: Residues) -> None:
        scheme = self._scheme
        q = scheme.primes[prime]
        lifted = np.empty_like(digits)
        residues.lift_centred(digits, scheme.moduli[: scheme.data], q, lifted)
        scheme.transforms.forward(lifted[:, np.newaxis], prime, 1)
        residues.digit_products(lifted, self._key[prime], q, out)

    def _finish(
        self, first: Residues, products: Residues, special: Residues, prime: int, out: Residues
    ) -> None:
        scheme = self._scheme
        q = scheme.primes[prime]
        rest = np.empty_like(special)
        residues.lift_centred(special, scheme.moduli[scheme.data :], q, rest)
        scheme.transforms.forward(rest[:, np.newaxis], prime, 1)
        residues.switch_down(products, rest, int(self._inverses[prime]), q, products)
        residues.add(products[:1], first[np.newaxis], scheme.moduli[prime : prime + 1])
        residues.permute(products, self._positions, out)

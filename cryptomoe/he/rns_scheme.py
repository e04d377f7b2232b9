"""What both sides of the `rns` backend compute with: primes, transforms and their constants."""

from functools import lru_cache

import numpy as np

from cryptomoe.he.backend import HeSizes
from cryptomoe.he.encoding import SlotEncoder
from cryptomoe.he.ntt import Residues, Transforms
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.residues import add_small
from cryptomoe.he.sampling import Small
from cryptomoe.he.seeded import seeded_bytes
from cryptomoe.he.wire import residue_bytes


def rns_sizes(parameters: HeParameters) -> HeSizes:
    """Bytes on the wire: requests and keys with seeds, answers in full."""
    degree, data = parameters.degree, len(parameters.data_primes)
    return HeSizes(
        request_bytes=seeded_bytes(1, data, degree),
        answer_bytes=residue_bytes(2 * parameters.answer_primes * degree),
        public_key_bytes=seeded_bytes(1, data + 1, degree),
        galois_key_bytes=seeded_bytes(data, data + 1, degree),
    )


class Scheme:
    """The tables of one set of parameters.

    Fields: `primes`, the data primes and last the special one, and `moduli`, the same as an array;
    `data`, how many data primes; `degree` N.
    """

    def __init__(self, parameters: HeParameters) -> None:
        self.parameters = parameters
        self.primes = (*parameters.data_primes, parameters.special_prime)
        self.data = len(parameters.data_primes)
        self.degree = parameters.degree
        self.transforms = Transforms(self.primes, parameters.degree)
        self.moduli = self.transforms.moduli
        self.encoder = SlotEncoder(parameters)

    def transformed_small(self, values: Small, count: int) -> Residues:
        """Small integers (polynomials, N), transformed: (polynomials, first `count` primes, N)."""
        rows = np.zeros((len(values), count, self.degree), np.uint32)
        add_small(rows, values, self.moduli[:count])
        self.transforms.forward(rows, 0, count)
        return rows

    def inverses(self, number: int, count: int) -> Residues:
        """Inverses of `number` modulo the first `count` primes."""
        return np.array([pow(number, -1, prime) for prime in self.primes[:count]], np.uint32)


@lru_cache(maxsize=4)
def scheme_of(parameters: HeParameters) -> Scheme:
    """The tables, made once for a set of parameters; nothing changes them."""
    return Scheme(parameters)

"""Parameters of the BFV scheme, checked for 128 bits of security when they are made.

The data modulus has six 30-bit primes, key switching one more. A batch of N = 8192 slots holds
elements of F_p, because p = 1 mod 2N. Answers are sent modulo the first two primes only.
"""

import math
from dataclasses import dataclass

from sympy import isprime

from cryptomoe.errors import InsecureParametersError
from cryptomoe.field import P

MAX_MODULUS_BITS = {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881}
"""Largest log2 of the whole modulus that gives 128 bits with ternary secrets, by ring degree.

Source: Homomorphic Encryption Standard (Albrecht et al., 2018), table 1, classical attacks.
"""
PRIME_BITS = 30
ERROR_DEVIATION = math.sqrt(21 / 2)
"""Standard deviation of SEAL's error, a centred binomial of 21 pairs of bits.

The standard's table assumes 8 / sqrt(2 pi), about 3.19, which is no more.
"""


@dataclass(frozen=True)
class HeParameters:
    """Ring degree, primes and plaintext modulus.

    Fields: `degree` N, a power of two; `data_primes`, whose product is the ciphertext modulus;
    `special_prime`, for key switching; `plain_modulus`, the field; `answer_primes`, how many of the
    data primes an answer keeps.

    Raises:
        InsecureParametersError: the set does not reach 128 bits, or cannot work; says why.
    """

    degree: int
    data_primes: tuple[int, ...]
    special_prime: int
    plain_modulus: int = P
    answer_primes: int = 2

    def __post_init__(self) -> None:
        limit = MAX_MODULUS_BITS.get(self.degree)
        if limit is None:
            raise InsecureParametersError(
                f"no security estimate is known for ring degree {self.degree}"
            )
        primes = (*self.data_primes, self.special_prime)
        total = sum(prime.bit_length() for prime in primes)
        if total > limit:
            raise InsecureParametersError(
                f"a modulus of {total} bits at ring degree {self.degree} has less than 128 bits of "
                f"security; the limit is {limit} bits"
            )
        if len(set(primes)) != len(primes) or any(
            prime % (2 * self.degree) != 1 or prime.bit_length() > PRIME_BITS or not isprime(prime)
            for prime in primes
        ):
            raise InsecureParametersError(
                "the ciphertext primes must be different primes of at most "
                f"{PRIME_BITS} bits, each 1 modulo {2 * self.degree}"
            )
        if self.special_prime < max(self.data_primes):
            raise InsecureParametersError(
                "the special prime must be the largest, or rotations add more noise than is counted"
            )
        if self.plain_modulus % (2 * self.degree) != 1 or not isprime(self.plain_modulus):
            raise InsecureParametersError(
                f"the plaintext modulus is no prime that is 1 modulo {2 * self.degree}, "
                "so slots do not exist"
            )
        if not 1 <= self.answer_primes <= len(self.data_primes):
            raise InsecureParametersError("an answer keeps at least one of the data primes")
        if self.answer_bits < self.plain_modulus.bit_length() + 12:
            raise InsecureParametersError("the primes of an answer leave no room for its noise")

    @property
    def slots(self) -> int:
        """Slots of a ciphertext, in two half-rows that rotate each by itself."""
        return self.degree

    @property
    def half_row(self) -> int:
        """Slots of a half-row."""
        return self.degree // 2

    @property
    def data_bits(self) -> int:
        """Floor of log2 of the ciphertext modulus."""
        modulus = 1
        for prime in self.data_primes:
            modulus *= prime
        return modulus.bit_length() - 1

    @property
    def answer_bits(self) -> int:
        """Bits of the modulus of an answer, rounded down."""
        modulus = 1
        for prime in self.data_primes[: self.answer_primes]:
            modulus *= prime
        return modulus.bit_length() - 1

    @property
    def request_bytes(self) -> int:
        """Bytes of one ciphertext of a request on the wire, both polynomials in full."""
        return 2 * len(self.data_primes) * self.degree * PRIME_BITS // 8

    @property
    def answer_bytes(self) -> int:
        """Bytes of one ciphertext of an answer on the wire."""
        return 2 * self.answer_primes * self.degree * PRIME_BITS // 8

    @property
    def public_key_bytes(self) -> int:
        """Bytes of the public key on the wire."""
        return 2 * (len(self.data_primes) + 1) * self.degree * PRIME_BITS // 8

    @property
    def galois_key_bytes(self) -> int:
        """Bytes of one Galois key on the wire."""
        return len(self.data_primes) * self.public_key_bytes

    def describe(self) -> dict[str, int]:
        """What both parties must agree on, as plain values for the handshake."""
        described = {f"prime{i}": prime for i, prime in enumerate(self.data_primes)}
        return described | {
            "N": self.degree,
            "special_prime": self.special_prime,
            "p": self.plain_modulus,
            "answer_primes": self.answer_primes,
        }


STANDARD = HeParameters(
    degree=8192,
    data_primes=(0x3FF78001, 0x3FF84001, 0x3FF94001, 0x3FFB4001, 0x3FFC0001, 0x3FFE8001),
    special_prime=0x3FFF4001,
)
"""N = 8192 and 210 bits in all, where 218 are allowed."""

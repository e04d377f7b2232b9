"""Parameter sets: each reason to refuse one; sizes on the wire are those of real objects."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from he_pair import HePair

from cryptomoe.errors import InsecureParametersError
from cryptomoe.field import P
from cryptomoe.he.flood import noise_deviation
from cryptomoe.he.parameters import MAX_MODULUS_BITS, STANDARD, HeParameters
from cryptomoe.he.seal_backend import make_context

PRIMES = STANDARD.data_primes
COMPOSITE = 0x3FF00001
"""1 modulo 2N, of 30 bits, and not a prime."""
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown degree": ({"degree": 8190}, "ring degree 8190"),
    "unknown degree, a power of two": ({"degree": 512}, "ring degree 512"),
    "one prime too many": ({"data_primes": (*PRIMES, 0x3FDE0001)}, "less than 128 bits"),
    "a smaller ring for the same primes": ({"degree": 4096}, "less than 128 bits"),
    "a composite": ({"data_primes": (COMPOSITE, *PRIMES[1:])}, "different primes"),
    "a prime that is not 1 modulo 2N": (
        {"data_primes": ((1 << 29) - 3, *PRIMES[1:])}, "different primes",
    ),
    "equal data primes": ({"data_primes": (PRIMES[1], *PRIMES[1:])}, "different primes"),
    "the special prime among the data primes": ({"special_prime": PRIMES[5]}, "different primes"),
    "a prime of 31 bits": ({"data_primes": (0x40020001, *PRIMES[2:])}, "different primes"),
    "a small special prime": (
        {"data_primes": (*PRIMES[1:], STANDARD.special_prime), "special_prime": PRIMES[0]},
        "must be the largest",
    ),
    "a plaintext modulus that is not 1 modulo 2N": (
        {"plain_modulus": (1 << 45) - 55}, "slots do not exist",
    ),
    "a composite plaintext modulus": ({"plain_modulus": 16385 * 65537}, "slots do not exist"),
    "answers of one prime": ({"answer_primes": 1}, "no room for its noise"),
    "answers of no prime": ({"answer_primes": 0}, "at least one"),
    "answers of fewer than no primes": ({"answer_primes": -1}, "at least one"),
    "answers of more primes than there are": ({"answer_primes": 7}, "at least one"),
    "a plaintext modulus too large for an answer": (
        {"plain_modulus": 0xFFFFFFFFC001}, "no room for its noise",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_set_is_refused_for_its_reason(name: str) -> None:
    changes, reason = REFUSED[name]
    with pytest.raises(InsecureParametersError, match=reason):
        replace(STANDARD, **changes)


def test_the_limit_itself_is_allowed_and_one_bit_more_is_not() -> None:
    """218 bits at N = 8192; the primes of STANDARD leave 8 for one more, of which none exists."""
    assert sum(prime.bit_length() for prime in (*PRIMES, STANDARD.special_prime)) == 210
    assert MAX_MODULUS_BITS[STANDARD.degree] == 218


def test_seal_accepts_the_standard_set_at_128_bits() -> None:
    """And its own table gives the same limit, so it is a second opinion on the same statement."""
    context = make_context(STANDARD)
    assert context.parameters_set()
    assert context.key_context_data().total_coeff_modulus_bit_count() == 210
    qualifiers = context.first_context_data().qualifiers()
    assert qualifiers.using_batching
    assert qualifiers.using_ntt


def test_what_seal_refuses_is_refused_with_its_reason() -> None:
    """A plaintext modulus that divides the ciphertext modulus is no concern of our own table."""
    shared = HeParameters(8192, PRIMES, STANDARD.special_prime, plain_modulus=PRIMES[0])
    with pytest.raises(InsecureParametersError, match="SEAL refuses: "):
        make_context(shared)


@pytest.mark.parametrize("degree", [1024, 2048, 4096, 8192, 16384, 32768])
def test_our_table_is_seals(degree: int) -> None:
    """No set that passes our table is beyond SEAL's."""
    import tenseal.sealapi as seal  # noqa: PLC0415 - one test looks at the library itself

    theirs = seal.CoeffModulus.MaxBitCount(degree, seal.SEC_LEVEL_TYPE.TC128)
    assert MAX_MODULUS_BITS[degree] == theirs


def test_describe_names_all_that_both_parties_must_agree_on() -> None:
    assert STANDARD.describe() == {
        "prime0": PRIMES[0], "prime1": PRIMES[1], "prime2": PRIMES[2], "prime3": PRIMES[3],
        "prime4": PRIMES[4], "prime5": PRIMES[5], "special_prime": STANDARD.special_prime,
        "N": 8192, "p": P, "answer_primes": 2,
    }  # fmt: skip
    for changed in (
        replace(STANDARD, answer_primes=3),
        replace(STANDARD, data_primes=PRIMES[::-1]),
        replace(STANDARD, data_primes=PRIMES[1:]),
    ):
        assert changed.describe() != STANDARD.describe()


@pytest.mark.parametrize("count", [1, 3])
def test_sizes_are_those_of_the_objects_sent(pair: HePair, count: int) -> None:
    parameters = pair.parameters
    slots = np.zeros((count, parameters.slots), np.uint64)
    request = pair.owner.encrypt(slots)
    assert len(request) == count * parameters.request_bytes == count * 368640
    answer, _ = pair.server.answer(pair.upload(slots), noise_deviation(parameters, 1, 0))
    assert len(answer) == count * parameters.answer_bytes == count * 122880


def test_key_sizes_are_those_of_the_keys_sent(pair: HePair) -> None:
    assert len(pair.owner.public_key()) == STANDARD.public_key_bytes == 430080
    assert len(pair.owner.galois_key(4)) == STANDARD.galois_key_bytes == 2580480

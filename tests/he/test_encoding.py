"""Slots and plaintext polynomials: the same as SEAL's, whatever the values."""

import numpy as np
import tenseal.sealapi as seal
from he_pair import SealPair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.he import seal_objects
from cryptomoe.he.encoding import SlotEncoder
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.rns_scheme import scheme_of

N = STANDARD.slots
ENCODER = SlotEncoder(STANDARD)
FEW = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
kinds = st.sampled_from(["uniform", "zeros", "largest", "sparse"])
seeds = st.integers(0, 2**32 - 1)


def slots_of(kind: str, count: int, seed: int) -> fp.FieldArray:
    """Slots (count, N)."""
    generator = np.random.default_rng(seed)
    slots = generator.integers(0, fp.P, (count, N), dtype=np.uint64)
    if kind == "sparse":
        return slots * (generator.random(slots.shape) < 0.001)
    constants = {"zeros": 0, "largest": fp.P - 1}
    return np.full_like(slots, constants[kind]) if kind in constants else slots


def seals_polynomial(pair: SealPair, slots: fp.FieldArray) -> fp.FieldArray:
    """The coefficients that SEAL encodes slots (N,) into, and shows one by one."""
    plaintext = seal.Plaintext()
    pair.owner._encoder.encode(slots.tolist(), plaintext)
    coefficients = np.zeros(N, np.uint64)
    coefficients[: plaintext.coeff_count()] = [plaintext[i] for i in range(plaintext.coeff_count())]
    return coefficients


@FEW
@given(kinds, seeds)
def test_slots_become_seals_polynomial(seal_pair: SealPair, kind: str, seed: int) -> None:
    slots = slots_of(kind, 1, seed)
    polynomial = ENCODER.polynomials(slots)
    assert np.abs(polynomial).max() <= fp.P // 2
    expected = seals_polynomial(seal_pair, slots[0])
    assert np.array_equal(polynomial[0].astype(np.int64) % fp.P, expected.astype(np.int64))


@FEW
@given(kinds, st.integers(1, 3), seeds)
def test_slots_come_back(kind: str, count: int, seed: int) -> None:
    slots = slots_of(kind, count, seed)
    assert np.array_equal(ENCODER.slots(ENCODER.polynomials(slots)), slots)


@FEW
@given(kinds, seeds)
def test_plaintexts_are_lifted_as_seal_lifts_them(
    seal_pair: SealPair, kind: str, seed: int
) -> None:
    """Residues of the transformed plaintext, which SEAL keeps modulo every prime."""
    slots = slots_of(kind, 1, seed)
    slots[0, 0] |= np.uint64(1)
    transformed = seal_pair.server.encode(lambda i, j: slots[i:j], 1, 1, lasting=True)[0][0]
    layout = seal_objects._saved(transformed)
    at = seal_objects._PLAINTEXT.size + seal_objects._HEADER.size + seal_objects._COUNT.size
    expected = np.frombuffer(layout, "<u8", offset=at).reshape(-1, N)
    lifted = ENCODER.lifted(ENCODER.polynomials(slots))
    scheme_of(STANDARD).transforms.forward(lifted, 0, len(STANDARD.data_primes))
    assert np.array_equal(lifted[0], expected)

"""Sums of products: exact for any shape, the same bits on every path and for any division."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.he import accumulate as module
from cryptomoe.he.memory import empty
from cryptomoe.he.parameters import STANDARD

PRIMES = STANDARD.data_primes[:2]
MODULI = np.array(PRIMES, np.uint32)
POSITIONS = 2
PATHS = (module.vector_accumulate, module.portable_accumulate)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.integers(1, 5), st.integers(1, 70), st.booleans(),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_sums_are_exact(outputs: int, groups: int, terms: int, largest: bool, seed: int) -> None:  # noqa: FBT001 - drawn
    """Also where every residue is the largest, so that 64-bit sums are as full as they get."""
    generator = np.random.default_rng(seed)
    degree = POSITIONS * module.LANES
    plaintexts = empty(module.plaintexts_shape(len(PRIMES), degree, outputs, terms))
    panel = empty(module.panel_shape(len(PRIMES), degree, groups, terms))
    rows = {}
    for prime, q in enumerate(PRIMES):
        low = q - 1 if largest else 0
        rows[prime] = (
            generator.integers(low, q, (outputs, terms, degree), dtype=np.uint32),
            generator.integers(low, q, (groups, terms, 2, degree), dtype=np.uint32),
        )
    for output in range(outputs):
        by_prime = np.stack([rows[i][0][output] for i in range(len(PRIMES))], axis=1)
        module.pack_plaintexts(np.ascontiguousarray(by_prime), output, 0, plaintexts)
    for group in range(groups):
        for term in range(terms):
            ciphertext = np.stack([rows[i][1][group, term] for i in range(len(PRIMES))], axis=1)
            module.pack_ciphertexts(ciphertext[np.newaxis], group, term, panel)
    expected = np.stack(
        [
            np.einsum("otd,gtpd->ogpd", rows[i][0].astype(object), rows[i][1].astype(object)) % q
            for i, q in enumerate(PRIMES)
        ],
        axis=3,
    )
    places = len(PRIMES) * POSITIONS
    for path in PATHS:
        sums = empty((outputs, groups, 2, len(PRIMES), degree))
        for start in range(places):
            path(plaintexts, panel, MODULI, start, start + 1, sums)
        assert np.array_equal(sums.astype(object), expected)
        together = np.zeros_like(sums)
        path(plaintexts, panel, MODULI, 0, places, together)
        assert np.array_equal(together, sums)


def test_arrays_begin_at_cache_lines() -> None:
    for size in (1, 16, 1000):
        array = empty((size, 3))
        assert array.shape == (size, 3)
        assert array.ctypes.data % 64 == 0
        assert array.flags.c_contiguous
        assert array.flags.writeable

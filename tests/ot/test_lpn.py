"""The public matrix and its encoding, bit by bit; rows that never repeat; sets that are refused."""

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from extension_pair import SALT
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.errors import InsecureParametersError, UsageError
from cryptomoe.ot import aes, lpn
from cryptomoe.ot.aes import Words
from cryptomoe.ot.ferret import FerretReceiver, FerretSender
from cryptomoe.ot.lpn import ACCEPTED, BATCH, LOCALITY, STANDARD, LpnParameters, PublicMatrix
from cryptomoe.randomness import Randomness

SMALL = LpnParameters(noise=2, log_table=5, depth=4)
"""32 places: many rows have repeated places before they are made distinct."""


def rows_by_definition(salt: bytes, parameters: LpnParameters, first: int, count: int) -> list:
    """The places of rows, from the words of the module's description."""
    key = hashlib.blake2b(salt, digest_size=16, person=b"cryptomoe matrix").digest()
    cipher = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305 - counters
    rows = []
    for row in range(first, first + count):
        batch, position = divmod(row, BATCH)
        places: list[int] = []
        for i in range(LOCALITY):
            word = i * BATCH + position
            block = batch * 160 + word // 4
            drawn = cipher.update(block.to_bytes(16, "little"))[4 * (word % 4) :][:4]
            place = int.from_bytes(drawn, "little") % parameters.table
            while place in places:
                place = (place + 1) % parameters.table
            places.append(place)
        rows.append(places)
    return rows


def listed(matrix: PublicMatrix, first: int, count: int) -> list:
    return matrix.places(first, count).transpose(0, 2, 1).reshape(-1, LOCALITY).tolist()


@pytest.mark.parametrize("parameters", [STANDARD, SMALL])
@settings(max_examples=10, deadline=None)
@given(first=st.integers(0, 1 << 20), batches=st.integers(1, 6))
def test_rows_are_their_definition(parameters: LpnParameters, first: int, batches: int) -> None:
    matrix = PublicMatrix(SALT, parameters)
    rows = listed(matrix, BATCH * first, BATCH * batches)
    assert rows == rows_by_definition(SALT, parameters, BATCH * first, BATCH * batches)


def repeated_rows(matrix: PublicMatrix, rows: int) -> int:
    """Rows with a place twice."""
    ordered = np.sort(np.array(listed(matrix, 0, rows)), axis=1)
    return int((ordered[:, 1:] == ordered[:, :-1]).any(axis=1).sum())


@pytest.mark.parametrize("parameters", [STANDARD, SMALL])
def test_places_of_a_row_are_distinct(
    parameters: LpnParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code that left repeated places in would be caught: a pair cancels, the row is sparser."""
    assert repeated_rows(PublicMatrix(SALT, parameters), 8192) == 0
    monkeypatch.setattr(
        lpn, "_make_distinct", lambda places, mask: np.bitwise_and(places, mask, out=places)
    )
    assert repeated_rows(PublicMatrix(SALT, parameters), 8192) > 0


def test_places_are_uniform() -> None:
    """Every one of 32 places as often, and every bit of an index at the standard size."""
    places = PublicMatrix(SALT, SMALL).places(0, 8192)
    counts = np.bincount(places.reshape(-1), minlength=32)
    expected = 8192 * LOCALITY / 32
    assert (abs(counts - expected) < 6 * np.sqrt(expected)).all()
    drawn = PublicMatrix(SALT, STANDARD).places(0, 8192).reshape(-1)
    for bit in range(18):
        ones = int((drawn >> bit & 1).sum())
        assert abs(ones - drawn.size / 2) < 6 * np.sqrt(drawn.size) / 2
    assert int(drawn.max()) < STANDARD.table


@settings(max_examples=10, deadline=None)
@given(
    first=st.integers(0, 100), batches=st.integers(0, 300), seed=st.integers(0, 2**32),
    parameters=st.sampled_from([STANDARD, SMALL]),
)  # fmt: skip
def test_encoding_entry_by_entry(
    first: int, batches: int, seed: int, parameters: LpnParameters
) -> None:
    """Over stretches and batches; neither leaves nor table are changed."""
    rng = np.random.default_rng(seed)
    count, start = BATCH * batches, BATCH * first
    leaves = rng.integers(0, 2**64, (count, 2), dtype=np.uint64)
    table = rng.integers(0, 2**64, (parameters.table, 2), dtype=np.uint64)
    before = leaves.copy(), table.copy()
    outputs = PublicMatrix(SALT, parameters).encode(leaves, start, table)
    rows = rows_by_definition(SALT, parameters, start, min(count, 300))
    for leaf, row, output in zip(leaves, rows, outputs, strict=False):
        expected = leaf.copy()
        for place in row:
            expected ^= table[place]
        assert output.tolist() == expected.tolist()
    assert np.array_equal(leaves, before[0])
    assert np.array_equal(table, before[1])


def test_stretches_continue_one_another() -> None:
    """A long call equals short ones, across the boundary of what is drawn at once."""
    rng = np.random.default_rng(4)
    leaves = rng.integers(0, 2**64, (3 * 8192 + 128, 2), dtype=np.uint64)
    table = rng.integers(0, 2**64, (STANDARD.table, 2), dtype=np.uint64)
    matrix = PublicMatrix(SALT, STANDARD)
    whole = matrix.encode(leaves, 640, table)
    parts = [
        matrix.encode(leaves[at : at + 1024], 640 + at, table) for at in range(0, len(leaves), 1024)
    ]
    assert np.array_equal(whole, np.concatenate(parts))


def test_portable_encoding_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = np.arange(2 * 9000 * 64 // 64, dtype=np.uint64).reshape(-1, 2)[: 140 * BATCH]
    table = np.random.default_rng(5).integers(0, 2**64, (STANDARD.table, 2), dtype=np.uint64)

    def encoded() -> Words:
        return PublicMatrix(SALT, STANDARD).encode(leaves, 0, table)

    fast = encoded()
    monkeypatch.setattr(lpn, "counter_rows", aes.portable_counter_rows)
    assert np.array_equal(fast, encoded())


def test_directions_and_sessions_have_matrices_of_their_own() -> None:
    matrices = [PublicMatrix(salt, STANDARD) for salt in (b"\x00salt", b"\x01salt", b"\x00other")]
    drawn = [matrix.places(0, 640).tobytes() for matrix in matrices]
    assert len(set(drawn)) == 3


# --- parameters -----------------------------------------------------------------------------------


def test_sizes_of_the_accepted_sets() -> None:
    for parameters in ACCEPTED:
        assert parameters.reserve % BATCH == parameters.outputs % BATCH == 0
        assert parameters.reserve < parameters.outputs
        assert parameters.usable == parameters.outputs - parameters.reserve


@pytest.mark.parametrize(
    "parameters",
    [
        LpnParameters(1170, 17, 11),
        LpnParameters(1280, 17, 11),
        LpnParameters(1279, 18, 11),
        LpnParameters(1280, 18, 12),
        SMALL,
    ],
)
def test_other_sets_are_refused(parameters: LpnParameters) -> None:
    """With an error of a type of its own, which is wrong use; nor do both ends take them."""
    assert issubclass(InsecureParametersError, UsageError)
    rows = np.zeros((parameters.reserve, 2), np.uint64)
    roots = Randomness().stream("roots")
    with pytest.raises(InsecureParametersError, match="128 bits"):
        parameters.check()
    with pytest.raises(InsecureParametersError):
        FerretSender(parameters, SALT, np.ones(2, np.uint64), roots, rows)
    with pytest.raises(InsecureParametersError):
        FerretReceiver(parameters, SALT, rows, np.zeros(parameters.reserve, np.uint8))

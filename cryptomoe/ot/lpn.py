"""Sparse correlations made dense: learning parity with noise over a 10-local code.

Row j of the public matrix has ten distinct places in a table of k dense correlations; output j is
leaf j of the trees, whose noise is one punctured leaf in each block of `block`, xor those ten. The
noise hides the table's bits if LPN is hard for this code and regular noise (Boyle, Couteau, Gilboa,
Ishai, CCS 2018; Yang, Weng, Lan, Zhang, Wang, CCS 2020). Every session has a matrix of its own,
from a salt of both parties, and every round rows of its own.

**What is assumed.** There is no proof that this LPN problem is hard, and the code matters: an
attacker may restrict itself to the rows supported on few of the k places, of which a 10-local code
has many. Parameter sets in common use, rated at 128 bits by estimates that take the code as dense,
come to about 2^80 by our estimate of that attack, which is not published and was not reviewed by
others. `proofs/lpn.py` computes it, and the dense attacks beside it, for any set; those accepted
here are the ones whose least estimate, the first-moment bound of the sparse attack, is at least
2^128. The best attack known to us on `STANDARD` takes about 2^147 bit operations, and no choice of
places takes less than about 2^141.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from cryptomoe.errors import InsecureParametersError
from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words, counter_rows, expand_key

LOCALITY = 10
"""Places in a row of the matrix."""
BATCH = 64
"""Rows whose places are drawn together."""
_AT_ONCE = 16
_WORDS = BATCH * LOCALITY // 2
_STRETCH = 1 << 13

Places = NDArray[np.uint32]


@dataclass(frozen=True)
class LpnParameters:
    """A set: `noise` blocks of 2^`depth` outputs with one noisy each, a table of 2^`log_table`.

    What a round reserves must be a multiple of 64.
    """

    noise: int
    log_table: int
    depth: int

    @property
    def table(self) -> int:
        """Dense correlations that a round takes for its table, k."""
        return 1 << self.log_table

    @property
    def transfers(self) -> int:
        """Correlations that a round takes for its trees."""
        return self.noise * self.depth

    @property
    def reserve(self) -> int:
        """Correlations that a round takes altogether, and keeps for the next one."""
        return self.table + self.transfers

    @property
    def outputs(self) -> int:
        """Correlations that a round makes."""
        return self.noise << self.depth

    @property
    def usable(self) -> int:
        """Those that are left when the next round has its own."""
        return self.outputs - self.reserve

    def check(self) -> None:
        """Raise unless the set is one of the accepted ones.

        Raises:
            InsecureParametersError: it is not known to reach 128 bits.
        """
        if self not in ACCEPTED:
            raise InsecureParametersError(
                f"silent transfers with {self.noise} blocks of {1 << self.depth} outputs and a"
                f" table of {self.table} are not known to reach 128 bits of security"
            )


STANDARD = LpnParameters(noise=1280, log_table=18, depth=11)
ACCEPTED = frozenset({STANDARD})
"""The sets whose least estimate in `proofs/lpn.py` is at least 2^128; a test recomputes them."""


class PublicMatrix:
    """The rows of one session and direction, 64 of them drawn from 160 blocks of AES."""

    def __init__(self, salt: bytes, parameters: LpnParameters) -> None:
        digest = hashlib.blake2b(salt, digest_size=16, person=b"cryptomoe matrix")
        self._key = expand_key(digest.digest())[np.newaxis]
        self._mask = np.uint32(parameters.table - 1)
        self._words = np.empty((1, _STRETCH // BATCH * _WORDS), np.uint64)

    def places(self, first: int, rows: int) -> Places:
        """The ten places of up to 8192 rows from `first` on, both numbers multiples of 64.

        Shape (rows / 64, 10, 64): place i of row 64 b + r is at [b, i, r]. They are there until the
        next call.
        """
        blocks = _WORDS // 2
        room = self._words[:, : rows // BATCH * _WORDS]
        words = counter_rows(self._key, first // BATCH * blocks, rows // BATCH * blocks, room)
        drawn = words.astype("<u8", copy=False).reshape(-1).view("<u4")
        places = drawn.astype(np.uint32, copy=False)
        _make_distinct(places, self._mask)
        return places.reshape(-1, LOCALITY, BATCH)

    def encode(self, leaves: Words, first: int, table: Words) -> Words:
        """The outputs (n, 2) of `leaves` (n, 2) with rows `first` to `first` + n of the matrix."""
        outputs = np.empty(leaves.shape, np.uint64)
        for start in range(0, len(leaves), _STRETCH):
            part = slice(start, min(start + _STRETCH, len(leaves)))
            places = self.places(first + start, part.stop - start)
            own = leaves[part].reshape(-1)
            _encode(own, table.reshape(-1), places.reshape(-1), outputs[part].reshape(-1))
        return outputs


# --- vectors, which LLVM fits to any processor ----------------------------------------------------

_WORD, _HALF = ir.IntType(64), ir.IntType(32)
_LANES, _PAIR = ir.VectorType(_HALF, _AT_ONCE), ir.VectorType(_WORD, 2)


def _address(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [offset])


def _load(builder: Any, place: Any, kind: Any, align: int) -> Any:
    loaded = builder.load(builder.bitcast(place, kind.as_pointer()))
    loaded.align = align
    return loaded


def _store(builder: Any, value: Any, place: Any, align: int) -> None:
    stored = builder.store(value, builder.bitcast(place, value.type.as_pointer()))
    stored.align = align


def _type_mask_and_compare(_context: Any, places: Any, at: Any, mask: Any) -> Any:
    signature = types.uint16(places, at, mask)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        base = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        nothing = ir.Constant(_LANES, ir.Undefined)
        mask = builder.insert_element(nothing, arguments[2], ir.Constant(_HALF, 0))
        mask = builder.shuffle_vector(mask, nothing, ir.Constant(_LANES, [0] * _AT_ONCE))
        repeated = ir.Constant(ir.VectorType(ir.IntType(1), _AT_ONCE), [0] * _AT_ONCE)
        columns: list[Any] = []
        for i in range(LOCALITY):
            place = builder.gep(base, [ir.Constant(_WORD, BATCH * i)])
            column = builder.and_(_load(builder, place, _LANES, 4), mask)
            _store(builder, column, place, 4)
            for other in columns:
                repeated = builder.or_(repeated, builder.icmp_unsigned("==", column, other))
            columns.append(column)
        return builder.bitcast(repeated, ir.IntType(_AT_ONCE))

    return signature, generate


def _type_gather(
    _context: Any, leaves: Any, outputs: Any, at: Any, table: Any, places: Any, row: Any
) -> Any:
    signature = types.void(leaves, outputs, at, table, places, row)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def address(position: int, offset: Any) -> Any:
            kind, array = signature.args[position], arguments[position]
            return _address(context, builder, kind, array, offset)

        base = address(4, arguments[5])
        total = _load(builder, address(0, arguments[2]), _PAIR, 8)
        for i in range(LOCALITY):
            place = builder.load(builder.gep(base, [ir.Constant(_WORD, BATCH * i)]))
            entry = builder.shl(builder.zext(place, _WORD), ir.Constant(_WORD, 1))
            total = builder.xor(total, _load(builder, address(3, entry), _PAIR, 8))
        _store(builder, total, address(1, arguments[2]), 8)
        return context.get_dummy_value()

    return signature, generate


_mask_and_compare: Any = intrinsic(_type_mask_and_compare)
"""(places, at, mask): mask the places of 16 rows; bit r tells if row r then has a place twice."""
_gather: Any = intrinsic(_type_gather)
"""(leaves, outputs, at, table, places, row): leaf and ten entries of the table become an output.

Sixteen bytes at a time, which numba alone would not do; `at` counts words.
"""


# --- kernels --------------------------------------------------------------------------------------


@kernel
def _make_distinct(places: Places, mask: np.uint32) -> None:
    """Keep the bits of `mask`; a place that a row has already is raised by one until it has not.

    About one row in 6000 is concerned. The matrix is public, so branches do not matter.
    """
    for start in range(0, places.size, BATCH * LOCALITY):
        for rows in range(start, start + BATCH, _AT_ONCE):
            if _mask_and_compare(places, rows, mask):
                for row in range(rows, rows + _AT_ONCE):
                    _repair(places, row, mask)


@kernel
def _repair(places: Places, row: int, mask: np.uint32) -> None:
    for i in range(1, LOCALITY):
        j = 0
        while j < i:
            if places[row + BATCH * j] == places[row + BATCH * i]:
                places[row + BATCH * i] = (places[row + BATCH * i] + np.uint32(1)) & mask
                j = 0
            else:
                j += 1


@kernel
def _encode(leaves: Words, table: Words, places: Places, outputs: Words) -> None:
    """All arrays flat."""
    for batch in range(leaves.size // (2 * BATCH)):
        for row in range(BATCH):
            at = 2 * (batch * BATCH + row)
            _gather(leaves, outputs, at, table, places, batch * BATCH * LOCALITY + row)

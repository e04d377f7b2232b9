"""Sums of products of ciphertexts and plaintexts: what a private matrix product consists of.

For every prime and every position of a transform, outputs are a small matrix product: plaintexts
(outputs, terms) by ciphertexts (terms, columns), a column being one polynomial of one group. Both
operands are packed so that it reads memory in order: plaintexts (primes, N/16, outputs, terms, 16)
and ciphertexts (primes, N/16, groups, terms, 2, 16), 16 residues side by side.

With AVX-512 a tile of outputs and columns stays in registers over all terms, which LLVM's
vectoriser does not find: a 512-bit register of 32-bit residues is multiplied as eight even and
eight odd ones, and 64-bit sums are folded after 15 products. Elsewhere plain loops give the same.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from cryptomoe.he.ntt import HAS_VECTORS, Residues
from cryptomoe.kernel_cache import kernel

LANES = 16
_FOLD_AFTER = 15
"""15 products of residues below 2^30 and what a fold leaves stay below 2^64."""


def plaintexts_shape(primes: int, degree: int, outputs: int, terms: int) -> tuple[int, ...]:
    """Of packed plaintexts."""
    return primes, degree // LANES, outputs, terms, LANES


def panel_shape(primes: int, degree: int, groups: int, terms: int) -> tuple[int, ...]:
    """Of packed ciphertexts."""
    return primes, degree // LANES, groups, terms, 2, LANES


@kernel
def pack_plaintexts(rows: Residues, output: int, term: int, out: Residues) -> None:
    """Transforms (count, primes, N) to the places of terms `term` on of one output."""
    for prime in range(out.shape[0]):
        for position in range(out.shape[1]):
            for i in range(rows.shape[0]):
                source = rows[i, prime, position * LANES : (position + 1) * LANES]
                target = out[prime, position, output, term + i]
                for lane in range(LANES):
                    target[lane] = source[lane]


@kernel
def pack_ciphertexts(ciphertexts: Residues, group: int, term: int, out: Residues) -> None:
    """Transformed ciphertexts (count, 2, primes, N) to the places of terms `term` on of a group."""
    for prime in range(out.shape[0]):
        for position in range(out.shape[1]):
            at = position * LANES
            for i in range(ciphertexts.shape[0]):
                for polynomial in range(2):
                    source = ciphertexts[i, polynomial, prime, at : at + LANES]
                    target = out[prime, position, group, term + i, polynomial]
                    for lane in range(LANES):
                        target[lane] = source[lane]


def accumulate(
    plaintexts: Residues, panel: Residues, moduli: Residues, start: int, stop: int, out: Residues
) -> None:
    """out (outputs, groups, 2, primes, N) at positions `start` to `stop` - 1 of primes * N/16."""
    multiply = vector_accumulate if HAS_VECTORS else portable_accumulate
    multiply(plaintexts, panel, moduli, start, stop, out)


# --- plain loops ----------------------------------------------------------------------------------


@kernel
def _one_sum(
    plaintexts: Residues, panel: Residues, modulus: np.uint32, total: Any, sums: Residues
) -> None:
    """Terms (terms, 16) by (terms, 2, 16), summed into (2, 16); `total` is room for (2, 16)."""
    low = np.uint64((1 << 32) - 1)
    q = np.uint64(modulus)
    inverse = 1.0 / np.float64(q)
    shift = np.uint64(1 << 32) % q
    total[:] = np.uint64(0)
    for term in range(plaintexts.shape[0]):
        for k in range(2):
            if term % _FOLD_AFTER == 0:
                for lane in range(LANES):
                    value = total[k, lane]
                    total[k, lane] = (value & low) + (value >> np.uint64(32)) * shift
            for lane in range(LANES):
                product = np.uint64(plaintexts[term, lane]) * np.uint64(panel[term, k, lane])
                total[k, lane] += product
    for k in range(2):
        for lane in range(LANES):
            value = total[k, lane]
            value -= np.uint64(np.float64(value) * inverse) * q
            value = min(value, value + q)
            sums[k, lane] = np.uint32(min(value, value - q))


@kernel
def portable_accumulate(
    plaintexts: Residues, panel: Residues, moduli: Residues, start: int, stop: int, out: Residues
) -> None:
    """See `accumulate`."""
    positions = panel.shape[1]
    total = np.empty((2, LANES), np.uint64)
    for place in range(start, stop):
        prime, position = place // positions, place % positions
        at = position * LANES
        for output in range(plaintexts.shape[2]):
            weights = plaintexts[prime, position, output]
            for group in range(panel.shape[2]):
                sums = out[output, group, :, prime, at : at + LANES]
                _one_sum(weights, panel[prime, position, group], moduli[prime], total, sums)


# --- explicit vectors -----------------------------------------------------------------------------

_PLACE = ir.IntType(64)
_PAIRS = ir.VectorType(_PLACE, LANES // 2)
_DOUBLES = ir.VectorType(ir.DoubleType(), LANES // 2)
_insert: Any = cgutils.get_or_insert_function
_room: Any = cgutils.alloca_once


def _constant(number: int) -> Any:
    return ir.Constant(_PAIRS, [number] * _PAIRS.count)


class _TileEmitter:
    """Emits the sums of a tile of `outputs` outputs and `groups` groups over all terms.

    `places` names the pieces of memory and the distances between them, in 32-bit words.
    """

    def __init__(self, builder: Any, outputs: int, groups: int, places: dict[str, Any]) -> None:
        self._builder = builder
        self._places = places
        self._outputs = range(outputs)
        self._columns = [(group, k) for group in range(groups) for k in range(2)]
        modulus = builder.zext(places["modulus"], _PLACE)
        self._q = self._repeat(modulus)
        self._shift = self._repeat(builder.urem(ir.Constant(_PLACE, 1 << 32), modulus))
        self._totals = {
            (output, column, half): _room(builder, _PAIRS)
            for output in self._outputs
            for column in range(len(self._columns))
            for half in range(2)
        }

    def emit(self) -> None:
        """Zero, multiply and fold, reduce and store."""
        builder = self._builder
        for total in self._totals.values():
            builder.store(_constant(0), total)
        terms = self._places["terms"]
        together = ir.Constant(_PLACE, _FOLD_AFTER)
        rounded = builder.add(terms, ir.Constant(_PLACE, _FOLD_AFTER - 1))
        with cgutils.for_range(builder, builder.udiv(rounded, together)) as portions:
            first = builder.mul(portions.index, together)
            left = builder.sub(terms, first)
            count = builder.select(builder.icmp_unsigned("<", left, together), left, together)
            with cgutils.for_range(builder, count) as steps:
                self._multiply(builder.add(first, steps.index))
            for total in self._totals.values():
                builder.store(self._folded(builder.load(total)), total)
        for output in self._outputs:
            for column, (group, k) in enumerate(self._columns):
                halves = [builder.load(self._totals[output, column, half]) for half in range(2)]
                even, odd = (self._reduced(half) for half in halves)
                joined = builder.or_(even, builder.shl(odd, _constant(32)))
                distances = {"output_sums": output, "group_sums": group, "polynomial_sums": k}
                builder.store(joined, self._at("sums", self._offset(distances))).align = 4

    def _repeat(self, value: Any) -> Any:
        empty_vector = ir.Constant(_PAIRS, ir.Undefined)
        single = self._builder.insert_element(empty_vector, value, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), _PAIRS.count), [0] * _PAIRS.count)
        return self._builder.shuffle_vector(single, empty_vector, zeros)

    def _offset(self, counts: dict[str, int], more: Any = None) -> Any:
        total = ir.Constant(_PLACE, 0) if more is None else more
        for name, count in counts.items():
            scaled = self._builder.mul(self._places[name], ir.Constant(_PLACE, count))
            total = self._builder.add(total, scaled)
        return total

    def _at(self, name: str, offset: Any) -> Any:
        pointer = self._builder.gep(self._places[name], [offset])
        return self._builder.bitcast(pointer, _PAIRS.as_pointer())

    def _halves(self, name: str, offset: Any) -> tuple[Any, Any]:
        """Even and odd residues of 16, each widened to 64 bits."""
        loaded = self._builder.load(self._at(name, offset))
        loaded.align = 4
        even = self._builder.and_(loaded, _constant(0xFFFFFFFF))
        return even, self._builder.lshr(loaded, _constant(32))

    def _multiply(self, term: Any) -> None:
        """Add the products of one term to all sums."""
        builder = self._builder
        word = builder.mul(term, ir.Constant(_PLACE, LANES))
        weights = [
            self._halves("plaintexts", self._offset({"output_row": output}, word))
            for output in self._outputs
        ]
        pair = builder.mul(term, ir.Constant(_PLACE, 2 * LANES))
        for column, (group, k) in enumerate(self._columns):
            place = builder.add(pair, ir.Constant(_PLACE, k * LANES))
            values = self._halves("panel", self._offset({"group_row": group}, place))
            for output in self._outputs:
                for half in range(2):
                    total = self._totals[output, column, half]
                    product = builder.mul(weights[output][half], values[half])
                    builder.store(builder.add(builder.load(total), product), total)

    def _folded(self, value: Any) -> Any:
        builder = self._builder
        upper = builder.mul(builder.lshr(value, _constant(32)), self._shift)
        return builder.add(builder.and_(value, _constant(0xFFFFFFFF)), upper)

    def _reduced(self, value: Any) -> Any:
        """A folded sum modulo q: the quotient is estimated in doubles, off by one at most."""
        builder = self._builder
        estimate = builder.fdiv(builder.uitofp(value, _DOUBLES), builder.uitofp(self._q, _DOUBLES))
        multiple = builder.mul(builder.fptoui(estimate, _PAIRS), self._q)
        remainder = builder.sub(value, multiple)
        for changed in (builder.add, builder.sub):
            kind = ir.FunctionType(_PAIRS, [_PAIRS, _PAIRS])
            least = _insert(builder.module, kind, "llvm.umin.v8i64")
            remainder = builder.call(least, [remainder, changed(remainder, self._q)])
        return remainder


_ARRAYS = ("plaintexts", "panel", "sums")
_DISTANCES = (
    "output_row", "group_row", "output_sums", "group_sums", "polynomial_sums", "terms",
)  # fmt: skip


def _tile(outputs: int, groups: int) -> Any:
    """An intrinsic (plaintexts, panel, sums, modulus, distances) for one tile.

    The arrays begin at the tile's first entry; `distances` is a tuple of 64-bit integers.
    """

    @intrinsic
    def tile(
        _context: Any, plaintexts: Any, panel: Any, sums: Any, modulus: Any, distances: Any
    ) -> Any:
        signature = types.void(plaintexts, panel, sums, modulus, distances)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            places = {
                name: context.make_array(signature.args[i])(context, builder, arguments[i]).data
                for i, name in enumerate(_ARRAYS)
            }
            places["modulus"] = arguments[3]
            for i, name in enumerate(_DISTANCES):
                places[name] = builder.extract_value(arguments[4], i)
            _TileEmitter(builder, outputs, groups, places).emit()
            return context.get_dummy_value()

        return signature, generate

    return tile


_tile_2_2, _tile_1_2, _tile_4_1, _tile_1_1 = _tile(2, 2), _tile(1, 2), _tile(4, 1), _tile(1, 1)


@kernel
def vector_accumulate(
    plaintexts: Residues, panel: Residues, moduli: Residues, start: int, stop: int, out: Residues
) -> None:
    """See `accumulate`. Tiles have 16 sums in registers: 2 x 2 groups, or 4 outputs of one."""
    primes, positions, groups, terms = panel.shape[:4]
    outputs = plaintexts.shape[2]
    polynomial = primes * positions * LANES
    distances = (
        terms * LANES, terms * 2 * LANES, groups * 2 * polynomial, 2 * polynomial, polynomial,
        terms,
    )  # fmt: skip
    for place in range(start, stop):
        prime, position = place // positions, place % positions
        q = moduli[prime]
        weights, values = plaintexts[prime, position], panel[prime, position]
        at = position * LANES
        group = 0
        while group < groups:
            output = 0
            while output < outputs:
                sums = out[output, group, 0, prime, at:]
                if group + 2 <= groups and output + 2 <= outputs:
                    _tile_2_2(weights[output], values[group], sums, q, distances)
                    output += 2
                elif group + 2 <= groups:
                    _tile_1_2(weights[output], values[group], sums, q, distances)
                    output += 1
                elif output + 4 <= outputs:
                    _tile_4_1(weights[output], values[group], sums, q, distances)
                    output += 4
                else:
                    _tile_1_1(weights[output], values[group], sums, q, distances)
                    output += 1
            group += 2

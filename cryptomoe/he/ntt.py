"""Negacyclic number-theoretic transforms: of residues modulo 30-bit primes, and modulo p.

Residues are 32-bit lanes. A butterfly multiplies by a constant w with Shoup's precomputed quotient
floor(w 2^32 / q) and leaves values below 4q (Harvey, "Faster arithmetic for number-theoretic
transforms", J. Symbolic Computation, 2014, section 3). Modulo the 45-bit p, polynomials are float64
integers, centred: a product is exact as the sum of two doubles, and its multiple of p is taken off
by a fused multiply-add. Outputs are reduced completely, so results do not depend on the path taken.

Where the processor has AVX-512 and N = 8192, explicit vector code is used: LLVM's vectoriser can
neither keep eight streams of a radix-8 pass in registers nor turn the last levels, whose strides
are below a register's width. Three sweeps are made over a polynomial instead of thirteen: two of
radix 4 or 8, and one of blocks that fit in 16 registers, transposed there for the last levels.
Elsewhere plain loops are compiled.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from cryptomoe.he.roots import root_powers, smallest_root
from cryptomoe.kernel_cache import kernel

Residues = NDArray[np.uint32]
Polynomials = NDArray[np.float64]
_Table = NDArray[Any]

_VECTOR_DEGREE = 8192
_LEVELS = 13
_REGISTERS = 16
_BETWEEN_REGISTERS = 4
"""Levels of butterflies between 16 registers."""


def _has_wide_registers() -> bool:
    """Whether this is an x86-64 processor with AVX-512 for lanes of 32 and 64 bits."""
    if not llvmlite.binding.get_process_triple().startswith("x86_64"):
        return False
    try:
        return bool(llvmlite.binding.get_host_cpu_features().get("avx512f", False))
    except RuntimeError:
        return False


HAS_VECTORS = _has_wide_registers()


def shoup_quotients(constants: NDArray[np.uint64], modulus: int) -> Residues:
    """floor(w 2^32 / q) for each constant w below q."""
    return ((constants << np.uint64(32)) // np.uint64(modulus)).astype(np.uint32)


# --- tables ---------------------------------------------------------------------------------------


def _lane_order(table: _Table, lanes: int) -> _Table:
    """Roots of the last levels in the order that a block's transposed registers read them.

    For each group of `lanes` registers and each of their 1 + 2 + 4 + ... butterflies with roots of
    their own, the roots of its lanes.
    """
    rows = np.arange(len(table) // lanes).reshape(-1, 1, lanes)
    levels = lanes.bit_length() - 1
    parts = []
    for level in range(levels):
        butterflies = np.arange(1 << level)[:, np.newaxis]
        parts.append((1 << (_LEVELS - levels + level)) + (rows << level) + butterflies)
    return table[np.concatenate(parts, axis=1)].reshape(-1)


def _table(roots: _Table, quotients: _Table, lanes: int) -> _Table:
    """Roots and their quotients, in bit-reversed order and again in the order of the lanes."""
    parts = [roots, quotients]
    if len(roots) == _VECTOR_DEGREE:
        parts += [_lane_order(roots, lanes), _lane_order(quotients, lanes)]
    return np.concatenate(parts)


def _powers(modulus: int, degree: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers of the root, and of its inverse with the factor 1/N.

    Place 0 is used by no butterfly; it holds 1/N, and the last level's root at place 1 takes the
    same factor along.
    """
    root, scale = smallest_root(modulus, degree), pow(degree, -1, modulus)
    inverse = root_powers(pow(root, -1, modulus), modulus, degree)
    inverse[0], inverse[1] = scale, int(inverse[1]) * scale % modulus
    return root_powers(root, modulus, degree), inverse


class Transforms:
    """The transforms modulo some 30-bit primes; they work in place on contiguous arrays.

    Fields: `primes`; `degree` N; `moduli`, the primes as an array.
    """

    def __init__(self, primes: tuple[int, ...], degree: int) -> None:
        self.primes = primes
        self.degree = degree
        self.moduli = np.array(primes, np.uint32)
        tables = [
            [
                _table(powers.astype(np.uint32), shoup_quotients(powers, prime), _Words.lanes)
                for powers in _powers(prime, degree)
            ]
            for prime in primes
        ]
        self._tables: Residues = np.array(tables).swapaxes(0, 1).copy()

    def forward(self, polynomials: Residues, first: int, count: int) -> None:
        """Transform residues (..., count, N) below 4q in place; axis -2 runs over primes.

        The primes are number `first` to `first + count - 1`; results are below their primes.
        """
        vectors = HAS_VECTORS and self.degree == _VECTOR_DEGREE
        transform = _vector_forward if vectors else portable_forward
        chosen = slice(first, first + count)
        rows = _rows(polynomials, self.degree)
        transform(rows, self.moduli[chosen], self._tables[0, chosen])

    def inverse(self, polynomials: Residues, first: int, count: int) -> None:
        """The inverse of `forward`, of residues below 2q."""
        vectors = HAS_VECTORS and self.degree == _VECTOR_DEGREE
        transform = _vector_inverse if vectors else portable_inverse
        chosen = slice(first, first + count)
        rows = _rows(polynomials, self.degree)
        transform(rows, self.moduli[chosen], self._tables[1, chosen])


def _rows(array: NDArray[Any], degree: int) -> NDArray[Any]:
    """The array itself as rows; of one that is not contiguous there would be a copy."""
    if not array.flags.c_contiguous:
        raise ValueError("only contiguous arrays are transformed in place")
    return array.reshape(-1, degree)


class FieldTransform:
    """The transform modulo p, of integers in float64.

    Fields: `modulus` p, below 2^46; `degree` N.
    """

    def __init__(self, modulus: int, degree: int) -> None:
        self.modulus = modulus
        self.degree = degree
        tables = []
        for powers in _powers(modulus, degree):
            roots = centred(powers, modulus)
            tables.append(_table(roots, roots / modulus, _Doubles.lanes))
        self._forward, self._inverse = tables

    def forward(self, polynomials: Polynomials) -> None:
        """Transform (..., N) integers between -p and p in place; results are centred."""
        vectors = HAS_VECTORS and self.degree == _VECTOR_DEGREE
        transform = _vector_field_forward if vectors else portable_field_forward
        transform(_rows(polynomials, self.degree), float(self.modulus), self._forward)

    def inverse(self, polynomials: Polynomials) -> None:
        """The inverse of `forward`."""
        vectors = HAS_VECTORS and self.degree == _VECTOR_DEGREE
        transform = _vector_field_inverse if vectors else portable_field_inverse
        transform(_rows(polynomials, self.degree), float(self.modulus), self._inverse)


def centred(residues: NDArray[np.uint64], modulus: int) -> Polynomials:
    """Residues as the integers of least size that they stand for."""
    values = residues.astype(np.float64)
    return values - np.where(residues > np.uint64(modulus // 2), float(modulus), 0.0)


# --- plain loops ----------------------------------------------------------------------------------


@kernel
def portable_forward(rows: Residues, moduli: Residues, tables: Residues) -> None:
    """Row i modulo moduli[i % len(moduli)], in place."""
    degree = rows.shape[1]
    for row in range(rows.shape[0]):
        a = rows[row]
        table = tables[row % moduli.size]
        q = moduli[row % moduli.size]
        twice = np.uint32(q + q)
        groups, half = 1, degree // 2
        while groups < degree:
            for i in range(groups):
                root, quotient = table[groups + i], np.uint64(table[degree + groups + i])
                low = a[2 * i * half : (2 * i + 1) * half]
                high = a[(2 * i + 1) * half : (2 * i + 2) * half]
                for j in range(half):
                    u = min(low[j], np.uint32(low[j] - twice))
                    v = high[j]
                    estimate = np.uint32((np.uint64(v) * quotient) >> np.uint64(32))
                    product = np.uint32(np.uint32(v * root) - np.uint32(estimate * q))
                    low[j] = np.uint32(u + product)
                    high[j] = np.uint32(np.uint32(u - product) + twice)
            groups, half = 2 * groups, half // 2
        for j in range(degree):
            value = min(a[j], np.uint32(a[j] - twice))
            a[j] = min(value, np.uint32(value - q))


@kernel
def portable_inverse(rows: Residues, moduli: Residues, tables: Residues) -> None:
    """Row i modulo moduli[i % len(moduli)], in place."""
    degree = rows.shape[1]
    for row in range(rows.shape[0]):
        a = rows[row]
        table = tables[row % moduli.size]
        q = moduli[row % moduli.size]
        twice = np.uint32(q + q)
        groups, half = degree // 2, 1
        while groups:
            for i in range(groups):
                root, quotient = table[groups + i], np.uint64(table[degree + groups + i])
                low = a[2 * i * half : (2 * i + 1) * half]
                high = a[(2 * i + 1) * half : (2 * i + 2) * half]
                for j in range(half):
                    u, v = low[j], high[j]
                    total = np.uint32(u + v)
                    low[j] = min(total, np.uint32(total - twice))
                    difference = np.uint32(np.uint32(u - v) + twice)
                    estimate = np.uint32((np.uint64(difference) * quotient) >> np.uint64(32))
                    product = np.uint32(difference * root)
                    high[j] = np.uint32(product - np.uint32(estimate * q))
            groups, half = groups // 2, 2 * half
        scale, quotient = table[0], np.uint64(table[degree])
        for j in range(degree // 2):
            estimate = np.uint32((np.uint64(a[j]) * quotient) >> np.uint64(32))
            value = np.uint32(np.uint32(a[j] * scale) - np.uint32(estimate * q))
            a[j] = min(value, np.uint32(value - q))
        for j in range(degree // 2, degree):
            a[j] = min(a[j], np.uint32(a[j] - q))


@kernel
def _field_product(value: float, root: float, quotient: float, p: float) -> float:
    """value * root modulo p, slightly above p/2 at most; exact modulo 2^64, and small."""
    multiple = np.int64(np.rint(value * quotient))
    return float(np.int64(value) * np.int64(root) - multiple * np.int64(p))


@kernel
def portable_field_forward(rows: Polynomials, p: float, table: Polynomials) -> None:
    """Every row modulo p, in place. Sizes grow by p/2 a level, so all stay exact."""
    degree = rows.shape[1]
    for row in range(rows.shape[0]):
        a = rows[row]
        groups, half = 1, degree // 2
        while groups < degree:
            for i in range(groups):
                root, quotient = table[groups + i], table[degree + groups + i]
                low = a[2 * i * half : (2 * i + 1) * half]
                high = a[(2 * i + 1) * half : (2 * i + 2) * half]
                for j in range(half):
                    product = _field_product(high[j], root, quotient, p)
                    high[j] = low[j] - product
                    low[j] += product
            groups, half = 2 * groups, half // 2
        for j in range(degree):
            a[j] -= p * np.rint(a[j] / p)


@kernel
def portable_field_inverse(rows: Polynomials, p: float, table: Polynomials) -> None:
    """Every row modulo p, in place. Sums are reduced at every level."""
    degree = int(rows.shape[1])
    for row in range(rows.shape[0]):
        a = rows[row]
        groups, half = degree // 2, 1
        while groups:
            for i in range(groups):
                root, quotient = table[groups + i], table[degree + groups + i]
                low = a[2 * i * half : (2 * i + 1) * half]
                high = a[(2 * i + 1) * half : (2 * i + 2) * half]
                for j in range(half):
                    total, difference = low[j] + high[j], low[j] - high[j]
                    low[j] = total - p * np.rint(total / p)
                    high[j] = _field_product(difference, root, quotient, p)
            groups, half = groups // 2, 2 * half
        scale, quotient = table[0], table[degree]
        for j in range(degree // 2):
            a[j] = _field_product(a[j], scale, quotient, p)
        for j in range(degree):
            a[j] -= p * np.rint(a[j] / p)


# --- explicit vectors: arithmetic -----------------------------------------------------------------

_PLACE = ir.IntType(64)
_WORD = ir.IntType(32)
_insert: Any = cgutils.get_or_insert_function


def _place(number: int) -> Any:
    return ir.Constant(_PLACE, number)


class _Arithmetic:
    """Emits arithmetic on a register of `lanes` values; `element` is the type of one.

    A root is a pair of registers: the root and its quotient.
    """

    lanes: ClassVar[int]
    element: ClassVar[Any]

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.vector = ir.VectorType(self.element, self.lanes)

    def shuffled(self, first: Any, second: Any, places: list[int]) -> Any:
        """Lanes of two registers, those of the second numbered on from those of the first."""
        chosen = ir.Constant(ir.VectorType(_WORD, self.lanes), places)
        return self.builder.shuffle_vector(first, second, chosen)

    def repeat(self, value: Any) -> Any:
        """One value in every lane."""
        empty = ir.Constant(self.vector, ir.Undefined)
        single = self.builder.insert_element(empty, value, ir.Constant(_WORD, 0))
        return self.shuffled(single, empty, [0] * self.lanes)

    def transposed(self, vectors: list[Any]) -> list[Any]:
        """As many registers as they have lanes, rows and columns exchanged."""
        turned, distance, lanes = list(vectors), 1, range(self.lanes)
        while distance < self.lanes:
            keep = [i if not i & distance else self.lanes + i - distance for i in lanes]
            move = [i + distance if not i & distance else self.lanes + i for i in lanes]
            for i in lanes:
                if not i & distance:
                    pair = turned[i], turned[i + distance]
                    turned[i] = self.shuffled(*pair, keep)
                    turned[i + distance] = self.shuffled(*pair, move)
            distance *= 2
        return turned

    def call(self, name: str, *arguments: Any) -> Any:
        """LLVM's function of this name on registers."""
        kind = ir.FunctionType(self.vector, [self.vector] * len(arguments))
        return self.builder.call(_insert(self.builder.module, kind, name), arguments)


class _Words(_Arithmetic):
    """16 residues modulo q, below 4q forwards and below 2q backwards."""

    lanes = 16
    element = _WORD

    def __init__(self, builder: Any, modulus: Any) -> None:
        super().__init__(builder)
        self._q = self.repeat(modulus)
        self._twice = builder.add(self._q, self._q)

    def _less(self, value: Any, bound: Any) -> Any:
        return self.call("llvm.umin.v16i32", value, self.builder.sub(value, bound))

    def multiply(self, value: Any, root: tuple[Any, Any]) -> Any:
        """Any value times a root: below 2q. High words of even and odd lanes are made apart."""
        builder, pairs = self.builder, ir.VectorType(_PLACE, 8)
        word, low = ir.Constant(pairs, [32] * 8), ir.Constant(pairs, [0xFFFFFFFF] * 8)
        values, quotients = (builder.bitcast(x, pairs) for x in (value, root[1]))
        even = builder.mul(builder.and_(values, low), builder.and_(quotients, low))
        odd = builder.mul(builder.lshr(values, word), builder.lshr(quotients, word))
        high_words = [i + 1 if i % 2 == 0 else 16 + i for i in range(16)]
        estimate = self.shuffled(
            builder.bitcast(even, self.vector), builder.bitcast(odd, self.vector), high_words
        )
        return builder.sub(builder.mul(value, root[0]), builder.mul(estimate, self._q))

    def forward(self, low: Any, high: Any, root: tuple[Any, Any], _level: int) -> tuple[Any, Any]:
        """A butterfly of values below 4q."""
        low, product = self._less(low, self._twice), self.multiply(high, root)
        difference = self.builder.add(self.builder.sub(low, product), self._twice)
        return self.builder.add(low, product), difference

    def inverse(self, low: Any, high: Any, root: tuple[Any, Any], _level: int) -> tuple[Any, Any]:
        """A butterfly of values below 2q."""
        difference = self.builder.add(self.builder.sub(low, high), self._twice)
        total = self._less(self.builder.add(low, high), self._twice)
        return total, self.multiply(difference, root)

    def finish(self, value: Any) -> Any:
        """From below 4q to below q."""
        return self._less(self._less(value, self._twice), self._q)


class _Doubles(_Arithmetic):
    """8 integers modulo p in doubles, of size below 10 p."""

    lanes = 8
    element = ir.DoubleType()

    def __init__(self, builder: Any, modulus: Any) -> None:
        super().__init__(builder)
        self._minus_p = self.repeat(builder.fneg(modulus))
        self._inverse = self.repeat(builder.fdiv(ir.Constant(self.element, 1.0), modulus))
        # Adding 1.5 * 2^52 and taking it off again rounds to an integer.
        self._magic = ir.Constant(self.vector, [1.5 * 2.0**52] * self.lanes)

    def _multiple(self, value: Any, quotient: Any) -> Any:
        rounded = self.call("llvm.fma.v8f64", value, quotient, self._magic)
        return self.builder.fsub(rounded, self._magic)

    def multiply(self, value: Any, root: tuple[Any, Any]) -> Any:
        """A value times a root, slightly above p/2 at most."""
        multiple = self._multiple(value, root[1])
        high = self.builder.fmul(value, root[0])
        low = self.call("llvm.fma.v8f64", value, root[0], self.builder.fneg(high))
        reduced = self.call("llvm.fma.v8f64", multiple, self._minus_p, high)
        return self.builder.fadd(reduced, low)

    def forward(self, low: Any, high: Any, root: tuple[Any, Any], _level: int) -> tuple[Any, Any]:
        """A butterfly; sizes grow by half of p."""
        product = self.multiply(high, root)
        return self.builder.fadd(low, product), self.builder.fsub(low, product)

    def inverse(self, low: Any, high: Any, root: tuple[Any, Any], level: int) -> tuple[Any, Any]:
        """A butterfly; sums double, and every third level reduces them."""
        total = self.builder.fadd(low, high)
        if level % 3 == 0:
            total = self.finish(total)
        return total, self.multiply(self.builder.fsub(low, high), root)

    def finish(self, value: Any) -> Any:
        """Centred."""
        multiple = self._multiple(value, self._inverse)
        return self.call("llvm.fma.v8f64", multiple, self._minus_p, value)


# --- explicit vectors: the transforms -------------------------------------------------------------

_Root = Callable[[int, int], tuple[Any, Any]]


class _Emitter:
    """Emits one transform of one row, given pointers to the row and its table."""

    def __init__(self, arithmetic: Any, row: Any, table: Any, *, inverse: bool) -> None:
        self._builder = arithmetic.builder
        self._arithmetic = arithmetic
        self._row = row
        self._table = table
        self._inverse = inverse
        self._lanes = arithmetic.lanes
        self._in_lanes = self._lanes.bit_length() - 1
        self._swept = _LEVELS - _BETWEEN_REGISTERS - self._in_lanes

    def emit(self) -> None:
        """All sweeps, in the order of their direction."""
        sweeps = [
            lambda: self._sweep(0, 3), lambda: self._sweep(3, self._swept - 3), self._blocks,
        ]  # fmt: skip
        for sweep in reversed(sweeps) if self._inverse else sweeps:
            sweep()

    def _at(self, base: Any, place: Any) -> Any:
        pointer = self._builder.gep(base, [place])
        return self._builder.bitcast(pointer, self._arithmetic.vector.as_pointer())

    def _load(self, base: Any, place: Any) -> Any:
        loaded = self._builder.load(self._at(base, place))
        loaded.align = 4
        return loaded

    def _load_all(self, places: list[Any]) -> list[Any]:
        return [self._load(self._row, place) for place in places]

    def _store_all(self, vectors: list[Any], places: list[Any]) -> None:
        for vector, place in zip(vectors, places, strict=True):
            self._builder.store(vector, self._at(self._row, place)).align = 4

    def _scalar_root(self, number: Any) -> tuple[Any, Any]:
        places = number, self._builder.add(number, _place(_VECTOR_DEGREE))
        root, quotient = (
            self._arithmetic.repeat(self._builder.load(self._builder.gep(self._table, [place])))
            for place in places
        )
        return root, quotient

    def _levels(self, vectors: list[Any], first: int, count: int, root: _Root) -> None:
        """`count` levels from number `first` between registers; root(which level, butterfly)."""
        levels = range(count)
        arithmetic = self._arithmetic
        butterfly = arithmetic.inverse if self._inverse else arithmetic.forward
        for level in reversed(levels) if self._inverse else levels:
            half = len(vectors) >> (level + 1)
            for group in range(1 << level):
                for low in range(2 * half * group, 2 * half * group + half):
                    vectors[low], vectors[low + half] = butterfly(
                        vectors[low], vectors[low + half], root(level, group), first + level
                    )

    def _sweep(self, first: int, count: int) -> None:
        """Levels `first` to `first + count - 1` in one pass over the row."""
        builder = self._builder
        size = _VECTOR_DEGREE >> first
        stride = size >> count
        with cgutils.for_range(builder, _place(1 << first)) as groups:
            roots = {}
            for level in range(count):
                for i in range(1 << level):
                    scaled = builder.mul(groups.index, _place(1 << level))
                    number = builder.add(scaled, _place((1 << (first + level)) + i))
                    roots[level, i] = self._scalar_root(number)
            start = builder.mul(groups.index, _place(size))
            with cgutils.for_range(builder, _place(stride // self._lanes)) as steps:
                at = builder.add(start, builder.mul(steps.index, _place(self._lanes)))
                places = [builder.add(at, _place(i * stride)) for i in range(1 << count)]
                vectors = self._load_all(places)
                self._levels(vectors, first, count, lambda level, i: roots[level, i])
                if self._inverse and first == 0:
                    self._scale(vectors)
                self._store_all(vectors, places)

    def _scale(self, vectors: list[Any]) -> None:
        """The factor 1/N, which the last level's root has brought to the second half already."""
        factor = self._scalar_root(_place(0))
        half = len(vectors) // 2
        vectors[:half] = [self._arithmetic.multiply(vector, factor) for vector in vectors[:half]]
        vectors[:] = [self._arithmetic.finish(vector) for vector in vectors]

    def _blocks(self) -> None:
        """The last levels, block by block: four between registers, the rest between lanes."""
        builder = self._builder
        size = _REGISTERS * self._lanes
        with cgutils.for_range(builder, _place(_VECTOR_DEGREE // size)) as blocks:
            at = builder.mul(blocks.index, _place(size))
            places = [builder.add(at, _place(i * self._lanes)) for i in range(_REGISTERS)]
            vectors = self._load_all(places)
            if self._inverse:
                self._between_lanes(vectors, blocks.index)
                self._between_registers(vectors, blocks.index)
            else:
                self._between_registers(vectors, blocks.index)
                self._between_lanes(vectors, blocks.index)
                vectors = [self._arithmetic.finish(vector) for vector in vectors]
            self._store_all(vectors, places)

    def _between_registers(self, vectors: list[Any], block: Any) -> None:
        def root(level: int, group: int) -> tuple[Any, Any]:
            scaled = self._builder.mul(block, _place(1 << level))
            number = _place((1 << (self._swept + level)) + group)
            return self._scalar_root(self._builder.add(scaled, number))

        self._levels(vectors, self._swept, _BETWEEN_REGISTERS, root)

    def _between_lanes(self, vectors: list[Any], block: Any) -> None:
        groups = _REGISTERS // self._lanes
        words = (self._lanes - 1) * self._lanes
        ordered = _VECTOR_DEGREE // self._lanes**2 * words
        for i in range(groups):
            number = self._builder.add(self._builder.mul(block, _place(groups)), _place(i))
            start = self._builder.mul(number, _place(words))

            def root(level: int, group: int, start: Any = start) -> tuple[Any, Any]:
                place = 2 * _VECTOR_DEGREE + ((1 << level) - 1 + group) * self._lanes
                root, quotient = (
                    self._load(self._table, self._builder.add(start, _place(place + offset)))
                    for offset in (0, ordered)
                )
                return root, quotient

            group = slice(i * self._lanes, (i + 1) * self._lanes)
            turned = self._arithmetic.transposed(vectors[group])
            self._levels(turned, _LEVELS - self._in_lanes, self._in_lanes, root)
            vectors[group] = self._arithmetic.transposed(turned)


def _vector_transform(arithmetic: type[_Words | _Doubles], *, inverse: bool) -> Any:
    """An intrinsic (row, table, modulus) that transforms a row of length 8192 in place."""

    @intrinsic
    def transform(_context: Any, row: Any, table: Any, modulus: Any) -> Any:
        signature = types.void(row, table, modulus)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointers = [
                context.make_array(signature.args[i])(context, builder, arguments[i]).data
                for i in range(2)
            ]
            _Emitter(arithmetic(builder, arguments[2]), *pointers, inverse=inverse).emit()
            return context.get_dummy_value()

        return signature, generate

    return transform


_words_forward = _vector_transform(_Words, inverse=False)
_words_inverse = _vector_transform(_Words, inverse=True)
_doubles_forward = _vector_transform(_Doubles, inverse=False)
_doubles_inverse = _vector_transform(_Doubles, inverse=True)


@kernel
def _vector_forward(rows: Residues, moduli: Residues, tables: Residues) -> None:
    for row in range(rows.shape[0]):
        which = row % moduli.size
        _words_forward(rows[row], tables[which], moduli[which])


@kernel
def _vector_inverse(rows: Residues, moduli: Residues, tables: Residues) -> None:
    for row in range(rows.shape[0]):
        which = row % moduli.size
        _words_inverse(rows[row], tables[which], moduli[which])


@kernel
def _vector_field_forward(rows: Polynomials, p: float, table: Polynomials) -> None:
    for row in range(rows.shape[0]):
        _doubles_forward(rows[row], table, p)


@kernel
def _vector_field_inverse(rows: Polynomials, p: float, table: Polynomials) -> None:
    for row in range(rows.shape[0]):
        _doubles_inverse(rows[row], table, p)

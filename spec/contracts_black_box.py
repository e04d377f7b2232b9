"""Contracts of the black box, as the engine with two parties realises it: what each declares.

Operations that are not listed send nothing. Where the width of a comparison follows from a bound,
the bound is a parameter; the scalar functions and tournaments are declared at the greatest bound at
which they are used.
"""

from cryptomoe_spec.contracts_terms import (
    ALWAYS_EXACT,
    BLACK_BOX,
    BOTH,
    BY_COMPARISON,
    BY_ENCRYPTION,
    BY_LAYOUT,
    BY_TRANSFERS,
    COMPARING,
    FLOOR,
    INTEGER,
    MULTIPLYING,
    Functionality,
    Leakage,
    Parameter,
)
from cryptomoe_spec.exp import INPUT_LIMIT
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND
from cryptomoe_spec.messages import (
    bits,
    boundary,
    comparison,
    indices,
    products,
    scalar,
    truncation,
)
from cryptomoe_spec.messages.attention import MASKED_BOUND
from cryptomoe_spec.messages.rmsnorm import SQUARE_SUM_BOUND
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import CLIENT, Wire

COUNT = Parameter("count", "entries of the result", (3, 9000))
BOUND = Parameter("bound", "greatest size of an entry", (5000, 1 << 40))
X_BOUND = Parameter("x_bound", "greatest size of an entry of x", (5000, 1 << 40))
Y_BOUND = Parameter("y_bound", "greatest size of an entry of y", (1, 1 << 30))
ROWS = Parameter("rows", "rows", (3, 70))
ROW_SIZE = Parameter("size", "entries of a row", (5, 300))
BATCH = Parameter("batch", "products in the batch", (1, 6))
ANY_VALUE = "|x| < p/4"
SQUARES = (*BY_COMPARISON, *BY_ENCRYPTION, "rathee2021")
CARRIES = "one integer function, the same in both modes; every truncation inside is exact"


def _reveal(wire: Wire, count: Size) -> None:
    boundary.reveal(wire, count, CLIENT)


def _maximum(wire: Wire, rows: Size, size: Size) -> None:
    indices.maximum(wire, rows, size, MASKED_BOUND)


def _argmax(wire: Wire, rows: Size, size: Size) -> None:
    indices.argmax(wire, rows, size, ACTIVATION_BOUND - 1)


def _silu(wire: Wire, count: Size) -> None:
    scalar.silu(wire, count, ACTIVATION_BOUND - 1)


def _sigmoid(wire: Wire, count: Size) -> None:
    scalar.sigmoid(wire, count, ACTIVATION_BOUND - 1)


def _exp(wire: Wire, count: Size) -> None:
    scalar.exp(wire, count, INPUT_LIMIT - 1)


def _reciprocal(wire: Wire, count: Size) -> None:
    scalar.reciprocal(wire, count, (1 << 29) - 1)


def _rsqrt(wire: Wire, count: Size) -> None:
    scalar.rsqrt(wire, count, SQUARE_SUM_BOUND)


def _truncate(wire: Wire, count: Size, bits: Size) -> None:
    truncation.truncate(wire, count, bits)


BLACK_BOX_FUNCTIONALITIES = (
    Functionality(
        "reveal", BLACK_BOX, _reveal, (COUNT,), ANY_VALUE, INTEGER, ("goldreich2004",), (),
        Leakage(client="the values, as its output, where they are revealed to it"),
    ),
    Functionality(
        "multiply", BLACK_BOX, products.multiply, (COUNT,), "|x y| < p/4", INTEGER,
        BY_ENCRYPTION, MULTIPLYING,
    ),
    Functionality(
        "square", BLACK_BOX, products.square, (COUNT,), "x^2 < p/4", INTEGER,
        BY_ENCRYPTION, MULTIPLYING,
    ),
    Functionality(
        "matmul", BLACK_BOX, products.matmul,
        (BATCH, Parameter("a", "rows of x", (2, 12)), Parameter("b", "columns of x", (3, 40)),
         Parameter("c", "columns of y", (4, 9))),
        "every entry of the product below p/4", INTEGER, BY_LAYOUT, MULTIPLYING,
    ),
    Functionality(
        "linear", BLACK_BOX, products.linear,
        (BATCH, Parameter("rows", "rows of x", (2, 12)), Parameter("d1", "columns of x", (3, 40)),
         Parameter("d2", "columns of the server's matrix", (4, 9))),
        "every entry of the product below p/4", INTEGER, BY_LAYOUT, MULTIPLYING,
    ),
    Functionality(
        "truncate", BLACK_BOX, _truncate,
        (COUNT, Parameter("bits", "bits taken off, at most 27", (13, 20))),
        "|x| < p/4", FLOOR, (*BY_COMPARISON, "huang2022"), COMPARING,
    ),
    Functionality(
        "at_least", BLACK_BOX, comparison.at_least,
        (COUNT, Parameter("number", "thresholds", (2, 9)),
         Parameter("greatest", "greatest size of a threshold", (1, 1 << 20)), BOUND),
        "|x| <= bound, bound + greatest < p/4", INTEGER, BY_COMPARISON, COMPARING,
    ),
    Functionality(
        "negative", BLACK_BOX, comparison.negative, (COUNT, BOUND), "|x| <= bound < p/4",
        INTEGER, BY_COMPARISON, COMPARING,
    ),
    Functionality(
        "less", BLACK_BOX, comparison.less, (COUNT, X_BOUND, Y_BOUND),
        "|x| <= x_bound, |y| <= y_bound, x_bound + y_bound < p/4", INTEGER, BY_COMPARISON,
        COMPARING,
    ),
    Functionality(
        "equal", BLACK_BOX, comparison.equal, (COUNT, X_BOUND, Y_BOUND),
        "|x| <= x_bound, |y| <= y_bound, x_bound + y_bound < p/4", INTEGER, BY_COMPARISON,
        COMPARING,
    ),
    Functionality(
        "logical_and", BLACK_BOX, bits.logical_and, (COUNT,), "bits", INTEGER, BY_TRANSFERS,
        COMPARING,
    ),
    Functionality(
        "to_arithmetic", BLACK_BOX, bits.to_arithmetic, (COUNT,), "bits", INTEGER, BY_TRANSFERS,
        COMPARING,
    ),
    Functionality(
        "select", BLACK_BOX, bits.select, (COUNT,), "|x|, |y|, |x - y| < p/4", INTEGER,
        BY_TRANSFERS, COMPARING,
    ),
    Functionality(
        "keep_if", BLACK_BOX, bits.keep_if, (COUNT,), ANY_VALUE, INTEGER, BY_TRANSFERS, COMPARING
    ),
    Functionality(
        "one_hot", BLACK_BOX, indices.one_hot,
        (COUNT, Parameter("size", "columns of the result", (5, 40))),
        "0 <= index < 256", INTEGER, (*BY_COMPARISON, "naor1999"), COMPARING,
    ),
    Functionality(
        "lookup", BLACK_BOX, indices.lookup,
        (COUNT, Parameter("tables", "tables", (1, 3)),
         Parameter("size", "entries of a table, a power of two up to 32", (4, 32))),
        "0 <= index < size", INTEGER, (*BY_TRANSFERS, "naor1999"), COMPARING,
    ),
    Functionality(
        "maximum", BLACK_BOX, _maximum, (ROWS, ROW_SIZE), f"|x| <= {MASKED_BOUND}", INTEGER,
        BY_COMPARISON, COMPARING,
    ),
    Functionality(
        "argmax", BLACK_BOX, _argmax, (ROWS, ROW_SIZE), "|x| < 2^23, size <= 2^20",
        "none: an index, the lowest among equals", BY_COMPARISON, COMPARING,
    ),
    Functionality(
        "silu", BLACK_BOX, _silu, (COUNT,), "|x| < 2^23, 13 fraction bits",
        f"{CARRIES}; within 2^-9 of SiLU", SQUARES, BOTH,
    ),
    Functionality(
        "sigmoid", BLACK_BOX, _sigmoid, (COUNT,), "|x| < 2^23, 13 fraction bits",
        f"{CARRIES}; within 2^-10 of the sigmoid", SQUARES, BOTH,
    ),
    Functionality(
        "exp", BLACK_BOX, _exp, (COUNT,), "0 <= v < 2^26, 13 fraction bits", CARRIES,
        (*SQUARES, "naor1999"), BOTH,
    ),
    Functionality(
        "reciprocal", BLACK_BOX, _reciprocal, (COUNT,), "2^19 <= s < 2^29, 20 fraction bits",
        CARRIES, SQUARES, BOTH,
    ),
    Functionality(
        "rsqrt", BLACK_BOX, _rsqrt, (COUNT,), "1 <= s < 2^42", ALWAYS_EXACT, SQUARES, BOTH
    ),
)  # fmt: skip

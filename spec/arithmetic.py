"""The black box, part 3: sums, which are local, and products, which are not.

Every result must be below VALUE_LIMIT in size. Engines compute modulo P and cannot see a result
that is not; the specification raises RangeError.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray, exact_matmul, require_below, require_between
from cryptomoe_spec.fixed_point import VALUE_LIMIT


def declare(x: IntArray, bound: int) -> IntArray:
    """State that |x| <= bound; the value is not changed."""
    # INPUTS x; bound: public.
    require_between(x, -bound, bound, "declare")
    # FUNCTION
    return x
    # LEAKAGE nothing: the bound is public.
    # COST local.


def add(x: IntArray, y: IntArray) -> IntArray:
    """x + y, broadcasting."""
    # INPUTS x, y: secret.
    # FUNCTION
    result = x + y
    require_below(result, VALUE_LIMIT, "add")
    # LEAKAGE nothing.
    # COST local.
    return result


def subtract(x: IntArray, y: IntArray) -> IntArray:
    """x - y, broadcasting."""
    # INPUTS x, y: secret.
    # FUNCTION
    result = x - y
    require_below(result, VALUE_LIMIT, "subtract")
    # LEAKAGE nothing.
    # COST local.
    return result


def add_public(x: IntArray, c: int | IntArray) -> IntArray:
    """x + c for a public c, broadcasting."""
    # INPUTS x: secret; c: public.
    # FUNCTION
    result = x + np.asarray(c, np.int64)
    require_below(result, VALUE_LIMIT, "add_public")
    # LEAKAGE nothing.
    # COST local.
    return result


def scale_public(x: IntArray, c: int | IntArray) -> IntArray:
    """x * c entry by entry for a public c, broadcasting."""
    # INPUTS x: secret; c: public.
    # FUNCTION
    result = x * np.asarray(c, np.int64)
    require_below(result, VALUE_LIMIT, "scale_public")
    # LEAKAGE nothing.
    # COST local.
    return result


def sum(x: IntArray, axis: int) -> IntArray:  # noqa: A001 - the operation's name in the black box
    """Sum along one axis, which disappears."""
    # INPUTS x: secret.
    # FUNCTION
    result = np.asarray(np.sum(x, axis=axis, dtype=np.int64))
    require_below(result, VALUE_LIMIT, "sum")
    # LEAKAGE nothing.
    # COST local.
    return result


def multiply(x: IntArray, y: IntArray) -> IntArray:
    """x * y entry by entry, broadcasting."""
    # INPUTS x, y: secret; every entry of the result is below VALUE_LIMIT, by the declared
    # bounds or because the caller answers for it.
    # FUNCTION
    result = x * y
    require_below(result, VALUE_LIMIT, "multiply")
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to the size of the result.
    return result


def square(x: IntArray) -> IntArray:
    """x * x entry by entry."""
    # INPUTS x: secret; every entry of the result is below VALUE_LIMIT, as for `multiply`.
    # FUNCTION
    result = x * x
    require_below(result, VALUE_LIMIT, "square")
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to the size.
    return result


def matmul(x: IntArray, y: IntArray) -> IntArray:
    """(batch, a, b) by (batch, b, c), both secret."""
    # INPUTS x, y; every entry of the result is below VALUE_LIMIT.
    # FUNCTION
    return exact_matmul(x, y, "matmul")
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to the operands and the result, not to a b c.


def linear(x: IntArray, w: IntArray) -> IntArray:
    """(batch, rows, d1) by the server's (batch, d1, d2): a matrix of its own per batch entry."""
    # INPUTS x: secret; w: known to the server; every entry of the result is below VALUE_LIMIT.
    # FUNCTION
    return exact_matmul(x, w, "linear")
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to input and result, not to the size of w.

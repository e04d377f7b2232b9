"""Supporting matter: array types, the range check, and exact products of integer matrices."""

import numpy as np
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.fixed_point import VALUE_LIMIT
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BitArray = NDArray[np.bool_]


def require_between(values: IntArray, low: int, high: int, what: str) -> None:
    """Every entry of `values` is in [low, high]; else a RangeError shows one that is not."""
    outside = values[(values < low) | (values > high)]
    if outside.size:
        raise RangeError(f"{what}: {outside.flat[0]} is outside [{low}, {high}]")


def require_below(values: IntArray, bound: int, what: str) -> None:
    """Every entry is less than `bound` in size."""
    require_between(values, 1 - bound, bound - 1, what)


def exact_matmul(x: IntArray, y: IntArray, what: str) -> IntArray:
    """numpy's matmul over the integers; a RangeError unless every entry is below VALUE_LIMIT.

    Doubles and 64-bit integers are used only where no partial sum can leave their exact range.
    """
    largest = int(np.abs(x).max(initial=0)) * int(np.abs(y).max(initial=0)) * x.shape[-1]
    if largest < 1 << 53:
        product = (x.astype(np.float64) @ y.astype(np.float64)).astype(np.int64)
    elif largest < 1 << 63:
        product = x @ y
    else:
        product = x.astype(object) @ y.astype(object)
    require_below(product, VALUE_LIMIT, what)
    return product.astype(np.int64)

"""The black box, part 2: values entering and leaving. Party 0 is the client, party 1 the server."""

import numpy as np
from cryptomoe_spec.arrays import BitArray, IntArray, require_between
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.fixed_point import VALUE_LIMIT


def _require_shape(values: IntArray | BitArray, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise RangeError(f"an input of shape {values.shape} was declared as {shape}")


def input(  # noqa: A001 - the operation's name in the black box
    owner: int, values: IntArray, shape: tuple[int, ...], bound: int
) -> IntArray:
    """Integers of `owner` become secret."""
    # INPUTS values: known to `owner` alone; |value| <= bound.
    del owner
    _require_shape(values, shape)
    require_between(values, -bound, bound, "input")
    # FUNCTION
    return values
    # LEAKAGE nothing: the shape and the bound are public.
    # COST at most one message from the owner.


def input_bits(owner: int, values: BitArray, shape: tuple[int, ...]) -> BitArray:
    """Bits of `owner` become secret."""
    # INPUTS values: known to `owner` alone.
    del owner
    _require_shape(values, shape)
    # FUNCTION
    return values
    # LEAKAGE nothing: the shape is public.
    # COST at most one message from the owner.


def weight(values: IntArray, shape: tuple[int, int, int]) -> IntArray:
    """The server's matrices, made ready for `linear`."""
    # INPUTS values: (batch, d1, d2), known to the server alone; |w| < VALUE_LIMIT.
    _require_shape(values, shape)
    require_between(values, 1 - VALUE_LIMIT, VALUE_LIMIT - 1, "weight")
    # FUNCTION
    return values
    # LEAKAGE nothing: the shape is public.
    # COST local.


def public(values: IntArray) -> IntArray:
    """A constant that everybody knows, used as a secret."""
    # INPUTS values: public.
    require_between(values, 1 - VALUE_LIMIT, VALUE_LIMIT - 1, "public")
    # FUNCTION
    return np.array(values)
    # LEAKAGE nothing.
    # COST local.


def reveal(x: IntArray, to: int | None) -> IntArray:
    """`x` becomes known to one party, or to both (None)."""
    # INPUTS x: secret.
    del to
    # FUNCTION
    return x
    # LEAKAGE x, to the receiver: the only operation that lets anybody learn anything.
    # COST one message to each receiver.

"""Supporting matter: arithmetic on sizes, which are integers or sympy expressions alike."""

from typing import Any

from cryptomoe_spec.fixed_point import VALUE_LIMIT
from sympy import Piecewise

Size = Any
"""An int, or a sympy expression in public parameters."""

FIELD_BITS = 45
"""Bits of a field element on the wire."""


def ceil_div(a: Size, b: Size) -> Size:
    """a / b, rounded up."""
    return -(-a // b)


def packed(count: Size, width: Size) -> Size:
    """Bytes of `count` entries of `width` bits, packed without gaps to whole bytes."""
    return ceil_div(count * width, 8)


def choose(condition: Any, yes: Size, no: Size) -> Size:
    """`yes` where the public condition holds, else `no`."""
    if isinstance(condition, bool):
        return yes if condition else no
    return Piecewise((yes, condition), (no, True))


def capped(bound: Size) -> Size:
    """Bounds grow by the rules of arithmetic, but no value may reach VALUE_LIMIT."""
    return min(bound, VALUE_LIMIT - 1) if isinstance(bound, int) else bound

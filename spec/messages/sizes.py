"""Supporting matter: arithmetic on sizes, which are integers or sympy expressions alike."""

from typing import Any

from cryptomoe_spec.fixed_point import VALUE_LIMIT
from sympy import Eq, Function, Integer, Piecewise

Size = Any
"""An int, or a sympy expression in public parameters."""

FIELD_BITS = 45
"""Bits of a field element on the wire."""


class CeilDiv(Function):  # type: ignore[misc]  # sympy has no types
    """ceil_div(a, b) is a / b rounded up, a number as soon as both are. Printed by that name.

    sympy's own ceiling would ask what it can know of its argument, for seconds in a long formula.
    """

    is_integer = True
    is_extended_real = True

    @classmethod
    def eval(cls, a: Any, b: Any) -> Any:
        """The number, where both arguments are; else the formula stays."""
        return Integer(-(-int(a) // int(b))) if a.is_Integer and b.is_Integer else None

    def _sympystr(self, printer: Any) -> str:
        return f"ceil_div({', '.join(printer.doprint(argument) for argument in self.args)})"


def ceil_div(a: Size, b: Size) -> Size:
    """a / b, rounded up."""
    if isinstance(a, int) and isinstance(b, int):
        return -(-a // b)
    return CeilDiv(a, b)


def packed(count: Size, width: Size) -> Size:
    """Bytes of `count` entries of `width` bits, packed without gaps to whole bytes."""
    return ceil_div(count * width, 8)


def choose(condition: Any, yes: Size, no: Size) -> Size:
    """`yes` where the public condition holds, else `no`."""
    if isinstance(condition, bool):
        return yes if condition else no
    return Piecewise((yes, condition), (no, True))


def equals(size: Size, number: int) -> Any:
    """Whether a size is a number, as a condition."""
    return size == number if isinstance(size, int) else Eq(size, number)


def capped(bound: Size) -> Size:
    """Bounds grow by the rules of arithmetic, but no value may reach VALUE_LIMIT."""
    return min(bound, VALUE_LIMIT - 1) if isinstance(bound, int) else bound

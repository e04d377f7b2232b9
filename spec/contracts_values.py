"""Numbers from formulas: one walk over a formula, which looks only at the cases that hold."""

import operator
from collections.abc import Mapping
from math import prod
from typing import Any

from cryptomoe_spec.contracts_formulas import ANSWERS, EXACT, HE, REQUESTS, STEP, STEPS, symbol
from cryptomoe_spec.messages.sizes import CeilDiv, Size, ceil_div
from cryptomoe_spec.messages.wire import Layout, Setting
from sympy import Add, And, Eq, Ge, Gt, Integer, Le, Lt, Mul, Or, Piecewise, Pow, Symbol
from sympy.logic.boolalg import BooleanAtom

_OPERATORS = {
    Add: lambda *terms: sum(terms),
    Mul: lambda *factors: prod(factors),
    Pow: operator.pow,
    CeilDiv: ceil_div,
    Eq: operator.eq,
    Ge: operator.ge,
    Gt: operator.gt,
    Le: operator.le,
    Lt: operator.lt,
}


class Evaluation:
    """A formula's symbols and functions given numbers; `rotations` are those its layouts need."""

    def __init__(self, values: Mapping[str, int], setting: Setting) -> None:
        self.rotations: set[int] = set()
        self._values = dict(values)
        self._layouts = setting.layouts
        self._given: dict[Symbol, int] = {symbol(name): value for name, value in values.items()}
        self._given |= {getattr(HE, name): size for name, size in vars(setting.he).items()}
        self._given[EXACT] = int(setting.exact)
        self._known: dict[Any, int] = {}

    def of(self, formula: Size) -> int:
        """The formula's value.

        Raises:
            ValueError: the values are outside what the formula covers, or one is missing.
        """
        if formula not in self._known:
            self._known[formula] = self._find(formula)
        return self._known[formula]

    def _find(self, formula: Any) -> int:
        if isinstance(formula, Integer | BooleanAtom):
            return int(bool(formula)) if isinstance(formula, BooleanAtom) else int(formula)
        if isinstance(formula, Symbol):
            if formula not in self._given:
                raise ValueError(f"the formula needs {formula}")
            return self._given[formula]
        if isinstance(formula, Piecewise):
            return self._case(formula)
        if isinstance(formula, And):
            return all(map(self.of, formula.args))
        if isinstance(formula, Or):
            return any(map(self.of, formula.args))
        if formula.func == STEPS:
            return self._steps(*formula.args)
        if formula.func in {REQUESTS, ANSWERS}:
            layout = self._layout(formula)
            return int(layout.requests if formula.func == REQUESTS else layout.answers)
        return int(_OPERATORS[formula.func](*map(self.of, formula.args)))

    def _case(self, formula: Any) -> int:
        for expression, condition in formula.args:
            if self.of(condition):
                return self.of(expression)
        raise ValueError(f"the contract does not cover {self._values}")

    def _layout(self, call: Any) -> Layout:
        layout = self._layouts(*map(self.of, call.args))
        self.rotations |= set(layout.galois_steps)
        return layout

    def _steps(self, formula: Any, _: Any, first: Any, last: Any) -> int:
        total, outside = 0, self._known
        for number in range(self.of(first), self.of(last) + 1):
            self._known, self._given[STEP] = {}, number
            total += self.of(formula)
        self._known = outside
        return total

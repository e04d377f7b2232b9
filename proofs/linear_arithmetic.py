"""Deciding systems of linear inequalities over the rationals, by Fourier-Motzkin elimination.

A statement about integers follows when its negation, written as linear inequalities (a strict one
between integers as one with a difference of 1), has no rational solution. Every step adds two
inequalities with positive weights, so "no solution" is a proof for all values of all variables,
the modulus included.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Linear:
    """A linear form: sorted (variable, coefficient) pairs, and a constant."""

    terms: tuple[tuple[str, Fraction], ...]
    constant: Fraction

    def __add__(self, other: "Linear | int") -> "Linear":
        """The sum, with another form or a constant."""
        other = as_linear(other)
        terms = dict(self.terms)
        for name, coefficient in other.terms:
            terms[name] = terms.get(name, Fraction(0)) + coefficient
        return _linear(terms, self.constant + other.constant)

    def __mul__(self, factor: int | Fraction) -> "Linear":
        """The form times a number."""
        scaled = {name: coefficient * factor for name, coefficient in self.terms}
        return _linear(scaled, self.constant * factor)

    def __sub__(self, other: "Linear | int") -> "Linear":
        """The difference."""
        return self + as_linear(other) * -1

    def of(self, name: str) -> Fraction:
        """The coefficient of one variable."""
        return dict(self.terms).get(name, Fraction(0))


def _linear(terms: dict[str, Fraction], constant: Fraction) -> Linear:
    return Linear(tuple(sorted((k, v) for k, v in terms.items() if v)), constant)


def variable(name: str) -> Linear:
    """A variable as a form."""
    return _linear({name: Fraction(1)}, Fraction(0))


def as_linear(value: Linear | int) -> Linear:
    """A form, or an integer as one."""
    return value if isinstance(value, Linear) else _linear({}, Fraction(value))


def at_most(left: Linear | int, right: Linear | int) -> Linear:
    """left <= right, as a form that must not be negative."""
    return as_linear(right) - as_linear(left)


def below(left: Linear | int, right: Linear | int) -> Linear:
    """left < right between integers: left + 1 <= right."""
    return at_most(as_linear(left) + 1, right)


def equals(left: Linear | int, right: Linear | int) -> list[Linear]:
    """left = right, as two inequalities."""
    return [at_most(left, right), at_most(right, left)]


def infeasible(system: Iterable[Linear]) -> bool:
    """Whether the forms cannot all be non-negative at once, over the rationals."""
    forms = set(system)
    while True:
        if any(not form.terms and form.constant < 0 for form in forms):
            return True
        forms = {form for form in forms if form.terms}
        if not forms:
            return False
        names = sorted({name for form in forms for name, _ in form.terms})
        name = min(names, key=lambda name: _pairs(forms, name))
        positive = [form for form in forms if form.of(name) > 0]
        negative = [form for form in forms if form.of(name) < 0]
        forms = {form for form in forms if not form.of(name)} | {
            up * (1 / up.of(name)) + down * (1 / -down.of(name))
            for up in positive
            for down in negative
        }


def _pairs(forms: set[Linear], name: str) -> int:
    return sum(f.of(name) > 0 for f in forms) * sum(f.of(name) < 0 for f in forms)

"""How a proof says what it proves: a decorator on the test, read by reports and by the index.

The test's docstring is the theorem: its first line the claim in a few words, the rest the precise
statement. The decorator adds which functionality it is about and how it is checked; `conftest`
hands these to every report as the property "proof".
"""

from collections.abc import Callable
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])

METHODS = {
    "exhaustive": "every case is computed",
    "linear arithmetic": "no rational solution of the negation, by Fourier-Motzkin elimination",
    "sympy": "an identity of polynomials or closed forms",
    "interval arithmetic": "enclosures with outward rounding over the whole domain",
    "exact rationals": "bounds composed of proved ones in exact arithmetic",
    "enumeration": "all tapes or shares at small parameters",
    "random evaluation": "an identity of polynomials at random points, with its error probability",
    "measurement": "compared with what a run does",
    "known answer": "published vectors, or an independent implementation",
    "counterexample": "an instance that refutes a weaker statement",
    "estimate": "the best known attack, by published formulas; no proof",
    "search": "worst cases looked for; no proof, beside a proved bound",
}


def proof(*, functionality: str, method: str) -> Callable[[Test], Test]:
    """Mark a test as a proof; `method` is one of METHODS."""
    if method not in METHODS:
        raise ValueError(f"{method!r} is not one of {sorted(METHODS)}")

    def mark(test: Test) -> Test:
        if not test.__doc__:
            raise ValueError(f"{test.__name__} does not state its theorem")
        claim = test.__doc__.splitlines()[0].rstrip(".")
        stated = {"functionality": functionality, "claim": claim, "method": method}
        vars(test)["proof"] = stated
        return test

    return mark

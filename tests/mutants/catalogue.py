"""What a mutant is, and the list of all of them.

A mutant breaks the project the way a hurried change would: one realistic line away from the right
one. It is a context manager over a Python seam, so that it applies to whatever runs inside, and it
names the tests that must notice. Those are ordinary tests, which know nothing of mutants.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One broken variant.

    Fields: `broken`, the context manager that breaks the code, whose docstring says how;
    `functionality`, the contract it violates; `noticed_by`, test modules or single tests (pytest
    node ids from the root of the repository), each of which must fail.
    """

    broken: Callable[[], AbstractContextManager[None]]
    functionality: str
    noticed_by: tuple[str, ...]

    @property
    def name(self) -> str:
        """The context manager's name in words."""
        return self.broken.__name__.replace("_", " ")

    @property
    def description(self) -> str:
        """What is broken, in one sentence."""
        return (self.broken.__doc__ or "").strip()

"""An engine that follows a protocol by its bounds alone and notes every one that reaches p/4.

The engines cap bounds at the greatest allowed value, so an overflow would go unseen by them. Here
the bound of every sum and product is taken from its operands, uncapped; whatever is not below p/4
by that is noted, and the note is either a lemma proved elsewhere or a stated assumption. What a
protocol declares is not questioned here: declarations are lemmas of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from cryptomoe.engines.abb import IntArray, Secret
from cryptomoe.engines.shapes import ShapeEngine
from cryptomoe.field import VALUE_LIMIT


class BoundsEngine(ShapeEngine):
    """`unbounded` maps (innermost scope, operation) to the greatest bound that reached p/4."""

    def __init__(self) -> None:
        super().__init__()
        self.unbounded: dict[tuple[str, str], int] = {}
        self._path = [""]

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Labels say where a bound was exceeded."""
        self._path.append(name)
        yield
        self._path.pop()

    def _noted(self, operation: str, result: Secret, bound: int) -> Secret:
        if bound >= VALUE_LIMIT:
            key = (self._path[-1], operation)
            self.unbounded[key] = max(bound, self.unbounded.get(key, 0))
        return result

    def add(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return self._noted("add", super().add(x, y), x.bound + y.bound)

    def subtract(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return self._noted("subtract", super().subtract(x, y), x.bound + y.bound)

    def add_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface."""
        # Not through `add`, which would note it a second time.
        result = super().add_public(x, c)
        return self._noted("add_public", result, x.bound + int(np.abs(c).max()))

    def scale_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface."""
        result = super().scale_public(x, c)
        return self._noted("scale_public", result, x.bound * int(np.abs(c).max()))

    def sum(self, x: Secret, axis: int) -> Secret:
        """See the interface."""
        return self._noted("sum", super().sum(x, axis), x.bound * x.shape[axis])

    def multiply(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return self._noted("multiply", super().multiply(x, y), x.bound * y.bound)

    def square(self, x: Secret) -> Secret:
        """See the interface."""
        return self._noted("square", super().square(x), x.bound**2)

    def matmul(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return self._noted("matmul", super().matmul(x, y), x.bound * y.bound * x.shape[2])

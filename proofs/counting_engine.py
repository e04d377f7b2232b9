"""An engine that counts what a whole inference draws and sends, by public shapes alone.

It follows the protocols as the two-party engine does, and adds up transfers, correlations in the
field (whose pads are 128 bits modulo p) and the coefficients of homomorphic answers.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import costs
import numpy as np
from costs import Cost

from cryptomoe.engines.abb import IntArray, Secret, SecretBits
from cryptomoe.engines.shapes import ShapeEngine
from cryptomoe.protocols.shape import TransformerOptions, TransformerShape
from cryptomoe.protocols.transformer import transformer


class CountingEngine(ShapeEngine):
    """`cost`: transfers and bits beside them; `field_correlations`; the flood's `budget`."""

    def __init__(self, truncation: str) -> None:
        super().__init__()
        self.cost = Cost(0, 0)
        self.field_correlations = 0
        self.approximate_truncations = 0
        self._truncation = truncation

    def _spend(self, cost: Cost, values: int, field_correlations: int = 0) -> None:
        self.cost += cost * values
        self.field_correlations += field_correlations * values

    def truncate(self, x: Secret, bits: int, *, exact: bool | None = None) -> Secret:
        """See the interface."""
        if self._truncation == "exact" if exact is None else exact:
            self._spend(costs.exact_truncation(bits), prod(x.shape), 1)
        else:
            self._spend(costs.approximate_truncation(), prod(x.shape), 1)
            self.approximate_truncations += prod(x.shape)
        return super().truncate(x, bits, exact=exact)

    def at_least(self, x: Secret, thresholds: Sequence[int]) -> SecretBits:
        """See the interface."""
        bits = (x.bound + max(abs(c) for c in thresholds)).bit_length() + 1
        self._spend(costs.lift(bits), prod(x.shape))
        self._spend(costs.comparison(bits - 1), len(thresholds) * prod(x.shape))
        return super().at_least(x, thresholds)

    def negative(self, x: Secret) -> SecretBits:
        """See the interface."""
        self._spend(costs.signed_comparison(x.bound.bit_length() + 1), prod(x.shape))
        return super().negative(x)

    def less(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface."""
        return self.negative(self.subtract(x, y))

    def equal(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface."""
        difference = self.subtract(x, y)
        bits = difference.bound.bit_length() + 1
        self._spend(costs.lift(bits) + costs.comparison(bits), prod(difference.shape))
        return super().equal(x, y)

    def logical_and(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """See the interface."""
        result = super().logical_and(a, b)
        self._spend(costs.conjunction(), prod(result.shape))
        return result

    def to_arithmetic(self, a: SecretBits) -> Secret:
        """See the interface."""
        self._spend(costs.bit_to_field(), prod(a.shape), 1)
        return super().to_arithmetic(a)

    def keep_if(self, a: SecretBits, x: Secret) -> Secret:
        """See the interface."""
        result = super().keep_if(a, x)
        self._spend(costs.multiplex(), prod(result.shape), 2)
        return result

    def select(self, a: SecretBits, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        self.keep_if(a, self.subtract(x, y))
        return super().select(a, x, y)

    def one_hot(self, index: Secret, size: int) -> SecretBits:
        """See the interface."""
        self._spend(costs.one_hot(size), prod(index.shape))
        return super().one_hot(index, size)

    def lookup(self, index: Secret, tables: IntArray) -> Secret:
        """See the interface. One lift serves all tables."""
        count, size = tables.shape
        bits = size.bit_length() - 1
        self._spend(costs.lift(bits), prod(index.shape))
        self._spend(costs.table(bits, costs.P_BITS), count * prod(index.shape))
        return super().lookup(index, tables)


def counted(
    shape: TransformerShape, options: TransformerOptions, truncation: str
) -> tuple[int, int, int, int]:
    """(transfers, field correlations, answer coefficients, approximate truncations) of a run.

    Layers are alike, so two of them tell about all.
    """
    rows = []
    for layers in (1, 2):
        engine = CountingEngine(truncation)
        transformer(engine, replace(shape, layers=layers), options, None, None)
        rows.append(
            (
                engine.cost.transfers,
                engine.field_correlations,
                engine.budget.spent,
                engine.approximate_truncations,
            )
        )
    one, two = np.array(rows, object)
    transfers, correlations, coefficients, approximate = one + (shape.layers - 1) * (two - one)
    return transfers, correlations, coefficients, approximate

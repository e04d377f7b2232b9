"""Comparing the samples of two views, or of a view and its simulation."""

from collections.abc import Callable, Iterator
from typing import Any

from party_views import Name, Sample
from two_samples import LEVEL, two_sample

from cryptomoe.party import Party

LEAST_VALUES = 128
"""Fewer say nothing at any level; such kinds are left to the tests that make more of them."""

View = dict[Name, Sample]
Record = Callable[[str, Any], None]


def comparisons(
    first: View, second: View | None = None, kind: str = ""
) -> Iterator[tuple[Name, float]]:
    """P-values by sample, of kinds that contain `kind`; the simulator's view if there is no second.

    Raises:
        ValueError: the views do not have the same kinds of samples.
    """
    if second is not None and first.keys() != second.keys():
        raise ValueError("two views of one protocol have different kinds of values")
    for seed, (name, sample) in enumerate(first.items()):
        other = sample.simulated(seed) if second is None else second[name]
        smaller = min(sample.values.size, other.values.size)
        if kind in name[1] and smaller >= LEAST_VALUES:
            yield name, two_sample(sample.values, other.values)


def rejected(first: View, second: View | None = None, kind: str = "") -> list[tuple[Name, float]]:
    """What differs, at the corrected level."""
    return [(name, p) for name, p in comparisons(first, second, kind) if p < LEVEL]


def accept(record: Record, party: Party, test: str, first: View, second: View | None = None) -> int:
    """Assert that nothing differs; every p-value is recorded. How many comparisons were made."""
    values = list(comparisons(first, second))
    for (functionality, kind), p in values:
        record(
            "leakage",
            {
                "functionality": functionality,
                "party": party.name.lower(),
                "test": f"{test}: {kind}",
                "p": p,
                "level": LEVEL,
            },
        )
    assert not [(name, p) for name, p in values if p < LEVEL]
    return len(values)

"""Small sets of secret bits that determine many outputs of a 10-local code, by greedy removal.

Remove, again and again, the place that lies in the fewest remaining rows, with these rows; remember
the smallest set of places that still has more rows than places. This is the attacker's choice of S
in `lpn`. Run as a program it measures the ratios of `lpn.GREEDY` at k = 2^16.
"""

import heapq
from dataclasses import dataclass

import lpn
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Peeled:
    """The places of S, and the numbers of the rows within it."""

    places: NDArray[np.int64]
    rows: NDArray[np.int64]


def random_rows(rows: int, table: int, seed: int) -> NDArray[np.int64]:
    """Rows of ten distinct places: (rows, 10)."""
    random = np.random.default_rng(seed)
    drawn = random.integers(0, table, (rows, lpn.LOCALITY))
    while True:
        ordered = np.sort(drawn, axis=1)
        repeated = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
        if not repeated.any():
            return drawn
        drawn[repeated] = random.integers(0, table, (int(repeated.sum()), lpn.LOCALITY))


def peel(rows: NDArray[np.int64], table: int, spare: int = lpn.SPARE) -> Peeled:
    """The smallest S met with at least `spare` more rows than places."""
    flat = rows.reshape(-1)
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(table + 1)).tolist()
    rows_of = (order // rows.shape[1]).tolist()
    listed = rows.tolist()
    degrees = np.bincount(flat, minlength=table).tolist()
    queue = [(degree, place) for place, degree in enumerate(degrees)]
    heapq.heapify(queue)
    present, kept = [True] * len(listed), [True] * table
    left, places, removed, best = len(listed), table, [], 0
    while places > spare:
        degree, place = heapq.heappop(queue)
        if not kept[place] or degree != degrees[place]:
            continue
        kept[place] = False
        removed.append(place)
        places -= 1
        for row in rows_of[starts[place] : starts[place + 1]]:
            if present[row]:
                present[row] = False
                left -= 1
                for other in listed[row]:
                    if kept[other]:
                        degrees[other] -= 1
                        heapq.heappush(queue, (degrees[other], other))
        if left >= places + spare:
            best = len(removed)
        elif left < places // 2:
            break
    inside = np.ones(table, bool)
    inside[removed[:best]] = False
    return Peeled(np.flatnonzero(inside), np.flatnonzero(inside[rows].all(axis=1)))


if __name__ == "__main__":
    for wanted, pinned in lpn.GREEDY.items():
        size = 1 << 16
        found = peel(random_rows(round(wanted * size), size, seed=1), size)
        print(f"{wanted:6} outputs a place: {len(found.places) / size:.4f}, pinned {pinned}")

"""What any t of m parties see together, under two different secrets of the others.

The view is every share that the coalition receives and every value that is opened to it. Each
quantity is compared under both secrets by two-sample tests; broken variants must be told apart.
LEVEL leaves no room for chance, so that the parties may draw from the operating system.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from honest_majority_parties import held_by, run_honest_majority
from two_samples import LEVEL, two_sample

from cryptomoe.engines import shamir
from cryptomoe.engines import wide_field as fq
from cryptomoe.engines.honest_majority import HonestMajorityEngine
from cryptomoe.engines.shamir_runtime import SharesRuntime
from cryptomoe.engines.wide_field import ELEMENT_BYTES, Limbs, Q
from cryptomoe.net.link import Link, current_label
from cryptomoe.randomness import Stream

pytestmark = pytest.mark.leakage

COUNT = 3000
_LEAST = 600
_LOW_BITS = np.uint64((1 << 40) - 1)
_LOCK = threading.Lock()
Protocol = Callable[[HonestMajorityEngine, int], Any]


def truncated(engine: HonestMajorityEngine, secret: int) -> None:
    """A value of the honest, truncated exactly."""
    x = held_by(engine, engine.party_of_honest, np.full(COUNT, secret), 1 << 30)
    engine.truncate(x, 6, exact=True)


def approximately_truncated(engine: HonestMajorityEngine, secret: int) -> None:
    """The same, approximately."""
    x = held_by(engine, engine.party_of_honest, np.full(COUNT, secret), 1 << 30)
    engine.truncate(x, 6, exact=False)


def compared(engine: HonestMajorityEngine, secret: int) -> None:
    """Comparisons with two constants."""
    x = held_by(engine, engine.party_of_honest, np.full(COUNT, secret), 1 << 12)
    engine.at_least(x, [5, 100])


def multiplied(engine: HonestMajorityEngine, secret: int) -> None:
    """A square and a product of bits."""
    x = held_by(engine, engine.party_of_honest, np.full(COUNT, secret), 1 << 20)
    engine.square(x)
    bits = engine.negative(engine.add_public(x, -50))
    engine.logical_and(bits, bits)


def squared(engine: HonestMajorityEngine, secret: int) -> None:
    """A square of an input."""
    x = held_by(engine, engine.party_of_honest, np.full(COUNT, secret), 1 << 20)
    engine.square(x)


def looked_up(engine: HonestMajorityEngine, secret: int) -> None:
    """A one-hot vector and a table."""
    x = held_by(engine, engine.party_of_honest, np.full(_LEAST, secret % 256), 255)
    engine.one_hot(x, 2)
    engine.lookup(x, np.arange(8, dtype=np.int64).reshape(1, 8))


PROTOCOLS: dict[str, Protocol] = {
    function.__name__: function
    for function in (truncated, approximately_truncated, compared, multiplied, looked_up)
}


class View:
    """Elements by label and kind, of one coalition."""

    def __init__(self, coalition: tuple[int, ...], parties: int) -> None:
        self.coalition = coalition
        self.honest = next(party for party in range(parties) if party not in coalition)
        self.parts: dict[tuple[str, str], list[tuple[int, int, Limbs]]] = {}

    def note(self, kind: str, label: str, order: tuple[int, int], elements: Limbs) -> None:
        """Add what was seen; `order` is the sender and the task, the same in every run."""
        with _LOCK:
            self.parts.setdefault((kind, label), []).append((*order, elements))

    def columns(self) -> dict[tuple[str, str], Limbs]:
        """Every quantity as one array."""
        return {
            key: np.concatenate([part[2] for part in sorted(parts, key=lambda p: p[:2])])
            for key, parts in self.parts.items()
        }


@contextmanager
def watching(view: View) -> Iterator[None]:
    """Note what the coalition's parties receive and what is opened to them."""
    arrive, open_shares = Link._arrive, SharesRuntime.open
    make = SharesRuntime.__init__
    pids: dict[int, int] = {}

    def made(runtime: Any, index: int, *arguments: Any) -> None:
        make(runtime, index, *arguments)
        for link in runtime.links.values():
            pids[id(link)] = index

    def arrived(link: Link, counter: int, digest: bytes, content: bytes) -> None:
        # Keys are shorter; they are independent of every secret.
        if pids.get(id(link)) in view.coalition and len(content) >= _LEAST * ELEMENT_BYTES:
            elements = fq.from_bytes(content)
            view.note("share", digest.hex(), (link.peer, counter), elements)
        arrive(link, counter, digest, content)

    def opening(runtime: Any, shares: Limbs, degree: int, to: int | None = None) -> Any:
        future = open_shares(runtime, shares, degree, to)
        label, counter = current_label(), runtime._program_counter[0]

        def opened(done: Any) -> None:
            value = done.result()
            if runtime.pid == view.coalition[0] and value is not None:
                kind = f"opened at degree {degree}"
                # What is opened at degree 2t is a square, or zero by chance: both public.
                view.note(kind, label, (0, counter), value)

        future.add_done_callback(opened)
        return future

    with (
        patch.object(SharesRuntime, "__init__", made),
        patch.object(Link, "_arrive", arrived),
        patch.object(SharesRuntime, "open", opening),
    ):
        yield


def view_of(
    protocol: Protocol, secret: int, coalition: tuple[int, ...], parties: int, **options: Any
) -> dict[tuple[str, str], Limbs]:
    """What the coalition sees of a run with this secret of an honest party."""
    view = View(coalition, parties)

    def run(engine: HonestMajorityEngine) -> None:
        engine.party_of_honest = view.honest  # type: ignore[attr-defined]
        protocol(engine, secret)

    with watching(view):
        run_honest_majority(run, parties=parties, **options)
    return view.columns()


def smallest_p(first: dict[tuple[str, str], Limbs], second: dict[tuple[str, str], Limbs]) -> float:
    """The least p-value over all quantities, of the low bits and of the size."""
    assert first.keys() == second.keys()
    values = []
    for key, one in first.items():
        other = second[key]
        assert one.shape == other.shape, key
        low, high = ((x[:, 0] & _LOW_BITS, x[:, 1] >> np.uint64(20)) for x in (one, other))
        values += [two_sample(low[part], high[part]) for part in range(2)]
        # Neighbours together: a mask used twice would show in their differences.
        values.append(two_sample(*(np.diff(x[:, 0]) & _LOW_BITS for x in (one, other))))
    return min(values)


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("parties", [3, 5])
def test_no_coalition_of_t_tells_two_secrets_apart(name: str, parties: int) -> None:
    coalitions = list(combinations(range(parties), (parties - 1) // 2))
    for coalition in coalitions if parties == 3 else coalitions[:1]:
        views = [view_of(PROTOCOLS[name], secret, coalition, parties) for secret in (3, 1000)]
        assert smallest_p(*views) > LEVEL


def without_coefficients(secrets: Limbs, parties: int, threshold: int, stream: Stream) -> Any:
    """Sharing without fresh randomness: every share is the secret."""
    del threshold, stream
    return [secrets.copy() for _ in range(parties)]


def test_sharing_without_fresh_randomness_is_noticed() -> None:
    with patch.object(shamir, "split", without_coefficients):
        views = [view_of(multiplied, secret, (0,), 3) for secret in (3, 1000)]
    assert smallest_p(*views) < LEVEL


def test_resharing_without_fresh_randomness_is_noticed() -> None:
    """The same where only products are shared anew badly, and inputs well."""
    right = shamir.split

    def split(secrets: Limbs, parties: int, threshold: int, stream: Stream) -> Any:
        if current_label().endswith(("square", "and")):
            return without_coefficients(secrets, parties, threshold, stream)
        return right(secrets, parties, threshold, stream)

    def doubled(engine: HonestMajorityEngine, secret: int) -> None:
        x = engine.public(np.full(COUNT, secret))
        engine.square(engine.declare(x, 1 << 20))

    for broken in (split, right):
        with patch.object(shamir, "split", broken):
            views = [view_of(doubled, secret, (0,), 3) for secret in (3, 1000)]
        assert (smallest_p(*views) < LEVEL) == (broken is split)


def test_a_threshold_of_zero_is_noticed() -> None:
    with patch.object(shamir, "check_threshold", lambda *_sizes: None):
        views = [view_of(squared, secret, (0,), 3, threshold=0) for secret in (3, 1000)]
    assert smallest_p(*views) < LEVEL


def test_masks_that_are_too_small_are_noticed() -> None:
    """Masks of 8 bits in the place of 116."""
    right = shamir.CommonRandomness.masks

    def masks(one: shamir.CommonRandomness, number: int, count: int, bits: int) -> Limbs:
        return right(one, number, count, min(bits, 8))

    with patch.object(shamir.CommonRandomness, "masks", masks):
        views = [view_of(approximately_truncated, secret, (0,), 3) for secret in (3, 100_000)]
    assert smallest_p(*views) < LEVEL


# --- openings of products -------------------------------------------------------------------------


def share_of_splitting_polynomials() -> float:
    """How many of the quadratics, opened in comparisons among three, have roots in the field.

    Everybody sees all three values of such a polynomial. A product of two sharings always splits,
    into the factors' own polynomials, and so gives these away; a fresh sharing of zero of degree
    2t makes it a uniform polynomial, of which half do.
    """
    contributed: dict[int, dict[int, Limbs]] = {}
    original = SharesRuntime.open

    def noted(runtime: Any, shares: Limbs, degree: int, to: int | None = None) -> Any:
        if degree == 2 and current_label().endswith("at_least"):
            with _LOCK:
                kept = contributed.setdefault(runtime._program_counter[0], {})
                kept[runtime.pid] = shares
        return original(runtime, shares, degree, to)

    values = np.arange(400)
    with patch.object(SharesRuntime, "open", noted):
        run_honest_majority(lambda e: e.at_least(held_by(e, 0, values, 400), [7]) and None)
    squares = total = 0
    for kept in contributed.values():
        points = [1, 2, 3]
        values_at = [fq.to_integers(kept[party]).tolist() for party in range(3)]
        for y in zip(*values_at, strict=True):
            at_zero, at_four = (
                sum(c * v for c, v in zip(shamir.lagrange(points, at), y, strict=True)) % Q
                for at in (0, 4)
            )
            # f = a X^2 + b X + c through f(0), f(1) and f(4).
            c, one, four = at_zero, y[0] - at_zero, at_four - at_zero
            a = (four - 4 * one) * pow(12, -1, Q) % Q
            b = (one - a) % Q
            squares += pow(b * b - 4 * a * c, (Q - 1) // 2, Q) in {0, 1}
            total += 1
    assert total >= 400
    return squares / total


def test_opened_products_do_not_split_into_their_factors() -> None:
    assert 0.4 < share_of_splitting_polynomials() < 0.6


def test_products_opened_without_a_sharing_of_zero_are_noticed() -> None:
    def nothing(_one: shamir.CommonRandomness, _number: int, count: int) -> Limbs:
        return np.zeros((count, 2), np.uint64)

    with patch.object(shamir.CommonRandomness, "zeros", nothing):
        assert share_of_splitting_polynomials() == 1

"""Broken protocols: each computes something close to the right thing, or shows too much of it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.party import Party
from cryptomoe.protocols import balanced_selection as selecting
from cryptomoe.protocols import combine as combining
from cryptomoe.protocols import gate as gating
from cryptomoe.protocols import moe_layer as layering
from cryptomoe.protocols import ranking, transformer


@contextmanager
def expert_load_revealed() -> Iterator[None]:
    """Balanced selection opens how many tokens chose each expert."""
    right = layering.balanced_selection

    def revealing(abb: ArithmeticBlackBox, scores: Secret, slots: int) -> SecretBits:
        chosen = abb.to_arithmetic(abb.reshape(abb.at_least(scores, [1]), scores.shape))
        abb.reveal(abb.sum(chosen, 0), None)
        return right(abb, scores, slots)

    with patch.object(layering, "balanced_selection", revealing):
        yield


@contextmanager
def fewer_slots_for_idle_experts() -> Iterator[None]:
    """The greatest load is opened, and only as many slots are filled."""
    right = layering.balanced_selection

    def shrinking(abb: ArithmeticBlackBox, scores: Secret, slots: int) -> SecretBits:
        chosen = abb.to_arithmetic(abb.reshape(abb.at_least(scores, [1]), scores.shape))
        loads = abb.reveal(abb.sum(chosen, 0), None)
        needed = slots if loads is None else max(1, min(slots, int(loads.max())))
        return right(abb, scores, needed)

    with patch.object(layering, "balanced_selection", shrinking):
        yield


@contextmanager
def ties_broken_by_an_opened_comparison() -> Iterator[None]:
    """Ranking opens which entries of a row are equal."""
    right = ranking.pairs

    def opening(abb: ArithmeticBlackBox, values: Secret) -> Any:
        low, high = np.triu_indices(values.shape[-1], 1)
        axis = len(values.shape) - 1
        equal = abb.equal(abb.take(values, low, axis), abb.take(values, high, axis))
        abb.reveal(abb.to_arithmetic(equal), None)
        return right(abb, values)

    with patch.object(ranking, "pairs", opening):
        yield


@contextmanager
def quickselect() -> Iterator[None]:
    """Ranks come from quicksort partitions whose comparisons are opened, a level at a time."""

    def partitioned(abb: ArithmeticBlackBox, values: Secret) -> Secret:
        flat = abb.reshape(values, (-1, values.shape[-1]))
        ranks = np.zeros(flat.shape, np.int64)
        for row in range(flat.shape[0]):
            waiting = [(list(range(flat.shape[1])), 0)]
            while waiting:
                places, first = waiting.pop()
                if not places:
                    continue
                pivot, rest = places[0], places[1:]
                before: list[int] = []
                if rest:
                    entries = abb.take(abb.take(flat, np.array([row]), 0), np.array(rest), 1)
                    chosen = abb.take(abb.take(flat, np.array([row]), 0), np.array([pivot]), 1)
                    greater = abb.reveal(abb.to_arithmetic(abb.less(chosen, entries)), None)
                    if greater is None:
                        raise RuntimeError("nothing was opened")
                    before = [place for place, won in zip(rest, greater[0], strict=True) if won]
                ranks[row, pivot] = first + len(before)
                waiting.append((before, first))
                after = [place for place in rest if place not in before]
                waiting.append((after, first + len(before) + 1))
        return abb.declare(abb.public(ranks.reshape(values.shape)), values.shape[-1] - 1)

    with (
        patch.object(selecting, "ranks", partitioned),
        patch("cryptomoe.protocols.topk.ranks", partitioned),
    ):
        yield


@contextmanager
def padding_takes_capacity() -> Iterator[None]:
    """The gate forgets that padding uses no expert."""
    right = gating.gate

    def forgetful(
        abb: ArithmeticBlackBox, x: Secret, weight: Any, top_k: int, _real: SecretBits | None
    ) -> Secret:
        return right(abb, x, weight, top_k, None)

    with patch.object(layering, "gate", forgetful):
        yield


@contextmanager
def padding_visible() -> Iterator[None]:
    """The number of padding positions is opened to both parties."""
    right = transformer._padding

    def opened(abb: ArithmeticBlackBox, token_ids: Any, length: int) -> tuple[SecretBits, Secret]:
        bits, padding = right(abb, token_ids, length)
        with abb.scope("padding"):
            abb.reveal(abb.sum(padding, 0), None)
        return bits, padding

    with patch.object(transformer, "_padding", opened):
        yield


def _opens_whether_the_text_has_ended(ended: threading.local) -> Any:
    """A `_reveal` after which both parties know whether the new token is an even one."""
    right = transformer._reveal

    def telling(abb: ArithmeticBlackBox, logits: Secret, *, whole: bool) -> Any:
        shown, ids = right(abb, logits, whole=whole)
        last = None if ids is None else 1 - ids % 2
        opened = abb.reveal(abb.input(Party.CLIENT, last, (1,), 1), None)
        ended.now = opened is not None and bool(opened[0])
        return shown, ids

    return patch.object(transformer, "_reveal", telling)


@contextmanager
def end_of_text_revealed() -> Iterator[None]:
    """Every step is made, but both parties are told when the text ended: at an even token."""
    with _opens_whether_the_text_has_ended(threading.local()):
        yield


@contextmanager
def early_exit() -> Iterator[None]:
    """Generation stops at the first even token, below the public number of new tokens."""
    ended = threading.local()

    def until_the_end(steps: int) -> Iterator[int]:
        for step in range(steps):
            yield step
            if ended.now:
                return

    with (
        _opens_whether_the_text_has_ended(ended),
        patch.object(transformer, "range", until_the_end, create=True),
    ):
        yield


@contextmanager
def score_applied_twice() -> Iterator[None]:
    """Combine multiplies by the score although the assignment already carries it."""
    right = layering.combine

    def twice(abb: ArithmeticBlackBox, y: Secret, assignment: SecretBits, scores: Secret) -> Secret:
        raised = abb.truncate(abb.multiply(scores, scores), 20)
        return right(abb, y, assignment, raised)

    with patch.object(layering, "combine", twice):
        yield


@contextmanager
def combine_without_scores() -> Iterator[None]:
    """Combine adds the experts' outputs up without weighting them."""

    def unweighted(
        abb: ArithmeticBlackBox, y: Secret, assignment: SecretBits, scores: Secret
    ) -> Secret:
        ones = abb.public(np.full(scores.shape, 1 << 20, np.int64))
        return combining.combine(abb, y, assignment, ones)

    with patch.object(layering, "combine", unweighted):
        yield


@contextmanager
def attention_sees_later_positions() -> Iterator[None]:
    """The causal mask is left out."""

    def mask(abb: ArithmeticBlackBox, padding: Secret, rows: int) -> Secret:
        positions = padding.shape[0]
        lowered = abb.scale_public(abb.reshape(padding, (1, positions)), 1 << 24)
        return abb.broadcast(lowered, (rows, positions))

    with patch("cryptomoe.protocols.attention.mask", mask):
        yield

"""Real views at real parameters: alike under extreme secrets, and alike the simulator's.

Every communicating operation of the black box runs on values that are one party's alone; what the
other sees must not tell zeros from the largest values, nor from uniform draws. Variants with a
broken generator are rejected at the same level.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from broken_generators import constant, half_range, spoiled, used_twice, zeros
from comparing import Record, View, accept, rejected
from operations import OPERATIONS, protocol
from party_views import Session, run_session
from tapes import Words
from two_samples import MOST_TESTS

from cryptomoe.he import masking, seeded
from cryptomoe.he.wire import pack_residues
from cryptomoe.ot import iknp, pads
from cryptomoe.party import Party

pytestmark = pytest.mark.leakage


@cache
def session(owner: Party, *, large: bool) -> Session:
    """All operations on secrets of `owner`."""
    return run_session(protocol(owner, large=large), 1 + 2 * owner + large)


@cache
def view(party: Party, *, large: bool) -> View:
    """What `party` sees of the other's secrets."""
    return session(party.peer, large=large).seen[party].samples()


@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_views_do_not_tell_secrets_apart(party: Party, record_property: Record) -> None:
    first, second = (view(party, large=large) for large in (False, True))
    assert {run for run, _ in first} == set(OPERATIONS)
    count = accept(record_property, party, "zeros and largest", first, second)
    # Both parties, each also twice against the simulator; the other half is the pipeline's.
    assert 6 * count < MOST_TESTS // 2


@pytest.mark.parametrize("large", [False, True], ids=["zeros", "largest"])
@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_views_are_like_the_simulators(
    party: Party,
    large: bool,  # noqa: FBT001 - a parameter
    record_property: Record,
) -> None:
    accept(record_property, party, "real and simulated", view(party, large=large))


@pytest.mark.parametrize("owner", Party, ids=lambda party: party.name.lower())
def test_transcripts_have_one_shape(owner: Party) -> None:
    """Labels, order, sizes and depths."""
    assert session(owner, large=False).shape == session(owner, large=True).shape


# --- controls: broken generators ------------------------------------------------------------------


MASKS = {
    "mask of homomorphic answers": (Party.CLIENT, ("multiply", "linear"), "slots of answers"),
    "lookup": (Party.CLIENT, ("lookup",), "share by one_of_many"),
    "one hot": (Party.CLIENT, ("one_hot",), "share by one_of_many"),
    "shares of compared bits": (Party.SERVER, ("one_hot",), "digits' outcomes"),
}


@pytest.mark.parametrize("how", [zeros, constant, half_range, used_twice])
@pytest.mark.parametrize("purpose", MASKS)
def test_a_broken_mask_is_rejected(purpose: str, how: Callable[[Words, int], Words]) -> None:
    party, names, kind = MASKS[purpose]
    with spoiled(purpose, how):
        broken = run_session(protocol(party.peer, large=True, names=names), 9)
    found = rejected(broken.seen[party].samples(), kind=kind)
    assert {run for (run, _), _ in found} == set(names)


@pytest.mark.parametrize("how", [zeros, constant])
def test_bare_openings_of_joins_are_rejected(how: Callable[[Words, int], Words]) -> None:
    """Without its random a, a party opens its peer the equality of its digits."""
    with spoiled("choices of rows", how):
        broken = run_session(protocol(Party.SERVER, large=True, names=("negative",)), 10)
    assert rejected(broken.seen[Party.CLIENT].samples(), kind="openings of joins")


def test_masks_left_out_tell_secrets_apart() -> None:
    """Rejected between two secrets as well, not only against the simulator."""
    with spoiled("mask of homomorphic answers", zeros):
        views = [
            run_session(protocol(Party.SERVER, large=large, names=("square",)), 11 + large)
            .seen[Party.CLIENT]
            .samples()
            for large in (False, True)
        ]
    assert rejected(*views, kind="slots of answers")


@pytest.mark.parametrize("how", [zeros, constant])
def test_bare_choices_are_rejected(how: Callable[[Words, int], Words]) -> None:
    """Without the random bits of its rows, a receiver sends what it chooses."""
    with spoiled("choices of rows", how):
        broken = run_session(protocol(Party.SERVER, large=True, names=("keep_if",)), 10)
    assert rejected(broken.seen[Party.CLIENT].samples(), kind="choices")


# --- controls: broken messages --------------------------------------------------------------------


def _no_pads(rows: Any, _offset: Any, _first: int, _keys: Any) -> Any:
    return np.zeros_like(rows)


def _no_expansion(keys: Any, _block: int, blocks: int) -> Any:
    return np.zeros((len(keys), 2 * blocks), np.uint64)


BROKEN_MESSAGES: dict[str, tuple[Any, str, Any, Party, str, str]] = {
    "corrections in the field without pads": (
        pads, "hash_blocks", _no_pads, Party.CLIENT, "keep_if", "corrections",
    ),
    "corrections in a ring without pads": (
        pads, "hash_blocks", _no_pads, Party.SERVER, "negative", "corrections",
    ),
    "tables without pads": (pads, "hash_blocks", _no_pads, Party.CLIENT, "lookup", "table"),
    "outcomes without pads": (pads, "hash_blocks", _no_pads, Party.SERVER, "less", "outcomes"),
    "columns without the expansion": (
        iknp, "counter_rows", _no_expansion, Party.CLIENT, "keep_if", "columns",
    ),
    "requests below half of each prime": (
        seeded, "pack_residues", lambda r: pack_residues(r >> np.uint32(1)),
        Party.SERVER, "square", "request",
    ),
    "answers below half of each prime": (
        masking, "pack_residues", lambda r: pack_residues(r >> np.uint32(1)),
        Party.CLIENT, "square", "answer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_MESSAGES)
def test_a_broken_message_is_rejected(name: str) -> None:
    module, function, broken, party, operation, kind = BROKEN_MESSAGES[name]
    with ExitStack() as stack:
        stack.enter_context(patch.object(module, function, broken))
        run = run_session(protocol(party.peer, large=True, names=(operation,)), 13)
    assert rejected(run.seen[party].samples(), kind=kind)


def test_an_opening_of_a_share_that_is_no_mask_is_rejected() -> None:
    """A party's input itself, opened without having been shared afresh."""
    with patch.dict(OPERATIONS, {"reveal": lambda e, v, _: e.reveal(v(1 << 20), Party.CLIENT)}):
        run = run_session(protocol(Party.SERVER, large=True, names=("reveal",)), 14)
    assert rejected(run.seen[Party.CLIENT].samples(), kind="reveal")

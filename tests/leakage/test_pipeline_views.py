"""The whole model: what a party sees tells nothing of the other's prompt, weights or routing.

The server's extreme secrets: a gate of zeros, whose ties send every token to the same experts, with
experts that compute nothing, against random weights that spread the tokens. The client's: one token
repeated, against all tokens different. Truncation is approximate, which runs both kinds.
"""

from functools import cache

import pytest
from broken_generators import spoiled, zeros
from comparing import Record, View, accept, rejected
from party_views import Session
from small_model import run
from two_samples import MOST_TESTS

from cryptomoe.party import Party

pytestmark = pytest.mark.leakage


@cache
def inference(prompt: str = "different tokens", model: str = "random") -> Session:
    """An honest one, run once."""
    return run(prompt, model, 100 + 2 * (prompt == "one token") + (model != "random"))


def under_another_secret(party: Party) -> Session:
    """What `party` takes part in when the other has its other secret."""
    if party is Party.SERVER:
        return inference(prompt="one token")
    return inference(model="one expert for all")


@cache
def views(party: Party) -> tuple[View, View]:
    """What `party` sees under both secrets of the other."""
    sessions = inference(), under_another_secret(party)
    first, second = (session.seen[party].samples() for session in sessions)
    return first, second


@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_views_do_not_tell_prompts_or_weights_apart(party: Party, record_property: Record) -> None:
    count = accept(record_property, party, "two secrets", *views(party))
    # Both parties, each also twice against the simulator; the other half is single operations'.
    assert 6 * count < MOST_TESTS // 2


@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_views_are_like_the_simulators(party: Party, record_property: Record) -> None:
    for view in views(party):
        accept(record_property, party, "real and simulated", view)


@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_transcripts_have_one_shape(party: Party) -> None:
    """Labels, order, sizes and depths."""
    assert under_another_secret(party).shape == inference().shape


def test_every_functionality_is_compared() -> None:
    """But for those that send nothing themselves."""
    for party in Party:
        compared = {name for name, _ in views(party)[0]}
        assert {"gate", "topk", "balanced_selection", "dispatch", "combine", "swiglu"} <= compared


def test_masks_left_out_are_rejected_in_every_functionality_that_multiplies() -> None:
    """Answers without masks, and comparisons shared without fresh shares."""
    with spoiled("mask of homomorphic answers", zeros), spoiled("shares of compared bits", zeros):
        broken = run("different tokens", "random", 110)
    answers = rejected(broken.seen[Party.CLIENT].samples(), kind="slots of answers")
    assert {"attention", "batch_matmul", "combine", "dispatch", "gate", "lm_head"} <= {
        name for (name, _), _ in answers
    }
    outcomes = rejected(broken.seen[Party.SERVER].samples(), kind="digits' outcomes")
    # The others compare too few values in so small a model.
    assert {"balanced_selection", "softmax", "swiglu"} <= {name for (name, _), _ in outcomes}

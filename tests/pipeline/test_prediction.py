"""The specification predicts every message of a private inference from public parameters alone."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from cryptomoe_spec import shape as stated
from cryptomoe_spec.contracts import Costs, contract
from cryptomoe_spec.messages import transcript, transformer, wire
from hypothesis import given, settings
from hypothesis import strategies as st
from predictions import predicted_shape, recorded_shape
from random_models import random_weights, shapes
from two_party_pair import Run, run_two_party

from cryptomoe.cli.reference import setting
from cryptomoe.engines.shapes import ShapeEngine
from cryptomoe.party import Party
from cryptomoe.protocols import shape as held
from cryptomoe.protocols.transformer import transformer as protocol

pytestmark = pytest.mark.leakage


def recorded(
    shape: stated.TransformerShape,
    options: stated.TransformerOptions,
    weights: stated.TransformerWeights,
    token_ids: list[int],
    mode: Any,
) -> Run[Any]:
    """Both parties in this process."""
    layers = tuple(held.LayerWeights(**vars(layer)) for layer in weights.layers)
    server = held.TransformerWeights(weights.embedding, layers, weights.head)
    return run_two_party(
        lambda engine: protocol(
            engine,
            held.TransformerShape(**vars(shape)),
            held.TransformerOptions(**vars(options)),
            server if engine.party is Party.SERVER else None,
            token_ids if engine.party is Party.CLIENT else None,
            table=weights.embedding if options.embedding == "public" else None,
        ),
        mode,
    )


def predicted(
    shape: stated.TransformerShape, options: stated.TransformerOptions, mode: str
) -> transcript.Transcript:
    return transcript.predict(
        setting(exact=mode == "exact"), lambda w: transformer.transformer(w, shape, options)
    )


@settings(max_examples=6, deadline=None)
@given(shapes(), st.data())
def test_every_message_is_predicted(shape: stated.TransformerShape, data: st.DataObject) -> None:
    """The set-up, Galois keys on demand, every sender's order and the merged one."""
    length = data.draw(st.sampled_from([1, 2, 3, 7, 16, 33]))
    mode = data.draw(st.sampled_from(["exact", "approximate"]))
    options = stated.TransformerOptions(
        padded_length=length,
        max_new_tokens=data.draw(st.integers(1, 2)),
        alpha=data.draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(7, 3)])),
        reveal=data.draw(st.sampled_from(["logits", "token"])),
        embedding=data.draw(st.sampled_from(["private", "public"])),
    )
    token_ids = data.draw(
        st.lists(st.integers(0, shape.vocabulary - 1), min_size=1, max_size=length)
    )
    weights = random_weights(shape, data.draw(st.integers(0, 1000)))
    run = recorded(shape, options, weights, token_ids, mode)
    expected = predicted(shape, options, mode)
    assert recorded_shape(run) == predicted_shape(expected)
    for party in Party:
        assert run.statistics[party].rounds == expected.rounds
        assert run.statistics[party].bytes_sent == expected.bytes_sent(party)
        assert run.statistics[party].setup_bytes_sent == expected.setup_bytes(party)


@pytest.mark.parametrize("mode", ["exact", "approximate"])
def test_a_run_costs_what_the_contract_of_the_model_says(mode: str) -> None:
    """Two layers and three tokens, so that the formula's factors and sums are at work."""
    shape = stated.TransformerShape(
        layers=2, hidden=18, heads=2, kv_heads=1, head_dim=4, experts=3, top_k=2, expert_width=5,
        vocabulary=12, rope_theta=1e4, epsilon=1e-5,
    )  # fmt: skip
    options = stated.TransformerOptions(padded_length=5, max_new_tokens=3)
    run = recorded(shape, options, random_weights(shape, 1), [1, 2], mode)
    names = ("layers", "hidden", "heads", "kv_heads", "head_dim", "experts", "top_k",
             "expert_width", "vocabulary")  # fmt: skip
    values = {name: getattr(shape, name) for name in names} | {
        "padded_length": 5, "new_tokens": 3, "slots": 5, "private": 1, "whole": 1
    }  # fmt: skip
    costs = contract("transformer").costs(values, setting(exact=mode == "exact"))
    client, server = (run.statistics[party] for party in Party)
    keys = [r.size for r in run.records[Party.CLIENT] if "/galois_key/" in r.label]
    assert costs == Costs(client.rounds, client.bytes_sent, server.bytes_sent, sum(keys))


DEEPSEEK = stated.TransformerShape(
    layers=28, hidden=2048, heads=16, kv_heads=16, head_dim=128, experts=64, top_k=6,
    expert_width=1408, vocabulary=102400, rope_theta=1e4, epsilon=1e-6,
)  # fmt: skip


def test_a_full_size_model_is_predicted_without_being_run() -> None:
    """And its answers are as many as the engine that follows shapes alone counts."""
    shape = replace(DEEPSEEK, layers=1)
    options = stated.TransformerOptions(padded_length=128)
    expected = predicted(shape, options, "approximate")
    answers = sum(
        (message.size - wire.HEADER_BYTES) // setting(exact=False).he.answer_bytes
        for message in expected.of(wire.SERVER)
        if message.label.endswith("/answer")
    )
    engine = ShapeEngine()
    public = held.TransformerShape(**vars(shape))
    protocol(engine, public, held.TransformerOptions(**vars(options)), None, None)
    assert answers == engine.budget.spent // engine.parameters.degree

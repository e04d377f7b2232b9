"""The whole model on the real engine: equal to the specification, and silent about secrets."""

from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from cryptomoe_spec import shape as stated
from cryptomoe_spec.transformer import transformer as specification
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import SMALL, random_weights, shapes
from two_party_pair import Run, run_two_party

from cryptomoe.party import Party
from cryptomoe.protocols import shape as held
from cryptomoe.protocols.transformer import FUNCTIONALITIES, Generation, transformer


def run(
    shape: stated.TransformerShape,
    options: stated.TransformerOptions,
    weights: stated.TransformerWeights,
    token_ids: list[int],
    truncation: Any = "exact",
) -> Run[Generation | None]:
    """Both parties in this process."""
    layers = tuple(held.LayerWeights(**vars(layer)) for layer in weights.layers)
    server_weights = held.TransformerWeights(weights.embedding, layers, weights.head)
    public_shape = held.TransformerShape(**asdict(shape))
    public_options = held.TransformerOptions(**vars(options))
    return run_two_party(
        lambda engine: transformer(
            engine,
            public_shape,
            public_options,
            server_weights if engine.party is Party.SERVER else None,
            token_ids if engine.party is Party.CLIENT else None,
            table=weights.embedding if options.embedding == "public" else None,
        ),
        truncation,
    )


@settings(max_examples=8, deadline=None)
@given(shapes(), st.data())
def test_exact_mode_equals_the_specification_bit_for_bit(
    shape: stated.TransformerShape, data: st.DataObject
) -> None:
    length = data.draw(st.sampled_from([1, 2, 3, 7, 16, 40, 64]))
    real = data.draw(st.integers(1, length))
    options = stated.TransformerOptions(
        padded_length=length,
        max_new_tokens=data.draw(st.integers(1, 2)),
        alpha=data.draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(2)])),
        reveal=data.draw(st.sampled_from(["logits", "token"])),
        embedding=data.draw(st.sampled_from(["private", "public"])),
    )
    weights = random_weights(shape, data.draw(st.integers(0, 1000)))
    token = st.integers(0, shape.vocabulary - 1)
    token_ids = data.draw(st.lists(token, min_size=real, max_size=real))
    expected = specification(shape, options, weights, token_ids)
    outcome = run(shape, options, weights, token_ids)
    assert outcome.client is not None
    assert outcome.client.token_ids == expected.token_ids
    if expected.logits is None:
        assert outcome.client.logits is None
    else:
        assert np.array_equal(outcome.client.logits, expected.logits)
    assert outcome.results[Party.SERVER] is None


@pytest.mark.leakage
@pytest.mark.parametrize("truncation", ["exact", "approximate"])
def test_transcripts_depend_on_neither_prompt_nor_weights(truncation: str) -> None:
    """Labels, order, sizes and depths, for prompts of all true lengths that share a padded one."""
    options = stated.TransformerOptions(padded_length=8, max_new_tokens=2)
    first = run(SMALL, options, random_weights(SMALL, 1), [1, 2, 3, 4, 5, 6, 7, 8], truncation)
    for seed, prompt in ((1, [3]), (1, [10] * 8), (2, [1, 2, 3, 4, 5, 6, 7, 8])):
        other = run(SMALL, options, random_weights(SMALL, seed), prompt, truncation)
        assert other.shape == first.shape


@pytest.mark.leakage
def test_every_message_belongs_to_a_functionality() -> None:
    options = stated.TransformerOptions(padded_length=4)
    outcome = run(SMALL, options, random_weights(SMALL, 1), [1, 2])
    for _, label, _, _ in outcome.shape:
        parts = label.split("/")
        assert "setup" in parts or set(parts) & set(FUNCTIONALITIES), label


def test_rounds_of_a_layer_do_not_depend_on_any_size() -> None:
    """Tokens, experts, experts a token, heads, hidden size and widths.

    A single token has nothing to be compared with and so takes a few rounds less; rows of at most
    16 entries need no shift in their norms.
    """

    def rounds(shape: stated.TransformerShape, length: int) -> int:
        options = stated.TransformerOptions(padded_length=length, reveal="logits")
        outcome = run(shape, options, random_weights(shape, 3), [1] * length)
        return outcome.statistics[Party.CLIENT].rounds

    expected = rounds(SMALL, 8)
    assert rounds(SMALL, 2) == expected
    assert rounds(SMALL, 1) < expected
    assert rounds(SMALL, 40) == expected
    larger = replace(
        SMALL, experts=17, top_k=5, heads=4, kv_heads=4, hidden=40, expert_width=20, head_dim=12
    )
    assert rounds(larger, 8) == expected
    assert rounds(replace(SMALL, layers=2), 8) > expected


def test_two_layers_take_twice_the_rounds_of_one() -> None:
    """So the rounds of a layer are what the difference says."""

    def rounds(layers: int) -> int:
        shape = replace(SMALL, layers=layers)
        options = stated.TransformerOptions(padded_length=2)
        outcome = run(shape, options, random_weights(shape, 3), [1, 2])
        return outcome.statistics[Party.CLIENT].rounds

    one, two, three = (rounds(layers) for layers in (1, 2, 3))
    assert three - two == two - one

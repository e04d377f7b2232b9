"""The whole model among three parties and more: equal to the specification, whoever computes."""

from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from cryptomoe_spec import shape as stated
from cryptomoe_spec.transformer import transformer as specification
from honest_majority_parties import PartiesRun, run_honest_majority
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import SMALL, random_weights, shapes

from cryptomoe.party import Party
from cryptomoe.protocols import shape as held
from cryptomoe.protocols.transformer import FUNCTIONALITIES, Generation, transformer


def run(
    shape: stated.TransformerShape,
    options: stated.TransformerOptions,
    weights: stated.TransformerWeights,
    token_ids: list[int],
    truncation: Any = "exact",
    parties: int = 3,
) -> PartiesRun[Generation | None]:
    """All parties in this process."""
    layers = tuple(held.LayerWeights(**vars(layer)) for layer in weights.layers)
    server_weights = held.TransformerWeights(weights.embedding, layers, weights.head)
    public_shape = held.TransformerShape(**asdict(shape))
    public_options = held.TransformerOptions(**vars(options))
    return run_honest_majority(
        lambda engine: transformer(
            engine,
            public_shape,
            public_options,
            server_weights if engine.party == Party.SERVER else None,
            token_ids if engine.party == Party.CLIENT else None,
            table=weights.embedding if options.embedding == "public" else None,
        ),
        truncation,
        parties=parties,
    )


@settings(max_examples=3, deadline=None)
@given(shapes(), st.data())
def test_exact_mode_equals_the_specification_bit_for_bit(
    shape: stated.TransformerShape, data: st.DataObject
) -> None:
    length = data.draw(st.sampled_from([1, 2, 3, 7, 16]))
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
    outcome = run(shape, options, weights, token_ids, parties=data.draw(st.integers(3, 5)))
    assert outcome.client is not None
    assert outcome.client.token_ids == expected.token_ids
    if expected.logits is None:
        assert outcome.client.logits is None
    else:
        assert np.array_equal(outcome.client.logits, expected.logits)
    assert all(outcome.results[party] is None for party in outcome.results if party)


@pytest.mark.leakage
@pytest.mark.parametrize("truncation", ["exact", "approximate"])
def test_traffic_depends_on_neither_prompt_nor_weights(truncation: str) -> None:
    """Labels, bytes and messages of every party, for prompts of all lengths that share a padded."""
    options = stated.TransformerOptions(padded_length=8, max_new_tokens=2)
    first = run(SMALL, options, random_weights(SMALL, 1), [1, 2, 3, 4, 5, 6, 7, 8], truncation)
    for seed, prompt in ((1, [3]), (2, [10] * 8)):
        other = run(SMALL, options, random_weights(SMALL, seed), prompt, truncation)
        assert other.shape == first.shape


@pytest.mark.leakage
def test_every_message_belongs_to_a_functionality() -> None:
    options = stated.TransformerOptions(padded_length=4)
    outcome = run(SMALL, options, random_weights(SMALL, 1), [1, 2])
    for _, label, _, _ in outcome.shape:
        assert set(label.split("/")) & set(FUNCTIONALITIES), label


def test_rounds_depend_on_no_number_of_tokens() -> None:
    def rounds(length: int) -> int:
        options = stated.TransformerOptions(padded_length=length)
        outcome = run(SMALL, options, random_weights(SMALL, 3), [1] * length)
        return outcome.statistics[0].rounds

    assert rounds(2) == rounds(16)

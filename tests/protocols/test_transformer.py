"""The whole model on the ideal engine equals its specification, bit for bit."""

from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from cryptomoe_spec import transformer as spec
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine
from random_models import random_weights, shapes

from cryptomoe.errors import UsageError
from cryptomoe.protocols import shape as held
from cryptomoe.protocols.transformer import FUNCTIONALITIES, transformer

SHAPE = spec.TransformerShape(
    layers=2,
    hidden=24,
    heads=4,
    kv_heads=2,
    head_dim=6,
    experts=5,
    top_k=2,
    expert_width=10,
    vocabulary=30,
    rope_theta=1e4,
    epsilon=1e-5,
)


def run(
    shape: spec.TransformerShape,
    options: spec.TransformerOptions,
    weights: spec.TransformerWeights,
    token_ids: list[int],
    *,
    approximate_seed: int | None = None,
) -> tuple[spec.Generation, list[tuple[str, str]]]:
    """The protocol's output, and all operations that would communicate."""
    engine = IdealEngine(approximate_seed)
    layers = tuple(held.LayerWeights(**vars(layer)) for layer in weights.layers)
    result = transformer(
        engine,
        held.TransformerShape(**asdict(shape)),
        held.TransformerOptions(**asdict(options)),
        held.TransformerWeights(weights.embedding, layers, weights.head),
        token_ids,
        table=weights.embedding if options.embedding == "public" else None,
    )
    assert result is not None
    return spec.Generation(result.token_ids, result.logits), engine.calls


@settings(max_examples=25, deadline=None)
@given(shape=shapes(), seed=st.integers(0, 2**32), data=st.data())
def test_protocol_equals_specification(
    shape: spec.TransformerShape, seed: int, data: st.DataObject
) -> None:
    """Any shape, capacity, padding, number of new tokens and kind of output."""
    options = spec.TransformerOptions(
        padded_length=data.draw(st.integers(1, 9)),
        max_new_tokens=data.draw(st.integers(1, 3)),
        alpha=data.draw(st.fractions(Fraction(1, 4), 4)),
        reveal=data.draw(st.sampled_from(["logits", "token"])),
        embedding=data.draw(st.sampled_from(["private", "public"])),
    )
    token = st.integers(0, shape.vocabulary - 1)
    token_ids = data.draw(st.lists(token, min_size=1, max_size=options.padded_length))
    weights = random_weights(shape, seed)
    expected = spec.transformer(shape, options, weights, token_ids)
    result, _ = run(shape, options, weights, token_ids)
    assert result.token_ids == expected.token_ids
    assert (result.logits is None) == (options.reveal == "token")
    np.testing.assert_array_equal(result.logits, expected.logits)


@pytest.mark.parametrize("length", [1, 20, 150])
def test_approximate_truncation_stays_close(length: int) -> None:
    """Also in long prompts; capacity does not bind, so that no routing can flip a dropped token."""
    weights = random_weights(SHAPE, 6)
    options = spec.TransformerOptions(150, alpha=Fraction(5))
    token_ids = [i * i % SHAPE.vocabulary for i in range(length)]
    exact = np.asarray(spec.transformer(SHAPE, options, weights, token_ids).logits)
    approximate = run(SHAPE, options, weights, token_ids, approximate_seed=1)[0].logits
    assert np.abs(exact - np.asarray(approximate)).max() < 0.006 * 8192


def test_what_communicates_depends_on_nothing_but_layers_and_steps() -> None:
    """The sequence of operations and labels, hence the rounds, is the same for all other sizes."""
    options = spec.TransformerOptions(padded_length=4, max_new_tokens=2)
    _, calls = run(SHAPE, options, random_weights(SHAPE, 1), [1, 2, 3, 4])
    larger = replace(SHAPE, hidden=40, heads=8, head_dim=4, experts=9, top_k=4, vocabulary=50)
    longer = replace(options, padded_length=13, alpha=Fraction(3))
    _, other_calls = run(larger, longer, random_weights(larger, 2), [5])
    assert calls == other_calls


def test_every_operation_belongs_to_a_functionality() -> None:
    options = spec.TransformerOptions(padded_length=4, max_new_tokens=2, reveal="token")
    _, calls = run(SHAPE, options, random_weights(SHAPE, 3), [1, 2])
    labels = [set(path.split("/")) & set(FUNCTIONALITIES) for path, _ in calls]
    assert all(labels)
    assert set.union(*labels) == set(FUNCTIONALITIES)


def test_only_the_output_is_revealed() -> None:
    """One opening a step, at its very end; the logits and then tokens."""
    options = spec.TransformerOptions(padded_length=4, max_new_tokens=3)
    _, calls = run(SHAPE, options, random_weights(SHAPE, 4), [1, 2])
    opened = [path for path, operation in calls if operation == "reveal"]
    assert opened == ["reveal", "step1/reveal", "step2/reveal"]


@pytest.mark.parametrize(
    ("changes", "token_ids"),
    [
        ({"padded_length": 2}, [1, 2, 3]),
        ({"padded_length": 2}, []),
        ({"padded_length": 2}, [30]),
        ({"padded_length": 2, "max_new_tokens": 0}, [1]),
        ({"padded_length": 200, "max_new_tokens": 58}, [1]),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, Any], token_ids: list[int]) -> None:
    with pytest.raises(UsageError):
        run(SHAPE, spec.TransformerOptions(**changes), random_weights(SHAPE, 5), token_ids)

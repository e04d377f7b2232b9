"""Attention on the ideal engine equals its specification, with padding and with a cache."""

import numpy as np
from arrays_of import activations, bits
from cryptomoe_spec import attention as spec
from cryptomoe_spec.shape import TransformerShape
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine
from random_models import random_weights, shapes

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.attention import KeyValueCache, attention, mask
from cryptomoe.protocols.prepared import prepare_layer
from cryptomoe.protocols.shape import LayerWeights
from cryptomoe.protocols.shape import TransformerShape as HeldShape

BOUND = (1 << 23) - 1


@settings(max_examples=30, deadline=None)
@given(
    data=st.data(),
    shape=shapes(),
    steps=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
)
def test_equals_specification(
    data: st.DataObject, shape: TransformerShape, steps: list[int], seed: int
) -> None:
    """Rows may come in several steps, each with the cache of those before, and any padding."""
    layer = random_weights(shape, seed).layers[0]
    padding = data.draw(bits((sum(steps),))).astype(np.int64)
    engine = IdealEngine()
    prepared = prepare_layer(engine, HeldShape(**vars(shape)), LayerWeights(**vars(layer)))
    cache: KeyValueCache | None = None
    expected_cache: spec.KeyValueCache | None = None
    for end in np.cumsum(steps):
        rows = end - (0 if expected_cache is None else expected_cache.keys.shape[1])
        x = data.draw(activations((rows, shape.hidden)))
        seen = padding[:end]
        result, cache = attention(
            engine,
            Secret(x, BOUND),
            prepared,
            HeldShape(**vars(shape)),
            padding=Secret(seen, 1),
            cache=cache,
        )
        expected, expected_cache = spec.attention(
            x, layer, shape, padding=seen, cache=expected_cache
        )
        np.testing.assert_array_equal(result.data, expected)
        np.testing.assert_array_equal(cache.keys.data, expected_cache.keys)
        np.testing.assert_array_equal(cache.values.data, expected_cache.values)


@given(data=st.data(), positions=st.integers(1, 8))
def test_mask_equals_specification(data: st.DataObject, positions: int) -> None:
    padding = data.draw(bits((positions,))).astype(np.int64)
    rows = data.draw(st.integers(1, positions))
    result = mask(IdealEngine(), Secret(padding, 1), rows)
    np.testing.assert_array_equal(result.data, spec.mask(padding, rows))

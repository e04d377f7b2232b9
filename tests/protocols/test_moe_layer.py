"""The gate, batch MatMul and the whole layer on the ideal engine equal their specifications."""

import numpy as np
from arrays_of import activations, bits
from cryptomoe_spec import batch_matmul as spec_batch_matmul
from cryptomoe_spec import gate as spec_gate
from cryptomoe_spec import moe_layer as spec_moe_layer
from cryptomoe_spec.shape import TransformerShape
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine
from random_models import random_weights, shapes

from cryptomoe.engines.abb import Secret, SecretBits
from cryptomoe.protocols.batch_matmul import batch_matmul
from cryptomoe.protocols.gate import gate
from cryptomoe.protocols.moe_layer import moe_layer
from cryptomoe.protocols.prepared import prepare_layer
from cryptomoe.protocols.shape import LayerWeights
from cryptomoe.protocols.shape import TransformerShape as HeldShape

BOUND = (1 << 23) - 1


@settings(max_examples=30, deadline=None)
@given(data=st.data(), shape=shapes(), m=st.integers(1, 7), seed=st.integers(0, 2**32))
def test_equals_specification(
    data: st.DataObject, shape: TransformerShape, m: int, seed: int
) -> None:
    """With any padding, or none, and any number of slots."""
    layer = random_weights(shape, seed).layers[0]
    x = data.draw(activations((m, shape.hidden)))
    real = data.draw(st.none() | bits((m,)))
    slots = data.draw(st.integers(1, m))
    engine = IdealEngine()
    prepared = prepare_layer(engine, HeldShape(**vars(shape)), LayerWeights(**vars(layer)))
    secret, secret_real = Secret(x, BOUND), None if real is None else SecretBits(real)

    scores = gate(engine, secret, prepared.gate, shape.top_k, secret_real)
    expected = spec_gate.gate(x, layer.gate, shape.top_k, real)
    np.testing.assert_array_equal(scores.data, expected)

    result = moe_layer(engine, secret, prepared, top_k=shape.top_k, slots=slots, real=secret_real)
    expected = spec_moe_layer.moe_layer(x, layer, shape.top_k, slots, real)
    np.testing.assert_array_equal(result.data, expected)


def test_batch_matmul_gives_each_expert_its_own_matrix() -> None:
    """Expert e's matrix is e + 1 times the identity."""
    x = np.random.default_rng(0).integers(-BOUND, BOUND, (3, 2, 4)) >> 3
    weight = np.eye(4, dtype=np.int64) * (np.arange(1, 4) << 15).reshape(3, 1, 1)
    engine = IdealEngine()
    result = batch_matmul(engine, Secret(x, BOUND), engine.weight(weight, (3, 4, 4)))
    np.testing.assert_array_equal(result.data, x * np.arange(1, 4).reshape(3, 1, 1))
    np.testing.assert_array_equal(result.data, spec_batch_matmul.batch_matmul(x, weight))

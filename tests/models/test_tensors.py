"""Tensors of a checkpoint: every layout and element type, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoints import Array, bfloat16, random_tensors, write_safetensors, write_weights

from cryptomoe.errors import ModelError
from cryptomoe.models.tensors import Tensors
from cryptomoe.protocols.shape import TransformerShape

SHAPE = TransformerShape(
    layers=2,
    hidden=12,
    heads=2,
    kv_heads=1,
    head_dim=4,
    experts=3,
    top_k=2,
    expert_width=5,
    vocabulary=7,
    rope_theta=1e4,
    epsilon=1e-5,
)
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
SOME = np.array([[0.0, -0.0, 1.0], [-1.5, 2.0**-10, 3.25]])
"""Numbers that every element type has exactly."""


@pytest.mark.parametrize("kind", ["F64", "F32", "F16", "BF16"])
def test_every_element_type_is_decoded_exactly(tmp_path: Path, kind: str) -> None:
    write_weights(tmp_path, {"a": SOME}, kind=kind)
    values = Tensors(tmp_path).get("a", (2, 3))
    assert values.dtype == np.float64
    np.testing.assert_array_equal(SOME, values)


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path: Path) -> None:
    """All 2^16 patterns but infinities and NaN, against a definition by sign and exponent."""
    patterns = np.arange(1 << 16, dtype=np.uint32)
    exponent = (patterns >> 7) & 255
    patterns, exponent = patterns[exponent < 255], exponent[exponent < 255].astype(np.int64)
    fraction = (patterns & 127) / 128 + (exponent > 0)
    sign = np.where(patterns >> 15, -1.0, 1.0)
    expected = sign * np.ldexp(fraction, np.maximum(exponent, 1) - 127)
    singles = (patterns << np.uint32(16)).view(np.float32)
    write_weights(tmp_path, {"a": singles}, kind="BF16")
    np.testing.assert_array_equal(expected, Tensors(tmp_path).get("a", expected.shape))


def test_the_writer_rounds_bfloat16_to_nearest_even() -> None:
    values = np.array([1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-8 + 2.0**-20, -1 - 2.0**-9])
    assert bfloat16(values).tolist() == [0x3F80, 0x3F82, 0x3F81, 0xBF80]


def test_a_sharded_checkpoint_is_the_single_one(tmp_path: Path) -> None:
    tensors = random_tensors(SHAPE, 1)
    write_weights(tmp_path, tensors, shards=3)
    assert not (tmp_path / SINGLE).exists()
    found = Tensors(tmp_path)
    for name, expected in tensors.items():
        assert name in found
        np.testing.assert_array_equal(expected, found.get(name, expected.shape))


def test_with_an_index_other_files_are_not_read(tmp_path: Path) -> None:
    """A leftover single file beside an index must not mix with the shards."""
    write_weights(tmp_path, {"a": SOME, "b": SOME}, shards=2)
    write_weights(tmp_path, {"c": SOME})
    assert "c" not in Tensors(tmp_path)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    write_weights(tmp_path, {"a": SOME})
    assert "b" not in Tensors(tmp_path)
    with pytest.raises(ModelError, match="no tensor b"):
        Tensors(tmp_path).get("b", (2, 3))


@pytest.mark.parametrize("shape", [(3, 2), (6,), (2, 3, 1), (2, 4), ()])
def test_another_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_weights(tmp_path, {"a": SOME})
    with pytest.raises(ModelError, match=r"tensor a has shape \(2, 3\)"):
        Tensors(tmp_path).get("a", shape)


@pytest.mark.parametrize("kind", ["F64", "F32", "F16", "BF16"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_entries_that_are_not_finite_are_refused(tmp_path: Path, kind: str, value: float) -> None:
    spoiled = SOME.copy()
    spoiled[1, 1] = value
    write_weights(tmp_path, {"a": spoiled}, kind=kind)
    with pytest.raises(ModelError, match="tensor a has entries that are not finite"):
        Tensors(tmp_path).get("a", (2, 3))


def test_integers_are_not_weights(tmp_path: Path) -> None:
    write_weights(tmp_path, {"a": SOME}, kind="I32")
    with pytest.raises(ModelError, match="tensor a has the unsupported type I32"):
        Tensors(tmp_path).get("a", (2, 3))


@pytest.mark.parametrize("kept", [0, 4, 8, 40, -1, -24])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    write_weights(tmp_path, {"a": SOME})
    path = tmp_path / SINGLE
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"model\.safetensors is not a valid safetensors file"):
        Tensors(tmp_path)


def test_a_header_that_overstates_its_length_is_refused(tmp_path: Path) -> None:
    write_weights(tmp_path, {"a": SOME})
    path = tmp_path / SINGLE
    path.write_bytes((1 << 62).to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ModelError, match="not a valid safetensors file"):
        Tensors(tmp_path)


def test_a_pickle_is_not_read_as_weights(tmp_path: Path) -> None:
    """Files of other formats are neither looked for nor understood."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read: No such file"):
        Tensors(tmp_path)


def index(directory: Path, places: object) -> None:
    (directory / INDEX).write_text(json.dumps({"weight_map": places}))


def test_a_missing_shard_is_refused(tmp_path: Path) -> None:
    write_weights(tmp_path, {"a": SOME, "b": SOME}, shards=2)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match=r"00002-of-00002\.safetensors cannot be read"):
        Tensors(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "folder/inside.safetensors", "{absolute}", "..", "", ".", "a\0b", 7],
)
def test_an_index_names_only_files_beside_it(tmp_path: Path, name: object) -> None:
    """The files named exist and are valid, so that only their place speaks against them."""
    model = tmp_path / "model"
    (model / "folder").mkdir(parents=True)
    outside = tmp_path / "outside.safetensors"
    tensors: dict[str, Array] = {"a": SOME}
    write_safetensors(outside, tensors)
    write_safetensors(model / "folder" / "inside.safetensors", tensors)
    index(model, {"a": str(outside) if name == "{absolute}" else name})
    with pytest.raises(ModelError, match="names files outside its own directory"):
        Tensors(model)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": []}}', "[" * 100_000, "3"],
    ids=["empty", "open", "list", "nothing", "no map", "no name", "deep", "number"],
)
def test_an_index_that_cannot_be_understood_is_refused(tmp_path: Path, content: str) -> None:
    write_weights(tmp_path, {"a": SOME})
    (tmp_path / INDEX).write_text(content)
    with pytest.raises(ModelError, match="is not a valid index"):
        Tensors(tmp_path)

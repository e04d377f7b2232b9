"""Configurations: what is read, and that everything else is refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from checkpoints import config_values, write_config

from cryptomoe.errors import ModelError
from cryptomoe.models.config import _REFUSED_UNLESS, ModelConfig, parse_config, read_config
from cryptomoe.protocols.shape import POSITION_LIMIT, TransformerShape

SHAPE = TransformerShape(
    layers=3,
    hidden=24,
    heads=4,
    kv_heads=2,
    head_dim=6,
    experts=5,
    top_k=2,
    expert_width=10,
    vocabulary=31,
    rope_theta=12345.0,
    epsilon=1e-6,
)
UNSUPPORTED = {
    "clip_qkv": [8.0, 0.0],
    "norm_topk_prob": [True, None, "false"],
    "attention_bias": [True, None],
    "tie_word_embeddings": [True, None],
    "hidden_act": ["gelu", "relu", None],
    "rope_scaling": [{"type": "linear", "factor": 2.0}, {}],
}
SIZES = (
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_experts",
    "num_experts_per_tok",
    "num_hidden_layers",
    "vocab_size",
)


def values(**changes: Any) -> dict[str, Any]:
    """A configuration that is accepted, but for the changes."""
    return config_values(SHAPE, max_positions=77) | changes


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in values().items() if key not in keys}


def test_every_field_is_read() -> None:
    assert parse_config(values()) == ModelConfig(SHAPE, 77)


def test_a_file_is_read_as_its_values_are(tmp_path: Path) -> None:
    write_config(tmp_path, values())
    assert read_config(tmp_path) == ModelConfig(SHAPE, 77)


@pytest.mark.parametrize(
    "parameters",
    [
        {"rope_theta": 12345.0},
        {"rope_theta": 12345, "rope_type": "default"},
        {"rope_theta": 12345.0, "type": "default"},
    ],
)
def test_newer_files_have_the_rotary_base_in_rope_parameters(parameters: dict[str, Any]) -> None:
    assert parse_config(without("rope_theta") | {"rope_parameters": parameters}).shape == SHAPE


@pytest.mark.parametrize("absent", [values(head_dim=None), without("head_dim")])
def test_head_dim_defaults_to_an_equal_share(absent: dict[str, Any]) -> None:
    assert parse_config(absent).shape.head_dim == 24 // 4


def test_an_explicit_head_dim_need_not_be_a_share() -> None:
    shape = parse_config(values(head_dim=8, hidden_size=25)).shape
    assert (shape.hidden, shape.heads, shape.head_dim) == (25, 4, 8)


@pytest.mark.parametrize(
    "absent", [values(num_key_value_heads=None), without("num_key_value_heads")]
)
def test_without_grouping_there_is_a_key_for_every_query_head(absent: dict[str, Any]) -> None:
    assert parse_config(absent).shape.kv_heads == 4


@pytest.mark.parametrize("dtype", [{"dtype": "bfloat16"}, {"torch_dtype": "bfloat16"}, {}])
def test_the_stated_element_type_is_left_to_the_files(dtype: dict[str, str]) -> None:
    assert parse_config(without("torch_dtype") | dtype).shape == SHAPE


@pytest.mark.parametrize("key", sorted(_REFUSED_UNLESS))
def test_a_missing_switch_stands_for_the_value_that_is_built(key: str) -> None:
    assert parse_config(without(key)).shape == SHAPE


def test_every_switch_has_its_refusals() -> None:
    assert set(UNSUPPORTED) == set(_REFUSED_UNLESS)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, several in UNSUPPORTED.items() for value in several]
)
def test_unsupported_features_are_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(ModelError, match=f"config.json: {key} = .* is not supported"):
        parse_config(values(**{key: value}))


@pytest.mark.parametrize("model_type", ["mixtral", "qwen2_moe", "OLMOE", "", None, 1, ["olmoe"]])
def test_other_model_types_are_refused(model_type: object) -> None:
    with pytest.raises(ModelError, match=r"model type .* is not supported"):
        parse_config(values(model_type=model_type))


@pytest.mark.parametrize("key", [*SIZES, "rms_norm_eps", "rope_theta"])
def test_missing_keys_are_refused_by_name(key: str) -> None:
    with pytest.raises(ModelError, match=key):
        parse_config(without(key))


@pytest.mark.parametrize("key", [*SIZES, "num_key_value_heads", "head_dim"])
@pytest.mark.parametrize("value", [0, -4, 4.0, "4", True, [4]])
def test_sizes_are_positive_integers(key: str, value: object) -> None:
    with pytest.raises(ModelError, match=key):
        parse_config(values(**{key: value}))


@pytest.mark.parametrize("key", ["rms_norm_eps", "rope_theta"])
@pytest.mark.parametrize(
    "value",
    [
        0,
        -1e-5,
        float("nan"),
        float("inf"),
        pytest.param(10**400, id="huge"),
        "1",
        True,
        None,
        [1.0],
    ],
)
def test_real_parameters_are_positive_and_finite(key: str, value: object) -> None:
    with pytest.raises(ModelError, match=key):
        parse_config(values(**{key: value}))


@pytest.mark.parametrize(
    "parameters",
    [
        {"rope_theta": 1e4, "rope_type": "yarn"},
        {"rope_theta": 1e4, "rope_type": None},
        {"rope_theta": 1e4, "type": "linear", "factor": 2.0},
        {"rope_type": "default"},
        {"rope_theta": "1e4"},
        {},
        [1e4],
        1e4,
    ],
)
def test_other_rotary_embeddings_are_refused(parameters: object) -> None:
    """A rotary base beside the parameters does not stand in for theirs."""
    with pytest.raises(ModelError, match=r"config\.json: .*(rotary|rope)"):
        parse_config(values(rope_parameters=parameters))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_key_value_heads": 3}, "divide"),
        ({"head_dim": None, "hidden_size": 26}, "divide"),
        ({"head_dim": 5}, "divide"),
        ({"head_dim": None, "hidden_size": 2}, "head_dim"),
        ({"num_experts_per_tok": 6}, "more experts than there are"),
        ({"num_experts": POSITION_LIMIT + 1}, f"more than {POSITION_LIMIT} experts"),
    ],
)
def test_sizes_must_fit_one_another(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        parse_config(values(**changes))


def test_the_largest_number_of_experts_is_accepted() -> None:
    changed = values(num_experts=POSITION_LIMIT, num_experts_per_tok=POSITION_LIMIT)
    assert parse_config(changed).shape.top_k == POSITION_LIMIT


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{'model_type': 'olmoe'}", b"\xff\xfe{}", b"[" * 100_000, b"1" * 5000],
    ids=["empty", "open", "quotes", "encoding", "deep", "digits"],
)
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"config\.json is not valid JSON"):
        read_config(tmp_path)


@pytest.mark.parametrize("content", ["[]", "null", '"olmoe"', "3"])
def test_what_is_not_an_object_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match="does not hold a JSON object"):
        read_config(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        read_config(tmp_path)


def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        read_config(tmp_path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """The file is sparse and would be accepted if it were small: only its size speaks against."""
    with (tmp_path / "config.json").open("wb") as file:
        file.write(json.dumps(values()).encode())
        file.truncate(1 << 40)
    with pytest.raises(ModelError, match="too large"):
        read_config(tmp_path)

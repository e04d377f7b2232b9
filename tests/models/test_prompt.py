"""Prompts: tokens of a text, the public padded length, and refusals that tell no token."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptomoe.errors import ModelError, UsageError
from cryptomoe.models.config import ModelConfig
from cryptomoe.models.prompt import decode, encode, load_tokenizer, padded_length
from cryptomoe.protocols.shape import POSITION_LIMIT, TransformerShape

TINY = Path(__file__).parents[2] / "examples" / "tiny-olmoe"


def config(max_positions: int = 4096) -> ModelConfig:
    shape = TransformerShape(
        layers=1,
        hidden=8,
        heads=2,
        kv_heads=2,
        head_dim=4,
        experts=4,
        top_k=1,
        expert_width=4,
        vocabulary=1000,
        rope_theta=1e4,
        epsilon=1e-5,
    )
    return ModelConfig(shape, max_positions)


@pytest.mark.parametrize(
    ("tokens", "length"),
    [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8), (9, 16), (129, 256), (256, 256)],
)
def test_padding_goes_to_the_next_power_of_two(tokens: int, length: int) -> None:
    assert padded_length(config(), [0] * tokens, 1, None) == length


@given(tokens=st.integers(1, POSITION_LIMIT))
def test_the_padded_length_hides_the_true_one_within_a_factor_of_two(tokens: int) -> None:
    length = padded_length(config(), [0] * tokens, 1, None)
    assert tokens <= length < 2 * tokens
    assert length.bit_count() == 1


@pytest.mark.parametrize("pad_to", [5, 6, 33, POSITION_LIMIT])
def test_pad_to_is_taken_as_it_is(pad_to: int) -> None:
    assert padded_length(config(), [0] * 5, 1, pad_to) == pad_to


def test_a_prompt_longer_than_pad_to_is_refused() -> None:
    """The sentence has the public length and not the true one."""
    with pytest.raises(UsageError, match="more than 4 tokens") as raised:
        padded_length(config(), [0] * 27, 1, 4)
    assert "27" not in str(raised.value)


@pytest.mark.parametrize("pad_to", [None, 8])
def test_an_empty_prompt_is_refused(pad_to: int | None) -> None:
    with pytest.raises(UsageError, match="empty"):
        padded_length(config(), [], 1, pad_to)


@pytest.mark.parametrize(
    ("max_positions", "tokens", "new_tokens", "pad_to"),
    [
        (64, 64, 1, None),
        (64, 32, 33, None),
        (100, 70, 31, 70),
        (POSITION_LIMIT * 4, POSITION_LIMIT // 2, POSITION_LIMIT // 2 + 1, None),
    ],
)
def test_the_last_position_may_be_used_and_none_after_it(
    max_positions: int, tokens: int, new_tokens: int, pad_to: int | None
) -> None:
    """The last new token is never fed back, so it takes no position."""
    prompt = [0] * tokens
    assert padded_length(config(max_positions), prompt, new_tokens, pad_to) >= tokens
    with pytest.raises(UsageError, match=f"the {min(max_positions, POSITION_LIMIT)} that are"):
        padded_length(config(max_positions), prompt, new_tokens + 1, pad_to)


@pytest.mark.parametrize("token", [-1, -717, 1000, 717171, 1 << 70])
def test_ids_outside_the_vocabulary_are_refused_without_naming_any_token(token: int) -> None:
    with pytest.raises(UsageError, match="outside the vocabulary of 1000") as raised:
        padded_length(config(), [345, token, 678], 1, None)
    assert re.findall(r"-?\d+", str(raised.value)) == ["1000"]


@pytest.mark.parametrize("token", [0, 999])
def test_the_first_and_the_last_id_are_accepted(token: int) -> None:
    assert padded_length(config(), [token], 1, None) == 1


def test_a_text_and_its_tokens() -> None:
    tokenizer = load_tokenizer(TINY)
    words = ["<s>", "one", "day", "the", "small", "cat"]
    tokens = encode(tokenizer, " ".join(words))
    vocabulary = json.loads((TINY / "tokenizer.json").read_text())["model"]["vocab"]
    assert tokens == [vocabulary[word] for word in words]
    assert decode(tokenizer, tokens[1:]) == "one day the small cat"


def test_without_a_tokenizer_only_ids_will_do(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer is None
    assert decode(tokenizer, [1, 2]) is None
    with pytest.raises(ModelError, match="--token-ids"):
        encode(tokenizer, "one day")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"model": {"type": "None"}}'])
def test_a_broken_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json is not a valid tokenizer"):
        load_tokenizer(tmp_path)


def test_text_that_is_not_unicode_is_refused_without_quoting_it() -> None:
    """Arguments of a command that are not UTF-8 arrive as lone surrogates."""
    with pytest.raises(UsageError, match="not valid Unicode") as raised:
        encode(load_tokenizer(TINY), "one day \udcff")
    assert "day" not in str(raised.value)
    assert raised.value.__suppress_context__

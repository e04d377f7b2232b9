"""Prompts: text or token ids, checked, and the public length they are padded to."""

from pathlib import Path

from tokenizers import Tokenizer

from cryptomoe.errors import ModelError, UsageError
from cryptomoe.models.config import ModelConfig
from cryptomoe.protocols.shape import POSITION_LIMIT


def load_tokenizer(directory: Path) -> Tokenizer | None:
    """The tokenizer of a model directory; None where it has none.

    Raises:
        ModelError: `tokenizer.json` cannot be understood.
    """
    path = directory / "tokenizer.json"
    if not path.exists():
        return None
    try:
        return Tokenizer.from_file(str(path))
    except Exception:  # noqa: BLE001 - the library raises the base class
        raise ModelError(f"{path} is not a valid tokenizer") from None


def encode(tokenizer: Tokenizer | None, text: str) -> list[int]:
    """Token ids of a text, special tokens as the tokenizer adds them.

    Raises:
        ModelError: there is no tokenizer.
        UsageError: the text cannot be encoded as UTF-8. The sentence says nothing of the text.
    """
    if tokenizer is None:
        raise ModelError("the model directory has no tokenizer.json: give --token-ids instead")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the prompt is not valid Unicode text") from None
    return list(tokenizer.encode(text).ids)


def decode(tokenizer: Tokenizer | None, token_ids: list[int]) -> str | None:
    """The text of token ids; None without a tokenizer."""
    return None if tokenizer is None else str(tokenizer.decode(token_ids))


def padded_length(
    config: ModelConfig, token_ids: list[int], new_tokens: int, pad_to: int | None
) -> int:
    """The public length of a checked prompt: `pad_to`, or else the next power of two.

    Raises:
        UsageError: the prompt is empty, too long, or has ids outside the vocabulary. The sentence
            names no token.
    """
    if not token_ids:
        raise UsageError("the prompt is empty")
    if any(not 0 <= token < config.shape.vocabulary for token in token_ids):
        raise UsageError(
            f"the prompt has token ids outside the vocabulary of {config.shape.vocabulary}"
        )
    length = 1 << (len(token_ids) - 1).bit_length() if pad_to is None else pad_to
    if length < len(token_ids):
        raise UsageError(f"the prompt has more than {length} tokens, the length to pad to")
    check_positions(config, length, new_tokens)
    return length


def check_positions(config: ModelConfig, length: int, new_tokens: int) -> None:
    """Refuse a public prompt length that the model has no positions for.

    Raises:
        UsageError: naming the limit.
    """
    limit = min(config.max_positions, POSITION_LIMIT)
    if length + new_tokens - 1 > limit:
        raise UsageError(
            f"the padded prompt and the new tokens take {length + new_tokens - 1} positions, more "
            f"than the {limit} that are possible"
        )

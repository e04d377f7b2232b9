"""The options that `infer`, `reference` and `party` share, and what they come to together."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click
from tokenizers import Tokenizer

from cryptomoe.engines.shamir import check_threshold, default_threshold
from cryptomoe.errors import UsageError
from cryptomoe.he.backends import BACKENDS, DEFAULT_BACKEND
from cryptomoe.models.config import ModelConfig, read_config
from cryptomoe.models.prompt import check_positions, encode, load_tokenizer, padded_length
from cryptomoe.ot.rows import METHODS, Method
from cryptomoe.party import Party
from cryptomoe.protocols.shape import TransformerOptions, slots_per_expert

Command = TypeVar("Command", bound=Callable[..., Any])

TRUNCATIONS = ("exact", "approximate")
REVEALS = ("logits", "token")
EMBEDDINGS = ("private", "public")
_BUILT = {"routing": "balanced"}
_LARGEST_ALPHA = 1 << 16

_PUBLIC = (
    click.option(
        "--model", required=True, type=click.Path(path_type=Path), help="A model directory."
    ),
    click.option("--prompt", help="The prompt; '-' reads it from standard input."),
    click.option("--token-ids", help="Token ids, 1,2,3, instead of a prompt; or '-'."),
    click.option("--max-new-tokens", type=click.IntRange(1), default=1, show_default=True),
    click.option("--pad-to", type=click.IntRange(1), help="Public prompt length.  [next 2^k]"),
    click.option("--alpha", default="2", show_default=True, help="Expert capacity, exact decimal."),
    click.option("--truncation", type=click.Choice(TRUNCATIONS), default="approximate",
                 show_default=True),
    click.option("--reveal", type=click.Choice(REVEALS), default="logits", show_default=True),
    click.option("--embedding", type=click.Choice(EMBEDDINGS), default="private",
                 show_default=True),
    click.option("--routing", type=click.Choice(
        ["balanced", "dense", "insecure", "cipherprune", "random"]), default="balanced",
                 show_default=True),
)  # fmt: skip
_OF_TWO = (
    click.option("--he", type=click.Choice(sorted(BACKENDS)), default=DEFAULT_BACKEND,
                 show_default=True),
    click.option("--ot", type=click.Choice(METHODS), default="silent",
                 show_default=True),
    click.option("--transcript", type=click.Path(path_type=Path, dir_okay=False),
                 help="Write every message's sender, label and size here, as JSON lines."),
)  # fmt: skip
_JSON = (
    click.option("--json", "json_target", is_flag=False, flag_value="-", default=None,
                 help="One JSON object to standard output, or to a file."),
)  # fmt: skip


def run_options(command: Command) -> Command:
    """Decorate a command with all shared options."""
    return _decorated(command, *_PUBLIC, *_OF_TWO, *_JSON)


def party_options(command: Command) -> Command:
    """Decorate a command with those that three parties or more have."""
    return _decorated(command, *_PUBLIC, *_JSON)


def _decorated(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class RunRequest:
    """One run, checked: what is public, and the client's secret `token_ids`.

    Fields besides: `directory` of the model; `truncation`, the session's mode; `he`, the backend of
    homomorphic encryption; `ot`, where oblivious transfers come from; `transcript` and
    `json_target`, files to write ("-" is standard output), or None; the number of `parties`, and
    with more than two the `threshold`, how many of them may be corrupted.
    """

    directory: Path
    config: ModelConfig
    tokenizer: Tokenizer | None
    token_ids: list[int]
    options: TransformerOptions
    truncation: str
    he: str
    ot: Method
    transcript: Path | None
    json_target: str | None
    parties: int = 2
    threshold: int | None = None

    @property
    def slots(self) -> int:
        """Slots of an expert in the prefill, t."""
        shape = self.config.shape
        tokens = self.options.padded_length
        return slots_per_expert(tokens, shape.experts, shape.top_k, self.options.alpha)


def resolve(values: dict[str, Any]) -> RunRequest:
    """The run that the options ask for; without `index` the prompt is this process's to give.

    Raises:
        UsageError: an option that is not built, or a prompt or model that cannot be used.
    """
    for name, built in _BUILT.items():
        if values[name] != built:
            raise UsageError(f"--{name} {values[name]} is not built yet; use {built}")
    parties, threshold = _parties(values)
    directory = values["model"]
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory")
    config = read_config(directory)
    tokenizer = load_tokenizer(directory)
    new_tokens = values["max_new_tokens"]
    token_ids: list[int] = []
    if values.get("index", Party.CLIENT) == Party.CLIENT:
        token_ids = _token_ids(values, tokenizer)
        length = padded_length(config, token_ids, new_tokens, values["pad_to"])
    else:
        length = values["pad_to"]
        check_positions(config, length, new_tokens)
    options = TransformerOptions(
        padded_length=length,
        max_new_tokens=new_tokens,
        alpha=_alpha(values["alpha"]),
        reveal=values["reveal"],
        embedding=values["embedding"],
    )
    return RunRequest(
        directory=directory,
        config=config,
        tokenizer=tokenizer,
        token_ids=token_ids,
        options=options,
        truncation=values["truncation"],
        he=values["he"],
        ot=values["ot"],
        transcript=values["transcript"],
        json_target=values["json_target"],
        parties=parties,
        threshold=threshold,
    )


def _parties(values: dict[str, Any]) -> tuple[int, int | None]:
    """The number of parties, and the threshold where there is one."""
    parties, threshold = values.get("parties", 2), values.get("threshold")
    if parties > 2 and values["transcript"] is not None:
        raise UsageError("--transcript with more than two parties is not built yet")
    if parties > 2 and threshold is None:
        threshold = default_threshold(parties)
    if threshold is not None:
        check_threshold(parties, threshold)
    return parties, threshold


def _token_ids(values: dict[str, Any], tokenizer: Tokenizer | None) -> list[int]:
    prompt: str | None = values["prompt"]
    listed: str | None = values["token_ids"]
    if prompt is not None and listed is None:
        return encode(tokenizer, sys.stdin.read() if prompt == "-" else prompt)
    if prompt is not None or listed is None:
        raise UsageError("give either --prompt or --token-ids")
    if listed == "-":
        listed = sys.stdin.read()
    try:
        return [int(word) for word in listed.split(",")]
    except ValueError:
        raise UsageError("--token-ids takes whole numbers between commas") from None


def _alpha(text: str) -> Fraction:
    try:
        alpha = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError("--alpha takes a decimal number") from None
    if not 0 < alpha <= _LARGEST_ALPHA:
        raise UsageError(f"--alpha must be above 0 and at most {_LARGEST_ALPHA}")
    return alpha

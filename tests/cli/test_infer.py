"""`cryptomoe infer` and `reference`: the same object, by two processes and in the clear."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_checkpoint

from cryptomoe import __version__
from cryptomoe.cli import run
from cryptomoe.he.backends import BACKENDS
from cryptomoe.protocols.shape import TransformerShape
from cryptomoe.protocols.transformer import FUNCTIONALITIES

Command = Callable[..., dict[str, Any]]

PROMPT = "<s> one day the small cat saw a red ball in the garden . the small"
KEYS = {
    "version", "command", "text", "token_ids", "logits", "logits_fixed", "seconds", "rounds",
    "bytes_sent", "setup_bytes", "by_label", "parameters",
}  # fmt: skip
PARAMETERS = {
    "N", "log2_q", "log2_p", "fraction_bits", "t", "padded_tokens", "truncation", "routing",
    "embedding",
}  # fmt: skip


def shape(**changes: int) -> TransformerShape:
    """A small model's shape, changed."""
    sizes = {
        "layers": 1, "hidden": 12, "heads": 2, "kv_heads": 2, "head_dim": 4, "experts": 3,
        "top_k": 2, "expert_width": 5, "vocabulary": 13,
    }  # fmt: skip
    return TransformerShape(**{**sizes, **changes}, rope_theta=1e4, epsilon=1e-5)


SHAPES = [
    shape(),
    shape(experts=5, top_k=1),
    shape(experts=6, top_k=6),
    shape(experts=7, top_k=3, hidden=20),
    shape(heads=4, kv_heads=2, head_dim=6),
    shape(heads=3, kv_heads=1),
    shape(layers=2),
    shape(layers=3, experts=2, top_k=1),
    shape(experts=1, top_k=1, vocabulary=300),
    shape(hidden=9, expert_width=1, head_dim=2),
]
LENGTHS = [1, 2, 3, 5, 8, 13, 16, 33, 5, 64]


@pytest.mark.multiprocess
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_random_checkpoints_agree_with_the_reference_bit_for_bit(
    number: int, tmp_path: Path, object_of: Command
) -> None:
    write_checkpoint(
        tmp_path, SHAPES[number], number,
        sharded=number % 3 == 0, bf16=number % 2 == 0, fused=number % 4 == 1,
    )  # fmt: skip
    ids = [(7 * i + number) % SHAPES[number].vocabulary for i in range(LENGTHS[number])]
    arguments = [
        "--model", tmp_path, "--token-ids", ",".join(map(str, ids)), "--truncation", "exact",
        "--max-new-tokens", 1 + number % 2,
    ]  # fmt: skip
    private, clear = (object_of(command, *arguments) for command in ("infer", "reference"))
    assert private["logits_fixed"] == clear["logits_fixed"]
    assert private["token_ids"] == clear["token_ids"]
    assert private["text"] is None


@pytest.mark.multiprocess
@pytest.mark.leakage
def test_the_shipped_model(tiny: Path, tmp_path: Path, object_of: Command) -> None:
    """The object, its sums, its equality with the reference, and a transcript without secrets."""
    first, second = tmp_path / "first", tmp_path / "second"
    arguments = ["--model", tiny, "--truncation", "exact", "--transcript"]
    private = object_of("infer", *arguments, first, "--prompt", PROMPT)
    clear = object_of("reference", *arguments[:-1], "--prompt", PROMPT)
    assert private["logits_fixed"] == clear["logits_fixed"]
    assert private["text"] == clear["text"] == "cat"
    assert set(private) == set(clear) == KEYS
    assert private["parameters"].keys() >= PARAMETERS
    assert (private["version"], private["command"]) == (__version__, "infer")
    assert private["logits"] == [value / 8192 for value in private["logits_fixed"]]
    assert private["by_label"].keys() <= set(FUNCTIONALITIES)
    counted = sum(entry["bytes"] for entry in private["by_label"].values())
    assert counted == sum(private["bytes_sent"].values())
    messages = [json.loads(line) for line in first.read_text().splitlines()]
    for party in ("client", "server"):
        sent = sum(message["bytes"] for message in messages if message["sender"] == party)
        assert sent == private["bytes_sent"][party] + private["setup_bytes"][party]
    object_of("infer", *arguments, second, "--prompt", "a a a . the . in one day the old")
    assert first.read_text() == second.read_text()


@pytest.mark.multiprocess
@pytest.mark.leakage
def test_both_backends_compute_the_same_and_send_what_is_predicted(
    tiny: Path, tmp_path: Path, object_of: Command
) -> None:
    """Message by message; the requests of `rns` are half as large, its answers the same."""
    found = {}
    for he in BACKENDS:
        sent, expected = tmp_path / f"{he}-sent", tmp_path / f"{he}-expected"
        arguments = ["--model", tiny, "--prompt", PROMPT, "--truncation", "exact", "--he", he]
        found[he] = object_of("infer", *arguments, "--transcript", sent)
        clear = object_of("reference", *arguments, "--transcript", expected)
        assert sent.read_text() == expected.read_text()
        assert found[he]["logits_fixed"] == clear["logits_fixed"]
        assert found[he]["parameters"]["he"] == he
    ours, seals = (found[he]["bytes_sent"] for he in ("rns", "seal"))
    assert ours["client"] < seals["client"]
    assert ours["server"] == seals["server"]


@pytest.mark.multiprocess
def test_several_tokens_and_a_public_table(tiny: Path, object_of: Command) -> None:
    arguments = [
        "--model", tiny, "--prompt", "one day the", "--truncation", "exact", "--embedding",
        "public", "--max-new-tokens", 3, "--reveal", "token", "--pad-to", 5,
    ]  # fmt: skip
    private, clear = (object_of(command, *arguments) for command in ("infer", "reference"))
    assert private["token_ids"] == clear["token_ids"]
    assert len(private["token_ids"]) == 3
    assert private["logits"] is None
    assert private["parameters"]["padded_tokens"] == 5


@pytest.mark.multiprocess
@pytest.mark.parametrize("ot", ["softspoken", "silent"])
def test_every_source_of_transfers_gives_the_same_logits(
    ot: str, tiny: Path, object_of: Command
) -> None:
    arguments = ["--model", tiny, "--token-ids", "2,3,4", "--truncation", "exact"]
    private = object_of("infer", *arguments, "--ot", ot)
    assert private["logits_fixed"] == object_of("reference", *arguments)["logits_fixed"]
    assert private["parameters"]["ot"] == ot


MARGIN = 2**-4
"""Approximate and exact logits differ by less than half of this; measured: 2^-8."""


@pytest.mark.multiprocess
@pytest.mark.parametrize("prompt", [PROMPT, "one day the old fox found a", "the owl took the"])
def test_approximate_mode_chooses_the_same_token_where_the_margin_is_clear(
    prompt: str, tiny: Path, object_of: Command
) -> None:
    private = object_of("infer", "--model", tiny, "--prompt", prompt)
    clear = object_of("reference", "--model", tiny, "--prompt", prompt)
    assert private["parameters"]["truncation"] == "approximate"
    pairs = zip(private["logits"], clear["logits"], strict=True)
    assert max(abs(one - other) for one, other in pairs) < MARGIN / 2
    best, next_best = sorted(clear["logits"], reverse=True)[:2]
    if best - next_best >= MARGIN:
        assert private["token_ids"] == clear["token_ids"]


@pytest.mark.multiprocess
def test_text_for_a_person(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The text first, then time, traffic and rounds; progress only on standard error."""
    assert run(["infer", "--model", str(tiny), "--prompt", "one day"]) == 0
    output, errors = capfd.readouterr()
    assert output.splitlines()[0] == "the"
    for wanted in ("dispatch", "balanced_selection", "client sent", "rounds"):
        assert wanted in output
    assert "layer" in errors

"""`reference` predicts the traffic that `infer` measures, to the byte."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoints import write_checkpoint

from cryptomoe.protocols.shape import TransformerShape

Command = Callable[..., dict[str, Any]]
FIGURES = ("rounds", "bytes_sent", "setup_bytes", "by_label")
SMALL = TransformerShape(
    layers=2, hidden=18, heads=4, kv_heads=2, head_dim=6, experts=5, top_k=2, expert_width=7,
    vocabulary=40, rope_theta=1e4, epsilon=1e-5,
)  # fmt: skip


def compare(object_of: Command, tmp_path: Path, *arguments: object) -> None:
    """Run both commands; every figure and every line of the transcripts must agree."""
    said, lines = [], []
    for command in ("infer", "reference"):
        path = tmp_path / command
        said.append(object_of(command, *arguments, "--transcript", path))
        lines.append(path.read_text())
    measured, predicted = ([one[figure] for figure in FIGURES] for one in said)
    assert None not in measured
    assert measured == predicted
    assert lines[0] == lines[1]
    assert said[0]["parameters"].items() <= said[1]["parameters"].items()


@pytest.mark.multiprocess
@pytest.mark.leakage
@pytest.mark.parametrize("truncation", ["exact", "approximate"])
def test_the_shipped_model(truncation: str, tiny: Path, tmp_path: Path, object_of: Command) -> None:
    prompt = "one day the small cat saw a red ball"
    arguments = ["--model", tiny, "--prompt", prompt, "--truncation", truncation]
    compare(object_of, tmp_path, *arguments)


@pytest.mark.multiprocess
@pytest.mark.leakage
@pytest.mark.parametrize("truncation", ["exact", "approximate"])
def test_a_random_checkpoint(truncation: str, tmp_path: Path, object_of: Command) -> None:
    """With a public table, which counts as set-up, several tokens, and a chosen capacity."""
    model = tmp_path / "model"
    model.mkdir()
    write_checkpoint(model, SMALL, 5, sharded=False, bf16=False, fused=False)
    compare(
        object_of, tmp_path, "--model", model, "--token-ids", "1,2,3", "--truncation", truncation,
        "--embedding", "public", "--reveal", "token", "--max-new-tokens", 2, "--pad-to", 6,
        "--alpha", "1.5",
    )  # fmt: skip

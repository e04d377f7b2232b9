"""Wrong use and bad input: one clear sentence on standard error, status 2, and no secret in it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cryptomoe.cli import run

Refusal = Callable[..., str]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], "either --prompt or --token-ids"),
        (["--prompt", "one", "--token-ids", "1"], "either --prompt or --token-ids"),
        (["--prompt", ""], "empty"),
        (["--token-ids", "1,x"], "whole numbers"),
        (["--token-ids", "1,36"], "outside the vocabulary"),
        (["--token-ids", "-1"], "outside the vocabulary"),
        (["--token-ids", ",".join(["1"] * 129)], "positions"),
        (["--prompt", "one day the", "--pad-to", "2"], "more than 2 tokens"),
        (["--prompt", "one", "--max-new-tokens", "0"], "max-new-tokens"),
        (["--prompt", "one", "--max-new-tokens", "1000"], "positions"),
        (["--prompt", "one", "--alpha", "x"], "decimal"),
        (["--prompt", "one", "--alpha", "0"], "above 0"),
        (["--prompt", "one", "--alpha", "1/0"], "decimal"),
        (["--prompt", "one", "--he", "none"], "--he"),
        (["--prompt", "one", "--ot", "none"], "--ot"),
        (["--prompt", "one", "--routing", "dense"], "not built"),
        (["--prompt", "one", "--truncation", "none"], "truncation"),
        (["--prompt", "one", "--no-such-option"], "no-such-option"),
    ],
)
@pytest.mark.parametrize("command", ["infer", "reference"])
def test_options(
    command: str, options: list[str], wanted: str, tiny: Path, refusal_of: Refusal
) -> None:
    assert wanted in refusal_of(command, "--model", tiny, *options)


@pytest.mark.parametrize("name", ["bench", "calibrate", "evaluate", "plan", "query"])
def test_commands_that_are_not_built(name: str, refusal_of: Refusal) -> None:
    assert f"'cryptomoe {name}' is not built" in refusal_of(name, "--anything", 3)


def test_no_command_and_an_unknown_one(refusal_of: Refusal) -> None:
    assert "nothing" in refusal_of("nothing")
    assert run([]) == 2


def test_a_model_that_is_not_there(tmp_path: Path, refusal_of: Refusal) -> None:
    assert "not a directory" in refusal_of("infer", "--model", tmp_path / "x", "--prompt", "one")
    assert "config.json" in refusal_of("infer", "--model", tmp_path, "--prompt", "one")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the shipped model, to be damaged."""
    return Path(shutil.copytree(tiny, tmp_path / "model"))


def test_an_unknown_model_type(copy: Path, refusal_of: Refusal) -> None:
    values = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**values, "model_type": "llama"}))
    assert "'llama' is not supported" in refusal_of("infer", "--model", copy, "--prompt", "one")


@pytest.mark.multiprocess
@pytest.mark.parametrize("command", ["infer", "reference"])
def test_weights_that_are_not_there(command: str, copy: Path, refusal_of: Refusal) -> None:
    (copy / "model.safetensors").unlink()
    assert "model.safetensors" in refusal_of(command, "--model", copy, "--prompt", "one")


@pytest.mark.multiprocess
@pytest.mark.parametrize("command", ["infer", "reference"])
def test_weights_of_another_shape(command: str, copy: Path, refusal_of: Refusal) -> None:
    values = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**values, "intermediate_size": 33}))
    assert "has shape" in refusal_of(command, "--model", copy, "--prompt", "one")


def test_a_prompt_without_a_tokenizer(copy: Path, refusal_of: Refusal) -> None:
    (copy / "tokenizer.json").unlink()
    assert "--token-ids" in refusal_of("infer", "--model", copy, "--prompt", "one")


def test_files_that_cannot_be_written(tiny: Path, tmp_path: Path, refusal_of: Refusal) -> None:
    missing = tmp_path / "no" / "file"
    arguments = ["--model", tiny, "--prompt", "one", "--json", missing]
    assert "cannot be written" in refusal_of("reference", *arguments)

"""What the documentation says holds: its commands parse, its files exist, its numbers agree."""

import importlib
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import pytest

import cryptomoe
from cryptomoe.cli import commands

ROOT = Path(__file__).parents[1]
USER_DOCUMENTS = ("README.md", "CHANGELOG.md", "spec/README.md")
PATH_SUFFIXES = {".ini", ".json", ".md", ".npz", ".py", ".safetensors", ".toml", ".txt"}
FILES_OF_USERS = {"model.safetensors.index.json"}
"""Files that the documentation may name and this repository does not have."""
HOUSE = {"cryptomoe", "examples", "proofs", "spec", "tests"}
NOT_BUILT = "Not built yet."
"""The help of a command that is only a name."""
NOT_OURS = ("__pycache__", "build", "dist", "*.egg-info")


def repository() -> list[str]:
    """Paths of all files and folders, relative, without what tools leave behind."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if not any(fnmatch(name, pattern) for pattern in NOT_OURS)
            and (not name.startswith(".") or name == ".ci")
        ]
        found += [str((Path(folder) / name).relative_to(ROOT)) for name in (*folders, *files)]
    return found


PATHS = repository()
DOCUMENTS = sorted(path for path in PATHS if path.endswith(".md"))


def text_of(document: str) -> str:
    """A document; the empty text where there is none, so that every check of it fails by itself."""
    path = ROOT / document
    return path.read_text(encoding="utf-8") if path.exists() else ""


# --- reading Markdown ----------------------------------------------------------------------------

FENCE = re.compile(r"^ {0,3}```[^\n]*\n(.*?)^ {0,3}```\s*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
LINK = re.compile(r"\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.*?)\s*$", re.MULTILINE)


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", text)


def spans(text: str) -> list[str]:
    """What stands between single back-ticks, outside fences; a line break is a blank."""
    return [" ".join(span.split()) for span in SPAN.findall(prose(text))]


def links(text: str) -> list[str]:
    """Targets that are not on the web."""
    bare = SPAN.sub("", prose(text))
    targets = [inline or reference for inline, reference in LINK.findall(bare)]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Names that the headings get on the usual sites."""
    titles = [re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(prose(text))]
    return {title.replace(" ", "-") for title in titles}


def marked_commands(text: str, name: str) -> list[str]:
    """The one line below each marker of this name, if it is a block of one line."""
    pattern = rf"^<!-- {name} -->\n+ {{4}}(\S[^\n]*)\n(?! {{4}})"
    return re.findall(pattern, text + "\n", re.MULTILINE)


def shell_lines(text: str) -> Iterator[str]:
    """Lines of fences that call the command, after a prompt or not, and the marked commands."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.strip().removeprefix("$ ")
            if line.strip().startswith("$ ") or re.match(r"(\S*/)?cryptomoe\b", command):
                yield command
    for name in ("run", "test"):
        yield from marked_commands(text, name)


def calls(line: str) -> Iterator[list[str]]:
    """Arguments of each call of `cryptomoe` in a shell line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set("();<>|&"):
            if words and words[0].rpartition("/")[2] == "cryptomoe":
                yield words[1:]
            words = []
        else:
            words.append(word)


# --- what a newcomer runs ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run", "test"])
def test_the_readme_has_one_command_to(name: str) -> None:
    """One line that sets up and works, for bash as it is."""
    readme = text_of("README.md")
    assert readme.count(f"<!-- {name} -->") == 1
    (command,) = marked_commands(readme, name)
    assert command.startswith("python3 -m venv .venv && ")
    assert not command.endswith("\\")
    subprocess.run(["bash", "-n", "-c", command], check=True)


@pytest.mark.parametrize("name", ["run", "test"])
def test_the_files_of_a_command_exist(name: str) -> None:
    (command,) = marked_commands(text_of("README.md"), name)
    for word in shlex.split(command):
        if "/" in word and not word.startswith(".venv/"):
            assert (ROOT / word).exists(), word
    extras = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
    assert set(re.findall(r"\.\[(\w+)\]", command)) <= set(extras)


def extracted(document: Path) -> str:
    """What .ci/run takes for the test command, by its own line, of a README."""
    (line,) = re.findall(r"^command=\$\(awk .*\)$", text_of(".ci/run"), re.MULTILINE)
    script = f'{line.replace("README.md", shlex.quote(str(document)))}\nprintf %s "$command"'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], check=True, capture_output=True, text=True
    )
    return done.stdout


def test_continuous_integration_runs_the_test_command() -> None:
    assert marked_commands(text_of("README.md"), "test") == [extracted(ROOT / "README.md")]


SAMPLE = """# Sample

<!-- run -->

    python3 -m venv .venv && .venv/bin/cryptomoe infer --model examples/tiny-olmoe --prompt "a & b"

<!-- test -->

    python3 -m venv .venv && .venv/bin/python -m pytest | tee log

```
$ cryptomoe reference --model DIR \\
      --token-ids 1,2
cat
```

See [`spec/`](spec/README.md "text"), [a part](#sample-of-it), [there](https://example.org/x.py),
`tests/nowhere.py` and `cryptomoe infer
--json`.

## Sample, of it!
"""


def test_marked_commands_are_found(tmp_path: Path) -> None:
    path = tmp_path / "sample.md"
    path.write_text(SAMPLE)
    expected = "python3 -m venv .venv && .venv/bin/python -m pytest | tee log"
    assert marked_commands(SAMPLE, "test") == [expected] == [extracted(path)]
    two_lines = SAMPLE.replace("| tee log", "|\n    tee log")
    assert marked_commands(two_lines, "test") == []
    assert marked_commands(SAMPLE.replace("    python3", "python3"), "run") == []


def test_markdown_is_read() -> None:
    assert [call for line in shell_lines(SAMPLE) for call in calls(line)] == [
        ["reference", "--model", "DIR", "--token-ids", "1,2"],
        ["infer", "--model", "examples/tiny-olmoe", "--prompt", "a & b"],
    ]
    assert spans(SAMPLE) == ["spec/", "tests/nowhere.py", "cryptomoe infer --json"]
    assert links(SAMPLE) == ["spec/README.md", "#sample-of-it"]
    assert anchors(SAMPLE) == {"sample", "sample-of-it"}


# --- commands and options ------------------------------------------------------------------------


def parse(arguments: list[str], *, complete: bool) -> None:
    """Parse a call of the command line without running it; `complete`: nothing is left out.

    Raises:
        click.UsageError: no such command, no such option, or a value that it does not take.
        NotImplementedError: a complete call of a command that is not built.
    """
    if arguments in (["--help"], ["-h"], ["--version"]):
        return
    with commands.make_context("cryptomoe", list(arguments), resilient_parsing=True) as context:
        name, command, rest = commands.resolve_command(context, arguments)
        if command is None or name is None:
            raise click.UsageError(f"no command {arguments[0]}")
        if complete and command.help == NOT_BUILT:
            raise NotImplementedError(name)
        try:
            command.make_context(name, list(rest), parent=context)
        except click.exceptions.Exit:
            return
        except click.MissingParameter:
            if complete:
                raise


@pytest.mark.parametrize("document", USER_DOCUMENTS)
def test_there_is_something_to_read(document: str) -> None:
    assert len(text_of(document)) > 500


@pytest.mark.parametrize("document", USER_DOCUMENTS)
def test_commands_of_the_documentation_parse(document: str) -> None:
    for line in shell_lines(text_of(document)):
        for call in calls(line):
            parse(call, complete=True)
    for span in spans(text_of(document)):
        if span.startswith("cryptomoe "):
            parse(shlex.split(span)[1:], complete=False)


@pytest.mark.parametrize(
    "line",
    [
        "infre --model a",
        "infer --model a --truncate exact",
        "infer --model a --truncation none",
        "infer --prompt a",
        "infer --model a --max-new-tokens 0",
        "reference",
        "--verison",
    ],
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line.split(), complete=True)


def test_a_command_that_is_not_built_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a line to be typed; prose may speak of it."""
    monkeypatch.setitem(commands.commands, "later", click.Command("later", help=NOT_BUILT))
    parse(["later"], complete=False)
    with pytest.raises(NotImplementedError):
        parse(["later"], complete=True)


def names() -> list[str]:
    """All commands."""
    return commands.list_commands(click.Context(commands))


def options_of(name: str) -> dict[str, Any]:
    """The options of a command, as click describes them, by every name they have."""
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    listed = command.to_info_dict(click.Context(command))["params"]
    return {text: option for option in listed for text in option["opts"]}


@pytest.mark.parametrize("document", USER_DOCUMENTS)
def test_options_of_the_documentation_exist(document: str) -> None:
    """Outside fences: what stands in back-ticks and begins with two dashes."""
    known = {"--version"}.union(*(options_of(name) for name in names()))
    named = {
        re.split(r"[ =]", span)[0] for span in spans(text_of(document)) if span.startswith("--")
    }
    assert named <= known


COMMANDS = {
    "audit", "bench", "calibrate", "evaluate", "infer", "plan", "query", "reference", "serve",
}  # fmt: skip
SHARED_OPTIONS = {
    "--alpha", "--embedding", "--he", "--json", "--max-new-tokens", "--model", "--ot", "--pad-to",
    "--prompt", "--reveal", "--routing", "--token-ids", "--transcript", "--truncation",
}  # fmt: skip
DEFAULTS = {
    "--alpha": "2",
    "--embedding": "private",
    "--max-new-tokens": 1,
    "--reveal": "logits",
    "--routing": "balanced",
    "--truncation": "approximate",
}
CHOICES = {
    "--truncation": ["exact", "approximate"],
    "--reveal": ["logits", "token"],
    "--embedding": ["private", "public"],
    "--routing": ["balanced", "dense", "insecure", "cipherprune", "random"],
    "--he": ["rns", "seal"],
    "--ot": ["silent", "softspoken", "iknp"],
}


def test_every_promised_command_has_its_name() -> None:
    assert set(names()) >= COMMANDS


@pytest.mark.parametrize("command", ["infer", "reference"])
def test_options_keep_their_names_defaults_and_values(command: str) -> None:
    """Scripts rely on them: more may come, none may go or change its meaning."""
    options = options_of(command)
    assert options.keys() >= SHARED_OPTIONS
    assert {name: options[name]["default"] for name in DEFAULTS} == DEFAULTS
    for name, choices in CHOICES.items():
        assert set(options[name]["type"]["choices"]) >= set(choices)


# --- files and names -----------------------------------------------------------------------------


def names_a_path(span: str) -> bool:
    """Whether what stands in back-ticks means a file or folder of this repository."""
    if not re.fullmatch(r"[\w.*][\w.*/+-]*", span) or span in FILES_OF_USERS:
        return False
    first, slash, _ = span.partition("/")
    if slash and first == ".venv":
        return False
    return Path(span).suffix in PATH_SUFFIXES or bool(slash and first in HOUSE) or span[-1] == "/"


def exists(span: str) -> bool:
    """Whether a path ends like this; a pattern needs one that it fits."""
    wanted = span.rstrip("/")
    return any(fnmatch(path, wanted) or fnmatch(path, f"*/{wanted}") for path in PATHS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_files_exist(document: str) -> None:
    named = [span for span in spans(text_of(document)) if names_a_path(span)]
    assert [span for span in named if not exists(span)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in links(text_of(document)):
        path, _, anchor = target.partition("#")
        place = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert place.exists(), target
        assert place.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(place.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_modules_and_objects_exist(document: str) -> None:
    """Dotted names that begin with one of the two packages."""
    for span in spans(text_of(document)):
        if re.fullmatch(r"cryptomoe(_spec)?(\.\w+)+(\(\))?", span) and not names_a_path(span):
            assert resolves(span.removesuffix("()")), span


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    found: Any = importlib.import_module(parts[0])
    for end in range(2, len(parts) + 1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            if not hasattr(found, parts[end - 1]):
                return False
            found = getattr(found, parts[end - 1])
    return True


@pytest.mark.parametrize(
    ("span", "path", "there"),
    [
        ("spec/", True, True),
        ("cryptomoe/engines/abb.py", True, True),
        ("engines/abb.py", True, True),
        ("tests/*/test_*.py", True, True),
        ("tests/test_documentation.py", True, True),
        (".ci/run", False, True),
        ("tests/no_such_room/", True, False),
        ("no_such_file.py", True, False),
        ("proofs/no_such_page", True, False),
        ("ocumentation.py", True, False),
        ("layer0/moe/dispatch", False, False),
        (".venv/bin/python", False, False),
        ("x @ w", False, False),
    ],
)
def test_paths_are_told_from_other_words(span: str, path: bool, there: bool) -> None:  # noqa: FBT001
    assert (names_a_path(span), exists(span)) == (path, there)


def test_names_are_told_from_wrong_ones() -> None:
    assert resolves("cryptomoe_spec.transformer.transformer_layer")
    assert resolves("cryptomoe.engines.two_party.TwoPartyEngine.setup")
    assert not resolves("cryptomoe_spec.transformer.encoder")
    assert not resolves("cryptomoe.no_such_module")


# --- what is said twice --------------------------------------------------------------------------


def test_versions_agree() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    latest = re.search(r"^## (\S+?),? ", text_of("CHANGELOG.md"), re.MULTILINE)
    assert latest is not None
    assert project["version"] == cryptomoe.__version__ == latest[1]


def test_python_versions_agree() -> None:
    """pyproject, tox and the sentence of the README."""
    requires = tomllib.loads(text_of("pyproject.toml"))["project"]["requires-python"]
    bounds = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", requires)
    assert bounds is not None
    supported = list(range(int(bounds[1]), int(bounds[2])))
    tested = re.findall(r"\bpy3(\d+)\b", text_of("tox.ini").partition("[testenv]")[0])
    assert [int(minor) for minor in tested] == supported
    stated = re.findall(r"Python 3\.(\d+) to 3\.(\d+)", text_of("README.md"))
    assert set(stated) == {(str(supported[0]), str(supported[-1]))}


def test_the_map_of_the_tests_is_complete() -> None:
    """Every room, every module that another room borrows, every marker and every environment."""
    settings = tomllib.loads(text_of("pyproject.toml"))["tool"]["pytest"]["ini_options"]
    rooms = {f"{path.parent.name}/" for path in (ROOT / "tests").glob("*/*.py")}
    markers = {line.partition(":")[0] for line in settings["markers"]}
    environments = set(re.findall(r"^\[testenv:(\w+)\]$", text_of("tox.ini"), re.MULTILINE))
    wanted = [rooms, borrowed_modules(settings["pythonpath"]), markers, environments]
    assert all(wanted)
    assert set().union(*wanted) - set(spans(text_of("tests/README.md"))) == set()


def borrowed_modules(folders: list[str]) -> set[str]:
    """Names of the files of these folders that tests of other rooms import."""
    homes = {path.stem: path.parent for folder in folders for path in (ROOT / folder).glob("*.py")}
    found = set()
    for path in [*(ROOT / "tests").rglob("*.py"), *(ROOT / "proofs").rglob("*.py")]:
        for name in re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE):
            if homes.get(name, path.parent) != path.parent:
                found.add(f"{name}.py")
    return found

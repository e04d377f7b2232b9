"""Who may import whom: the layers point one way, and the specification stands alone."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {
    "cli": {"cli", "models", "protocols", "engines", "he", "ot", "net"},
    "models": {"models", "protocols"},
    "protocols": {"protocols", "engines"},
    "engines": {"engines", "he", "ot", "net"},
    "he": {"he", "net"},
    "ot": {"ot", "net"},
    "net": {"net"},
}
"""What each package may import of the project, beside the modules at the top."""
LEAVES = {"errors", "field", "fixed_point", "kernel_cache", "party", "randomness"}
MPYC_USERS = {"cryptomoe/engines/shamir_runtime.py", "cryptomoe/net/mpyc_connection.py"}
SERIALISERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}

MODULES = sorted(path for folder in ("cryptomoe", "spec") for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return found


def of_project(path: Path) -> set[str]:
    """The packages and top modules of `cryptomoe` that a file imports."""
    names = [name.split(".") for name in imports(path)]
    return {parts[1] for parts in names if parts[0] == "cryptomoe" and len(parts) > 1}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    relative = path.relative_to(ROOT)
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & SERIALISERS
    assert "spec" not in roots
    assert "proofs" not in roots
    if "mpyc" in roots:
        assert str(relative) in MPYC_USERS
    if relative.parts[0] == "spec":
        assert "cryptomoe" not in roots
        assert not roots & {"mpyc", "tenseal", "numba"}
        return
    package = relative.parts[1] if len(relative.parts) > 2 else ""
    if package != "cli":
        assert "cryptomoe_spec" not in roots
    allowed = LAYERS.get(package, set()) | LEAVES | {"__version__"}
    assert of_project(path) <= allowed


def test_the_check_finds_a_wrong_import(tmp_path: Path) -> None:
    """A module that imported upwards would be seen, wherever the import stands in it."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from cryptomoe.protocols.gate import gate\n    return gate\n")
    assert of_project(wrong) == {"protocols"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_randomness_but_the_projects_own(path: Path) -> None:
    """The operating system and AES; numpy's generators and `random` are for tests."""
    text = path.read_text()
    roots = {name.split(".")[0] for name in imports(path)}
    assert "random" not in roots
    assert "np.random" not in text
    assert "numpy.random" not in text


def test_protocols_and_specification_have_the_same_names() -> None:
    """One functionality, one name: a protocol's module has its specification beside it."""
    supporting = {"__init__", "prepared", "shape"}
    protocols = {path.stem for path in (ROOT / "cryptomoe/protocols").glob("*.py")} - supporting
    specified = {path.stem for path in (ROOT / "spec").glob("*.py")}
    assert protocols <= specified

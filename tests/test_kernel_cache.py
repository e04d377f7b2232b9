"""Where compiled code may be kept, and that the switch is obeyed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cryptomoe import kernel_cache
from cryptomoe.kernel_cache import kernel, private_directory

_REPORT = """
import numba
import numpy as np
from cryptomoe.kernel_cache import ON_DISK
from cryptomoe.net.packing import pack_words
pack_words(np.arange(3).astype(np.uint64), 5)
print(ON_DISK, numba.config.CACHE_DIR)
"""


def _report(home: Path, switch: str | None) -> list[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(home)}
    environment.pop(kernel_cache.SWITCH, None)
    if switch is not None:
        environment[kernel_cache.SWITCH] = switch
    command = [sys.executable, "-c", _REPORT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_new_directory_is_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kernels"
    assert private_directory(path) == path
    assert path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o707])
def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "open"
    path.mkdir()
    path.chmod(mode)
    assert private_directory(path) is None


def test_a_link_to_a_private_directory_is_refused(tmp_path: Path) -> None:
    """Whoever owns the link could turn it elsewhere later."""
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(target)
    assert private_directory(link) is None


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    assert private_directory(path) is None


def test_a_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "theirs"
    path.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    assert private_directory(path) is None


@pytest.mark.multiprocess
def test_kernels_are_kept_in_the_private_directory(tmp_path: Path) -> None:
    expected = tmp_path / "cryptomoe" / "kernels"
    assert _report(tmp_path, None) == ["True", str(expected)]
    assert list(expected.rglob("packing._pack*.nbi"))


@pytest.mark.multiprocess
def test_the_switch_turns_the_disk_off(tmp_path: Path) -> None:
    assert _report(tmp_path, "off")[0] == "False"
    assert not list(tmp_path.rglob("*"))


def test_both_spellings_compile() -> None:
    @kernel
    def twice(x: int) -> int:
        return 2 * x

    @kernel(fastmath=True)
    def half(x: float) -> float:
        return x / 2

    assert twice(3) == 6
    assert half(np.float64(3)) == 1.5

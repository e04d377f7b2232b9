"""Compiled kernels, and where their machine code is kept between runs.

numba's cache on disk is pickle, which runs code when it is read. It is therefore kept in a
directory of mode 700 that belongs to this user, under the user's cache directory, and not at all
where such a directory cannot be had or where the environment variable CRYPTOMOE_KERNEL_CACHE is
"off".

numba recompiles a kernel when its own file changes, not when a kernel it calls does: a kernel calls
only kernels of its own module.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast, overload

import numba
import platformdirs

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

SWITCH = "CRYPTOMOE_KERNEL_CACHE"


def private_directory(path: Path) -> Path | None:
    """`path` as a directory that only this user can enter, made if need be; None if it is not."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    return path if private and status.st_uid == os.getuid() else None


def _enabled() -> bool:
    if os.environ.get(SWITCH) == "off":
        return False
    directory = private_directory(platformdirs.user_cache_path("cryptomoe") / "kernels")
    if directory is None:
        return False
    numba.config.CACHE_DIR = str(directory)  # type: ignore[attr-defined]
    return True


ON_DISK = _enabled()
"""Whether this process reads and writes compiled kernels on disk."""


@overload
def kernel(function: Kernel) -> Kernel: ...
@overload
def kernel(**options: Any) -> Callable[[Kernel], Kernel]: ...
def kernel(function: Kernel | None = None, **options: Any) -> Kernel | Callable[[Kernel], Kernel]:
    """Compile a function with numba at its first call; it runs without the interpreter's lock."""

    def compile_lazily(function: Kernel) -> Kernel:
        return cast("Kernel", numba.njit(nogil=True, cache=ON_DISK, **options)(function))

    return compile_lazily if function is None else compile_lazily(function)

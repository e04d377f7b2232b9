"""Tensors of a checkpoint as float64 arrays, without any machine-learning framework.

`safetensors` gives the file's structure and the bytes; the element types are decoded here, since
numpy knows no bfloat16.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from cryptomoe.errors import ModelError

FloatArray = NDArray[np.float64]

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
}


class Tensors:
    """All tensors of a model directory, each decoded when it is asked for."""

    def __init__(self, directory: Path) -> None:
        self._entries: dict[str, dict[str, Any]] = {}
        for path in _files(directory):
            with _reading(path):
                self._entries.update(deserialize(path.read_bytes()))  # type: ignore[no-untyped-call]

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def get(self, name: str, shape: tuple[int, ...]) -> FloatArray:
        """One tensor, whose shape must be `shape` and whose entries must be finite.

        Raises:
            ModelError: missing, of another shape or type, or with entries that are not finite.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise ModelError(f"the checkpoint has no tensor {name}")
        found = tuple(entry["shape"])
        if found != shape:
            raise ModelError(f"tensor {name} has shape {found}, but {shape} is needed")
        values = _decode(name, entry).reshape(shape)
        if not np.isfinite(values).all():
            raise ModelError(f"tensor {name} has entries that are not finite")
        return values


def _files(directory: Path) -> list[Path]:
    index = directory / _INDEX
    if not index.exists():
        return [directory / _SINGLE]
    try:
        files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise ModelError(f"{index} is not a valid index of a sharded checkpoint") from None
    if not all(isinstance(name, str) and _is_plain(name) for name in files):
        raise ModelError(f"{index} names files outside its own directory")
    return [directory / name for name in sorted(files)]


def _is_plain(name: str) -> bool:
    # A name with a folder in it could point outside the directory, and NUL is in no file's name.
    return Path(name).name == name and name not in ("", "..") and name.isprintable()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None
    except SafetensorError:
        raise ModelError(f"{path} is not a valid safetensors file") from None


def _decode(name: str, entry: dict[str, Any]) -> FloatArray:
    if entry["dtype"] == "BF16":
        halves = np.frombuffer(entry["data"], "<u2").astype(np.uint32)
        return (halves << np.uint32(16)).view(np.float32).astype(np.float64)
    kind = _TYPES.get(entry["dtype"])
    if kind is None:
        raise ModelError(f"tensor {name} has the unsupported type {entry['dtype']}")
    return np.frombuffer(entry["data"], kind).astype(np.float64)

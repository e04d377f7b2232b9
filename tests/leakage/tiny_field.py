"""The whole black box modulo a tiny prime: every place of the modulus, changed and restored.

The prime is a constant of several modules, in several forms, and once a default argument. A test
shows that no place is forgotten. Compiled kernels freeze their globals when they are compiled, so
the transfer kernels that work in the field are replaced by the Python functions they come from; no
kernel can be compiled, let alone cached, with a tiny modulus.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from cryptomoe import field
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.ot import transfers

KERNELS = ("_reduced", "_offer_in_field", "_accept_in_field")
_REAL = field.P
_ROOTS = ("cryptomoe.engines", "cryptomoe.field", "cryptomoe.ot", "cryptomoe.randomness")


def modules() -> list[ModuleType]:
    """Loaded modules of the engine, what it stands on, and the specification."""
    chosen = (*_ROOTS, "cryptomoe_spec")
    return [
        module
        for name, module in list(sys.modules.items())
        if any(name == root or name.startswith(root + ".") for root in chosen)
    ]


def forms(p: int) -> dict[int, int]:
    """The integers that stand for a modulus: itself, its quarter, half, and their neighbours."""
    derived = (lambda q: q), (lambda q: q // 4), (lambda q: q // 4 - 1), (lambda q: (q + 1) // 2)
    return {form(_REAL): form(p) for form in derived}


def constants(p: int) -> list[tuple[ModuleType, str, Any]]:
    """(module, name, its value modulo p) of every module constant that holds the modulus."""
    values = forms(p)
    found: list[tuple[ModuleType, str, Any]] = []
    for module in modules():
        for name, value in vars(module).items():
            if name == "P_BITS":
                found.append((module, name, p.bit_length()))
            elif isinstance(value, (int, np.integer)) and int(value) in values:
                found.append((module, name, type(value)(values[int(value)])))
    return found


@contextmanager
def tiny_field(p: int) -> Iterator[None]:
    """F_p for an odd prime p = 1 mod 4, |x| < p // 4, until the end of the block."""
    with ExitStack() as stack:
        for name in KERNELS:
            stack.enter_context(patch.object(transfers, name, getattr(transfers, name).py_func))
        for module, name, value in constants(p):
            stack.enter_context(patch.object(module, name, value))
        stack.enter_context(patch.object(TwoPartyEngine._shifted, "__defaults__", (p // 4,)))
        yield

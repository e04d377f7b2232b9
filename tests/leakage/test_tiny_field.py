"""The tiny field is complete: no place keeps the real modulus, and the engine computes in it."""

import inspect
from typing import Any

import numpy as np
import pytest
from black_box_cases import CASES, DIGIT_BITS, TINY
from hybrid_world import World, run_hybrid
from tapes import Tape
from tiny_field import KERNELS, constants, forms, modules, tiny_field

from cryptomoe import field
from cryptomoe.engines import two_party
from cryptomoe.ot import transfers
from cryptomoe.party import Party

pytestmark = pytest.mark.leakage


def places(values: set[int]) -> set[str]:
    """Module constants, class attributes and default arguments that are one of `values`."""

    def holds(thing: Any) -> bool:
        return isinstance(thing, (int, np.integer)) and int(thing) in values

    found = set()
    for module in modules():
        functions: list[tuple[str, Any]] = []
        for name, thing in vars(module).items():
            if holds(thing):
                found.add(f"{module.__name__}.{name}")
            if inspect.isfunction(thing):
                functions.append((name, thing))
            if inspect.isclass(thing) and thing.__module__ == module.__name__:
                functions += [(f"{name}.{key}", part) for key, part in vars(thing).items()]
        for name, thing in functions:
            defaults = [thing] if holds(thing) else []
            if inspect.isfunction(thing):
                defaults += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
            if any(holds(default) for default in defaults):
                found.add(f"{module.__name__}.{name}")
    return found


def test_no_place_keeps_the_real_modulus() -> None:
    real = set(forms(TINY))
    before = places(real)
    assert {
        "cryptomoe.field.P",
        "cryptomoe.field._P_UNSIGNED",
        "cryptomoe.engines.two_party._WRAPS_FROM",
        "cryptomoe.engines.two_party.TwoPartyEngine._shifted",
        "cryptomoe_spec.truncate.VALUE_LIMIT",
    } <= before
    with tiny_field(TINY):
        assert places(real) == set()
        assert field.P_BITS == two_party.fp.P_BITS == 5
    assert places(real) == before
    assert field.P_BITS == 45


def test_no_kernel_is_compiled_with_the_tiny_modulus() -> None:
    """What is compiled while the tiny field is on, and even cached on disk, must not hold it."""
    with tiny_field(TINY):
        for name in KERNELS:
            assert inspect.isfunction(getattr(transfers, name))
        compiled = {
            f"{module.__name__}.{name}": thing.py_func.__code__.co_names
            for module in modules()
            for name, thing in vars(module).items()
            if hasattr(thing, "py_func")
        }
        changed = {name for _, name, _ in constants(TINY)}
    assert compiled
    assert not [name for name, used in compiled.items() if changed & set(used)]


@pytest.mark.parametrize("name", CASES)
def test_the_engine_computes_in_the_tiny_field(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one tape, every input: the shares add up to the specification's function."""
    case = CASES[name]
    monkeypatch.setattr(two_party, "_DIGIT_BITS", DIGIT_BITS)
    with tiny_field(TINY):
        shares = [case.shares(party) for party in Party]
        tape = Tape(shares[0][0].shape[-1])
        tape.radices = {}
        drawn = np.random.default_rng(5)
        tape.draw = lambda _who, radix, count, _inner=1: (  # type: ignore[method-assign]
            drawn.integers(0, radix, count).astype(np.uint64)
        )
        world = World(tape, case.entries_first)
        results = run_hybrid(world, lambda e: case.run(e, shares[e.party]), case.truncation)
        opened = (results[Party.CLIENT].astype(np.uint64) + results[Party.SERVER]) % case.modulus
        own = shares[Party.CLIENT]
        expected = np.asarray(case.ideal(case.opened(), own, Party.CLIENT)).astype(np.int64)
    assert np.array_equal(opened.reshape(-1), np.mod(expected, case.modulus).reshape(-1))

"""Every communicating operation of the black box on extreme secrets of one party, at full size."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cryptomoe.engines.abb import Secret, SecretBits
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.field import VALUE_LIMIT
from cryptomoe.party import Party

COUNT = 2048
LIMIT = VALUE_LIMIT - 1

Inputs = Callable[[int], Secret]
Bits = Callable[[], SecretBits]
TABLES = np.arange(64, dtype=np.int64).reshape(2, 32) << 30


def _linear(engine: TwoPartyEngine, value: Inputs, _bits: Bits) -> Any:
    """The weights are the server's whoever the secret belongs to; the last row of x meets them."""
    x = engine.reshape(value(1 << 20), (4, COUNT // 32, 8))
    own = np.full((4, 8, 8), -3, np.int64) if engine.party is Party.SERVER else None
    return engine.linear(x, engine.weight(own, (4, 8, 8)))


def _matmul(engine: TwoPartyEngine, value: Inputs, _bits: Bits) -> Any:
    x = engine.reshape(value(1 << 20), (4, COUNT // 32, 8))
    return engine.matmul(x, engine.transpose(x, (0, 2, 1)))


OPERATIONS: dict[str, Callable[[TwoPartyEngine, Inputs, Bits], Any]] = {
    "truncate": lambda e, v, _: e.truncate(v(LIMIT), 13, exact=True),
    "approximate_truncate": lambda e, v, _: e.truncate(v(LIMIT), 13, exact=False),
    "negative": lambda e, v, _: e.negative(v(LIMIT)),
    "at_least": lambda e, v, _: e.at_least(v(1 << 16), [-5, 0, 1 << 15]),
    "less": lambda e, v, _: e.less(v(1 << 16), e.public(np.zeros(COUNT, np.int64))),
    "equal": lambda e, v, _: e.equal(v(1 << 16), e.public(np.zeros(COUNT, np.int64))),
    "logical_and": lambda e, _, b: e.logical_and(b(), b()),
    "to_arithmetic": lambda e, _, b: e.to_arithmetic(b()),
    "keep_if": lambda e, v, b: e.keep_if(b(), v(LIMIT)),
    "select": lambda e, v, b: e.select(b(), v(LIMIT), v(1 << 20)),
    "one_hot": lambda e, v, _: e.one_hot(v(255), 20),
    "lookup": lambda e, v, _: e.lookup(v(31), TABLES),
    "multiply": lambda e, v, _: e.multiply(v(1 << 20), v(1 << 20)),
    "square": lambda e, v, _: e.square(v(1 << 20)),
    "matmul": _matmul,
    "linear": _linear,
    "reveal": lambda e, v, _: e.reveal(e.multiply(v(1 << 20), v(1 << 20)), e.party.CLIENT),
}


def protocol(
    owner: Party, *, large: bool, names: tuple[str, ...] = tuple(OPERATIONS)
) -> Callable[[TwoPartyEngine], None]:
    """The operations on inputs of `owner`: all zero, or all as large as they may be.

    The other party's shares are all 1, so nothing but the protocol's own masks hides the inputs.
    """

    def run(engine: TwoPartyEngine) -> None:
        def value(bound: int) -> Secret:
            values = np.full(COUNT, bound * large - 1, np.int64)
            parts = [
                engine.input(party, mine if engine.party is party else None, values.shape, bound)
                for party, mine in ((owner, values), (owner.peer, np.ones_like(values)))
            ]
            return engine.declare(engine.add(*parts), bound)

        def bits() -> SecretBits:
            values = np.full(COUNT, not large)
            parts = [
                engine.input_bits(party, mine if engine.party is party else None, values.shape)
                for party, mine in ((owner, values), (owner.peer, np.ones_like(values)))
            ]
            return engine.logical_xor(*parts)

        for name in names:
            with engine.scope(name):
                OPERATIONS[name](engine, value, bits)

    return run

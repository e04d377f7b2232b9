"""Every communicating operation of the black box at p = 17: inputs, code, functionality, simulator.

An operand is given as all its pairs of shares; a case runs over the product of its operands'. Where
an operation draws only once for an entry, it is run on two copies of every entry, so that a mask
used for both can be told from two masks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cryptomoe_spec.abb as spec
import numpy as np
from cryptomoe_spec.truncate import approximate_truncate
from simulate_bits import (
    simulate_keep_if,
    simulate_logical_and,
    simulate_select,
    simulate_to_arithmetic,
)
from simulate_comparisons import (
    simulate_at_least,
    simulate_equal,
    simulate_less,
    simulate_negative,
)
from simulate_indices import simulate_lookup, simulate_one_hot
from simulate_products import (
    simulate_linear,
    simulate_matmul,
    simulate_multiply,
    simulate_square,
)
from simulate_truncation import simulate_approximate_truncate, simulate_truncate
from tapes import Words
from views import View

from cryptomoe import field as fp
from cryptomoe.engines.abb import Secret, SecretBits
from cryptomoe.engines.two_party import Truncation, TwoPartyEngine
from cryptomoe.party import Party

TINY = 17
LIMIT = TINY // 4
DIGIT_BITS = 1
"""Bits of a digit of `one_hot` while tapes are enumerated; 4 otherwise."""

Pairs = tuple[Words, Words]
Shares = tuple[Words, ...]


def split(values: Sequence[int], owns: Sequence[int] = range(TINY)) -> Pairs:
    """Signed values in shares: every value with each of the client's shares `owns`."""
    x, own = (part.reshape(-1) for part in np.meshgrid(values, owns, indexing="ij"))
    return own.astype(np.uint64), np.mod(x - own, TINY).astype(np.uint64)


BOUNDED = split(range(1 - LIMIT, LIMIT))
ANY = split(range(TINY))
FEW = split([-3, 0, 1, 8], [0, 9])
INDEX = split(range(4))
BITS: Pairs = (np.array([0, 0, 1, 1], np.uint64), np.array([0, 1, 0, 1], np.uint64))
WEIGHTS: Pairs = (np.zeros(TINY, np.uint64), np.arange(TINY, dtype=np.uint64))


@dataclass(frozen=True)
class Case:
    """One operation.

    Fields: `operands`, pairs of shares each, modulo 2 for the first `bits` of them; `run`, the
    engine on own shares (n,) to the data of its result (k * n entries, see `entries_first`);
    `ideal`, opened operands and the corrupted party's shares to results (k, n); `modulus` of the
    result's shares; `simulate`, from the party, its shares, its output (k, n) and draws.
    """

    operands: tuple[Pairs, ...]
    run: Callable[[TwoPartyEngine, Shares], Any]
    ideal: Callable[[Shares, Shares, Party], Any]
    simulate: Callable[..., View]
    modulus: int = TINY
    bits: int = 0
    copies: int = 1
    entries_first: tuple[str, ...] = ()
    truncation: Truncation = "exact"

    def shares(self, party: Party) -> Shares:
        """A party's shares of every input: arrays (copies, count), or (count,) for one copy."""
        sizes = [len(pair[0]) for pair in self.operands]
        grid = np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij")
        chosen = (
            pair[party][index.reshape(-1)] for pair, index in zip(self.operands, grid, strict=True)
        )
        if self.copies == 1:
            return tuple(chosen)
        return tuple(np.stack([share] * self.copies) for share in chosen)

    def opened(self) -> tuple[Any, ...]:
        """The operands' signed values, of every input."""
        pairs = zip(*(self.shares(party) for party in Party), strict=True)
        return tuple(
            (x ^ y).astype(np.int64) if index < self.bits else fp.to_signed(fp.add(x, y))
            for index, (x, y) in enumerate(pairs)
        )

    def thinned(self, most: int) -> "Case":
        """The same with at most `most` pairs of shares for an operand, spread over all."""
        chosen = [np.unique(np.linspace(0, len(x) - 1, most).astype(int)) for x, _ in self.operands]
        operands = tuple(
            (x[index], y[index]) for (x, y), index in zip(self.operands, chosen, strict=True)
        )
        return replace(self, operands=operands)


def value(share: Words, bound: int = LIMIT - 1) -> Secret:
    """A share as an operand."""
    return Secret(share, bound)


def bit(share: Words) -> SecretBits:
    """A share as an operand that is a bit."""
    return SecretBits(share.astype(np.uint8))


def ignoring_shares(function: Callable[..., Any]) -> Callable[[Shares, Shares, Party], Any]:
    """A functionality that does not look at the corrupted party's shares."""
    return lambda values, _shares, _party: function(*values)


def _on_matrices(engine: TwoPartyEngine, shares: Shares) -> Words:
    x, y, z, w = shares
    rows, columns = np.stack([x, y], 1)[:, np.newaxis, :], np.stack([z, w], 1)[:, :, np.newaxis]
    result: Words = engine.matmul(value(rows), value(columns)).data
    return result


def _on_weights(engine: TwoPartyEngine, shares: Shares) -> Words:
    x, w = (share.reshape(-1, 1, 1) for share in shares)
    own = fp.to_signed(w) if engine.party is Party.SERVER else None
    result: Words = engine.linear(value(x), engine.weight(own, w.shape)).data
    return result


def _of_share(values: Shares, shares: Shares, party: Party, bits: int) -> Any:
    shift = LIMIT >> bits << bits if party is Party.CLIENT else 0
    share = (shares[0].astype(np.int64) + shift) % TINY
    return approximate_truncate(values[0], bits, share)


TABLES = {2: np.array([[5, -3]]), 4: np.array([[-3, 7, 0, 2]])}
THRESHOLDS = [-3, 0, 2]


CASES: dict[str, Case] = {
    f"truncate {bits}": Case(
        (BOUNDED,),
        lambda e, s, bits=bits: e.truncate(value(s[0]), bits, exact=True).data,
        ignoring_shares(partial(spec.truncate, bits=bits)),
        partial(simulate_truncate, bits=bits),
    )
    for bits in (1, 2)
}
CASES |= {
    f"approximate_truncate {bits}": Case(
        (BOUNDED,),
        lambda e, s, bits=bits: e.truncate(value(s[0]), bits).data,
        partial(_of_share, bits=bits),
        partial(simulate_approximate_truncate, bits=bits),
        copies=2,
        truncation="approximate",
    )
    for bits in (1, 2)
}
CASES |= {
    "negative": Case(
        (BOUNDED,),
        lambda e, s: e.negative(value(s[0])).data,
        ignoring_shares(spec.negative),
        partial(simulate_negative, bound=LIMIT - 1),
        modulus=2,
    ),
    "at_least": Case(
        (BOUNDED,),
        lambda e, s: e.at_least(value(s[0]), THRESHOLDS).data,
        ignoring_shares(partial(spec.at_least, thresholds=THRESHOLDS)),
        partial(simulate_at_least, bound=LIMIT - 1, thresholds=THRESHOLDS),
        modulus=2,
    ),
    "less": Case(
        (split([-1, 0, 1]), split([-1, 0, 2], [0, 3, 9, 16])),
        lambda e, s: e.less(value(s[0], 1), value(s[1], 2)).data,
        ignoring_shares(spec.less),
        partial(simulate_less, bound=3),
        modulus=2,
    ),
    "equal": Case(
        (split([-1, 0, 1]), split([-1, 0, 2], [0, 3, 9, 16])),
        lambda e, s: e.equal(value(s[0], 1), value(s[1], 2)).data,
        ignoring_shares(spec.equal),
        partial(simulate_equal, bound=3),
        modulus=2,
    ),
    "logical_and": Case(
        (BITS, BITS),
        lambda e, s: e.logical_and(bit(s[0]), bit(s[1])).data,
        ignoring_shares(spec.logical_and),
        simulate_logical_and,
        modulus=2,
        bits=2,
        copies=2,
    ),
    "to_arithmetic": Case(
        (BITS,),
        lambda e, s: e.to_arithmetic(bit(s[0])).data,
        ignoring_shares(spec.to_arithmetic),
        simulate_to_arithmetic,
        bits=1,
        copies=2,
    ),
    "keep_if": Case(
        (BITS, ANY),
        lambda e, s: e.keep_if(bit(s[0]), value(s[1])).data,
        ignoring_shares(lambda b, x: spec.keep_if(b == 1, x)),
        simulate_keep_if,
        bits=1,
        copies=2,
    ),
    "select": Case(
        (BITS, split(range(TINY), [0, 4, 16]), FEW),
        lambda e, s: e.select(bit(s[0]), value(s[1]), value(s[2])).data,
        ignoring_shares(lambda b, x, y: spec.select(b == 1, x, y)),
        simulate_select,
        bits=1,
        copies=2,
    ),
    "multiply": Case(
        (split(range(TINY), [0, 1, 5, 9, 16]), FEW),
        lambda e, s: e.multiply(value(s[0]), value(s[1])).data,
        ignoring_shares(lambda x, y: x * y),
        simulate_multiply,
        copies=2,
    ),
    "square": Case(
        (ANY,),
        lambda e, s: e.square(value(s[0])).data,
        ignoring_shares(lambda x: x * x),
        simulate_square,
        copies=2,
    ),
    "matmul": Case(
        (split([0, 5, 16], [0, 9]), FEW, split([1, 8], [0, 4]), FEW),
        _on_matrices,
        ignoring_shares(lambda x, y, z, w: x * z + y * w),
        lambda party, x, y, z, w, output, draws: simulate_matmul(
            party, np.stack([x, y]), np.stack([z, w]), output, draws
        ),
    ),
    "linear": Case(
        (split(range(TINY), [0, 7, 16]), WEIGHTS),
        _on_weights,
        ignoring_shares(lambda x, w: x * w),
        lambda party, x, _w, output, draws: simulate_linear(party, x, output, draws),
        copies=2,
    ),
}
CASES |= {
    f"one_hot {size}": Case(
        (INDEX,),
        lambda e, s, size=size: e.one_hot(value(s[0]), size).data.T,
        ignoring_shares(lambda x, size=size: spec.one_hot(x, size).T),
        partial(simulate_one_hot, digit_bits=DIGIT_BITS),
        modulus=2,
        entries_first=("one_hot/and/and_bits",),
    )
    for size in (1, 3, 4)
}
CASES |= {
    f"lookup {size}": Case(
        (split(range(size)),),
        lambda e, s, table=table: e.lookup(value(s[0]), table).data,
        ignoring_shares(lambda x, table=table: spec.lookup(x, table)),
        partial(simulate_lookup, bits=size.bit_length() - 1),
    )
    for size, table in TABLES.items()
}

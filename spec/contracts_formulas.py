"""Formulas of rounds and bytes, by running the message specification on symbols.

Sizes become symbols, and the layouts of matrix products become functions of them. Where a public
fact decides how many messages there are, or how wide a comparison is, the run follows one value of
that fact and notes when it holds; a formula is then one case for each combination of facts that
occurs. Combinations are found by trying small numbers first.

A protocol inside another is summed up by its own formulas. Bytes add up always. Rounds add up
because a part's rounds depend on what precedes it only by its spread: how much deeper the client
has consumed than the server. The spread that a part ends with must be the same in all its cases.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import signature, unwrap
from itertools import product
from typing import Any

from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import CLIENT, SERVER, HeSizes, Layout, Message, Setting, Wire
from sympy import Add, And, Eq, Function, Integer, Or, Piecewise, Symbol, nan, sympify, true

REQUESTS, ANSWERS = Function("requests"), Function("answers")
"""Ciphertexts each way of the layout for (batch, rows, d1, d2)."""
HE = HeSizes(
    *(
        Symbol(name, integer=True, positive=True)
        for name in ("ciphertext_slots", "request_bytes", "answer_bytes", "public_key_bytes",
                     "galois_key_bytes")
    )
)  # fmt: skip
EXACT = Symbol("exact", integer=True, nonnegative=True)
"""1 where the session truncates exactly, 0 where it does so approximately."""
STEP, STEPS = Symbol("step", integer=True, positive=True), Function("sum_over_steps")
"""(formula, step, first, last): the sum of the formula over all steps. (sympy's own Sum would
multiply out the cases inside.)"""


def symbol(name: str) -> Symbol:
    """The symbol of a public size, at least 1; flags are 0 or 1."""
    if name in FLAGS:
        return Symbol(name, integer=True, nonnegative=True)
    return Symbol(name, integer=True, positive=True)


FLAGS = ("padded", "private", "whole")


@dataclass(frozen=True)
class Sent:
    """What one combination of facts comes to: when it holds, and the costs."""

    conditions: tuple[Any, ...]
    client_bytes: Size
    server_bytes: Size
    rounds: Size
    spread: int


@dataclass(frozen=True)
class Formulas:
    """Rounds, and bytes of each party, in symbols; `spread` is None where it differs by case."""

    rounds: Size
    client_bytes: Size
    server_bytes: Size
    spread: int | None


Sender = Callable[..., None]

_COUNTS = (1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 64, 65, 128, 129, 255, 256)
_BOUNDS = tuple((1 << bits) - 1 for bits in range(1, 44))
_WIDTHS = tuple(16 * 4**shift for shift in range(7))
_ROW_SIZES = (2, 256)
_VOCABULARIES = tuple(
    size
    for levels in range(4, 11)
    for size in (
        *(4 ** (levels - 1) + 4**level for level in range(levels - 1)),
        2 * 4 ** (levels - 1),
        4**levels,
    )
)
_FLAG = (0, 1)
TRIED: dict[str, dict[str, tuple[int, ...]]] = {
    "argmax": {"size": _VOCABULARIES},
    "at_least": {"bound": (1, *_BOUNDS), "greatest": (1,)},
    "attention": {"heads": (1,), "head_dim": _WIDTHS, "positions": _ROW_SIZES},
    "balanced_selection": {"tokens": (1, 2)},
    "equal": {"x_bound": _BOUNDS, "y_bound": (1,)},
    "gate": {"experts": _COUNTS, "top_k": _COUNTS, "padded": _FLAG},
    "less": {"x_bound": _BOUNDS, "y_bound": (1,)},
    "lookup": {"size": (2, 4, 8, 16, 32)},
    "maximum": {"size": _VOCABULARIES},
    "negative": {"bound": _BOUNDS},
    "ranks": {"size": (1, 2)},
    "rmsnorm": {"width": _WIDTHS},
    "softmax": {"size": _ROW_SIZES, "out_bits": (13, 20)},
    "token": {"vocabulary": _VOCABULARIES},
    "topk": {"size": _COUNTS, "top_k": _COUNTS},
    "formula_of_transformer": {"private": _FLAG, "whole": _FLAG},
    "truncate": {"bits": tuple(range(1, 28))},
}
"""For a sender, values of those sizes on which its facts depend; together they make all facts."""


class FormulaWire(Wire):
    """A wire on symbols. `facts` are the public ones to follow; None finds and collects them."""

    def __init__(self, *, exact: bool, facts: Sequence[int] | None, spread: int = 0) -> None:
        super().__init__(Setting(HE if facts is not None else _ONES, _layout, exact))
        self._finding = facts is None
        self._given: Iterator[int] = iter(facts or ())
        self.facts: list[int] = []
        self.conditions: list[Any] = []
        self._sent_by: tuple[list[Size], list[Size]] = ([], [])
        self._rounds: Size = Integer(0)
        self._inside = False
        self._start(spread)

    def _start(self, spread: int) -> None:
        self._consumed = [min(spread, 0), min(-spread, 0)]
        self._phase = "online"

    @property
    def spread(self) -> int:
        """How much deeper the client has consumed than the server."""
        return self._consumed[CLIENT] - self._consumed[SERVER]

    @property
    def bytes(self) -> tuple[Size, Size]:
        """What the client has sent, and the server."""
        return Add(*self._sent_by[CLIENT]), Add(*self._sent_by[SERVER])

    @property
    def rounds(self) -> Size:
        """Depth since the start. All that is sent is consumed, so it is what either has reached."""
        return self._rounds + max(self._consumed)

    def settle(self, find: Callable[[], int], conditions: Callable[[int], Iterable[Any]]) -> int:
        """The next given fact, with its conditions; or the fact itself, which is kept."""
        if self._finding:
            self.facts.append(find())
            return self.facts[-1]
        fact = next(self._given)
        for condition in conditions(fact):
            if condition not in (*self.conditions, True, true):
                self.conditions.append(condition)
        return fact

    def enter(self, function: Sender, sizes: Sequence[Size]) -> None:
        """Carry out the outermost part, and sum up those inside."""
        if not self._inside:
            self._inside = True
            function(self, *sizes)
        elif not self._finding:
            self.add(function, sizes, 1)

    def add(self, function: Sender, sizes: Sequence[Size], times: Size) -> None:
        """A part `times` over; more than once only where it ends with the spread it begins with."""
        if self._finding:
            return
        function = unwrap(function)
        part = _formulas_at(
            function, tuple(map(sympify, sizes)), exact=self.setting.exact, spread=self.spread
        )
        if part.spread is None or (times != 1 and part.spread != self.spread):
            raise ValueError(f"{function.__name__}: its rounds do not add up")
        self._advance(
            times * part.client_bytes,
            times * part.server_bytes,
            times * part.rounds,
            part.spread,
        )

    def steps(self, body: Callable[["FormulaWire", Size], None], first: Size, last: Size) -> None:
        """`body` for every step from `first` to `last`, which may be none."""
        if self._finding:
            body(self, first)
            return
        inner = FormulaWire(exact=self.setting.exact, facts=(), spread=self.spread)
        inner._given, inner._inside = self._given, True
        body(inner, STEP)
        if inner.spread != self.spread:
            raise ValueError("the rounds of repeated steps do not add up")
        self.conditions += [c for c in inner.conditions if c not in self.conditions]
        client, server, rounds = (
            STEPS(cost, STEP, first, last) for cost in (*inner.bytes, inner.rounds)
        )
        self._advance(client, server, rounds, self.spread)

    def _advance(self, client: Size, server: Size, rounds: Size, spread: int) -> None:
        self._sent_by[CLIENT].append(client)
        self._sent_by[SERVER].append(server)
        self._rounds = self.rounds + rounds
        self._start(spread)

    def _record(self, message: Message) -> None:
        if not self._finding:
            self._sent_by[message.sender].append(message.size)


def names_of(function: Sender) -> list[str]:
    """The names of a sender's sizes."""
    return [name for name in signature(function).parameters if name not in {"wire", "exact"}]


@cache
def formulas_of(function: Sender, *, exact: bool, spread: int = 0) -> Formulas:
    """The formulas of a sender in one mode, beginning at a spread."""
    cases = cases_of(function, exact=exact, spread=spread)
    spreads = {case.spread for case in cases}
    return Formulas(
        rounds=one_of((case.conditions, case.rounds) for case in cases),
        client_bytes=one_of((case.conditions, case.client_bytes) for case in cases),
        server_bytes=one_of((case.conditions, case.server_bytes) for case in cases),
        spread=spreads.pop() if len(spreads) == 1 else None,
    )


@cache
def _formulas_at(
    function: Sender, sizes: tuple[Size, ...], *, exact: bool, spread: int
) -> Formulas:
    """The formulas with sizes in place of the symbols."""
    formulas = formulas_of(function, exact=exact, spread=spread)
    substitution = dict(zip(map(symbol, names_of(function)), sizes, strict=True))
    rounds, client, server = (
        formula.xreplace(substitution)
        for formula in (formulas.rounds, formulas.client_bytes, formulas.server_bytes)
    )
    return Formulas(rounds, client, server, formulas.spread)


def cases_of(function: Sender, *, exact: bool, spread: int = 0) -> tuple[Sent, ...]:
    """What a sender sends, one entry a combination of facts that the tried sizes make."""
    function = unwrap(function)
    names = names_of(function)
    tried = TRIED.get(function.__name__.lstrip("_"), {})
    found: dict[tuple[int, ...], None] = {}
    for values in product(*(tried.get(name, (2,)) for name in names)):
        sizes = dict(zip(names, values, strict=True))
        if sizes.get("top_k", 0) > sizes.get("experts", sizes.get("size", 0)) > 0:
            continue
        finder = FormulaWire(exact=exact, facts=None)
        finder.enter(function, values)
        found[tuple(finder.facts)] = None
    cases = []
    for facts in found:
        wire = FormulaWire(exact=exact, facts=facts, spread=spread)
        wire.enter(function, [symbol(name) for name in names])
        cases.append(Sent(tuple(wire.conditions), *wire.bytes, wire.rounds, wire.spread))
    return tuple(cases)


_ONES = HeSizes(1, 1, 1, 1, 1)


def _layout(batch: Size, rows: Size, d1: Size, d2: Size) -> Layout:
    """The layout as a function of its sizes. Its rotations are counted apart."""
    sizes = (batch, rows, d1, d2)
    return Layout(REQUESTS(*sizes), ANSWERS(*sizes), ())


class Cases(Piecewise):  # type: ignore[misc]  # sympy has no types
    """One formula of several, each with its condition; nothing is simplified but true and false.

    Where no condition holds, the sizes are outside the contract, and the value is undefined.
    """

    def __new__(cls, *args: Any, **options: Any) -> Any:
        """As Piecewise, never evaluated: sympy would take minutes over it."""
        cases = super().__new__(cls, *args, **{**options, "evaluate": False})
        return nan if isinstance(cases, cls) and not cases.args else cases


def one_of(cases: Iterable[tuple[tuple[Any, ...], Size]]) -> Size:
    """One formula of several cases, those with equal formulas joined."""
    joined: dict[Size, list[Any]] = {}
    for conditions, formula in cases:
        joined.setdefault(formula, []).append(And(*conditions))
    ((formula, holding), *others) = joined.items()
    # A single formula that holds under a condition keeps it: other sizes are not covered.
    if not others and true in holding:
        return formula
    return Cases(*((formula, Or(*conditions)) for formula, conditions in joined.items()))


def of_both_modes(by_mode: Mapping[bool, Size]) -> Size:
    """The formula of a session in either mode, by the symbol `exact`."""
    if by_mode[True] == by_mode[False]:
        return by_mode[True]
    return Cases((by_mode[True], Eq(EXACT, 1)), (by_mode[False], Eq(EXACT, 0)))

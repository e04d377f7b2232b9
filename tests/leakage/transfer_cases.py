"""What the endpoint makes of random transfers: inputs, code, functionality, simulator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from hybrid_world import World
from random_transfers import Pads, run_transfers
from simulate_transfers import (
    simulate_correlate,
    simulate_correlate_one_way,
    simulate_digit,
    simulate_join,
    simulate_one_of_many,
    simulate_tree,
)
from tapes import Draw, Tape, Words
from views import View

from cryptomoe.ot.endpoint import OtEndpoint
from cryptomoe.party import Party

Inputs = tuple[Words, ...]


def every(*ranges: Sequence[int]) -> Inputs:
    """All combinations of integers, an array (n,) for each range."""
    rows = np.array(list(product(*ranges)), np.uint64)
    return tuple(rows.T)


@dataclass(frozen=True)
class TransferCase:
    """One method of the endpoint.

    Fields: `inputs` of both parties together, the first `client_inputs` of them the client's;
    `run`, the endpoint on own inputs; `ideal`, all inputs to results (n,); `modulus` of the shares
    of the result, or None where the receiver alone gets it; `simulate`, from the party, its inputs,
    its output (n,) and draws; `pads` by sender; message `widths`; `place`, the entry of a table
    that is looked at.
    """

    inputs: Inputs
    client_inputs: int
    run: Callable[[OtEndpoint, Inputs], Any]
    ideal: Callable[..., Any]
    simulate: Callable[[Party, Inputs, Any, Any], View]
    pads: Mapping[Party, Sequence[Pads]]
    widths: Mapping[str, int]
    modulus: int | None
    exclusive_or: bool = False
    receiver: Party = Party.CLIENT
    entries_first: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    constants: Mapping[str, int] = field(default_factory=dict)

    def thinned(self, most: int) -> "TransferCase":
        """The same with at most `most` inputs, spread over all."""
        index = np.unique(np.linspace(0, self.inputs[0].size - 1, most).astype(int))
        return replace(self, inputs=tuple(column[index] for column in self.inputs))

    def of(self, party: Party, inputs: Inputs) -> Inputs:
        """A party's part of the inputs."""
        own = slice(0, self.client_inputs), slice(self.client_inputs, None)
        return inputs[own[party]]

    def play(
        self, tape: Tape, inputs: Inputs
    ) -> tuple[dict[Party, dict[str, Words]], dict[Party, Any]]:
        """Both views and both results of the real code."""
        world = World(tape, self.entries_first)
        results = run_transfers(
            world,
            dict(self.pads),
            dict(self.widths),
            lambda endpoint: self.run(endpoint, self.of(endpoint._party, inputs)),
        )
        outcomes = "compare/outcomes"
        if self.places and outcomes in world.views[Party.SERVER]:
            table = world.views[Party.SERVER][outcomes]
            bits = [
                (table >> np.uint64(at) & np.uint64(1)) << np.uint64(i)
                for i, at in enumerate(self.places)
            ]
            world.views[Party.SERVER][outcomes] = np.bitwise_or.reduce(bits)
        return world.views, results


def _one_way(sender: Party, modulus: int, radix: int) -> TransferCase:
    values, bits = range(modulus), range(2)
    client_sends = sender is Party.CLIENT

    def run(endpoint: OtEndpoint, own: Inputs) -> Words:
        payload: Any = own[0] if endpoint._party is sender else own[0].astype(np.uint8)
        return endpoint.correlate_one_way(sender, payload, modulus)

    return TransferCase(
        every(values, bits) if client_sends else every(bits, values),
        1,
        run,
        lambda x, y: x * y,
        lambda party, own, output, draws: simulate_correlate_one_way(
            party, own[0], output, draws, sender=sender, modulus=modulus
        ),
        {sender: [Pads(radix)]},
        {"corrections": (modulus - 1).bit_length()},
        modulus,
    )


def _one_of_many(sender: Party, choice_bits: int, width: int, messages: Any) -> TransferCase:
    size = 1 << choice_bits
    both = [*messages, range(size)] if sender is Party.CLIENT else [range(size), *messages]

    def run(endpoint: OtEndpoint, own: Inputs) -> Any:
        payload: Any = own[0].astype(np.uint8)
        if endpoint._party is sender:
            payload = np.stack(own, axis=1)
        return endpoint.one_of_many(sender, payload, choice_bits, width)

    def ideal(*inputs: Words) -> Any:
        table, choices = inputs[:-1], inputs[-1]
        if sender is Party.SERVER:
            table, choices = inputs[1:], inputs[0]
        return np.choose(choices.astype(int), table)

    places = [8 * entry + bit for entry in range(size) for bit in range(width)]
    return TransferCase(
        every(*both),
        size if sender is Party.CLIENT else 1,
        run,
        ideal,
        lambda party, own, output, draws: simulate_one_of_many(
            party, own, output, draws, sender=sender, choice_bits=choice_bits, width=width
        ),
        {sender: [Pads(1 << (width << choice_bits), choice_bits, places)]},
        {"table": width},
        None,
        receiver=sender.peer,
        entries_first=("table",),
    )


def _outcome(x: Words, y: Words) -> Any:
    return (x < y).astype(np.uint64) | (x == y).astype(np.uint64) << np.uint64(1)


def _compared(endpoint: OtEndpoint, own: Inputs, bits: int) -> Words:
    less, equal = endpoint.less_than_and_equal(own[0], bits)
    return less.astype(np.uint64) | equal.astype(np.uint64) << np.uint64(1)


def _digit(
    width: int, place: int | None, digit_bits: int, values: tuple[Any, Any] | None = None
) -> TransferCase:
    size = 1 << width
    kept = range(size) if place is None else [place]
    places = tuple(part * size + entry for part in range(2) for entry in kept)
    return TransferCase(
        every(*(values or (range(size), range(size)))),
        1,
        partial(_compared, bits=width),
        _outcome,
        lambda party, own, output, draws: simulate_digit(
            party, own[0], output, draws, width=width, place=place
        ),
        {Party.CLIENT: [Pads(1 << len(places), width, places)]},
        {"outcomes": 2 << width},
        4,
        exclusive_or=True,
        places=places,
        constants={"DIGIT_BITS": digit_bits},
    )


def join_case(digit_bits: int, values: Sequence[int]) -> TransferCase:
    """Two digits joined, whose outcomes are shared by an ideal functionality."""
    return TransferCase(
        every(values, values),
        1,
        partial(_compared, bits=2 * digit_bits),
        _outcome,
        lambda party, _own, output, draws: simulate_join(party, output, draws),
        {party: [Pads(4)] for party in Party},
        {"join": 3},
        4,
        exclusive_or=True,
        constants={"DIGIT_BITS": digit_bits},
    )


def _of_outcomes(x: Words, y: Words) -> Any:
    """What shares of three digits' outcomes say together: the highest that differs decides."""
    digits = [(x ^ y) >> np.uint64(2 * i) & np.uint64(3) for i in range(3)]
    result = digits[0]
    for higher in digits[1:]:
        result = np.where(higher == 2, result, higher & np.uint64(1))
    return result


def _tree() -> TransferCase:
    """Three digits' outcomes given in shares, joined on two levels with ideal random products."""
    given = [0, 0b100100, 0b011011, 0b111001]
    outcomes = [0b101010, 0b100110, 0b010010, 0b001000]
    pairs = np.array([(x, x ^ z) for x in given for z in outcomes], np.uint64)

    def shares(own: Words) -> Words:
        return np.stack([own >> np.uint64(2 * i) & np.uint64(3) for i in range(3)])

    def run(endpoint: OtEndpoint, own: Inputs) -> Words:
        vars(endpoint)["given"] = shares(own[0]).astype(np.uint8)
        return _compared(endpoint, own, 3)

    return TransferCase(
        tuple(pairs.T),
        1,
        run,
        _of_outcomes,
        lambda party, own, output, draws: simulate_tree(party, shares(own[0]), output, draws),
        {},
        {"join": 3},
        4,
        exclusive_or=True,
        constants={"DIGIT_BITS": 1},
    )


CASES: dict[str, TransferCase] = {
    "correlate one way, client sends, modulo 8": _one_way(Party.CLIENT, 8, 8),
    "correlate one way, server sends, modulo 2": _one_way(Party.SERVER, 2, 2),
    "correlate one way, client sends, modulo p": _one_way(Party.CLIENT, 17, 17),
    "correlate both ways, modulo 4": TransferCase(
        every(range(4), range(2), range(4), range(2)),
        2,
        lambda endpoint, own: endpoint.correlate(own[0], own[1].astype(np.uint8), 4),
        lambda v, c, w, d: v * d + w * c,
        lambda party, own, output, draws: simulate_correlate(
            party, own[0], own[1], output, draws, modulus=4
        ),
        {party: [Pads(4)] for party in Party},
        {"corrections": 2},
        4,
    ),
    "one of 2, 2 bits, client sends": _one_of_many(Party.CLIENT, 1, 2, [range(4), range(4)]),
    "one of 4, 1 bit, server sends": _one_of_many(Party.SERVER, 2, 1, [range(2), [0], [1], [1]]),
    "digit of 1 bit": _digit(1, None, 1),
    "digit of 2 bits, entry 2": _digit(2, 2, 2),
    "digit of 4 bits, entry 9": _digit(4, 9, 4, ([3, 9], [9, 12])),
    "join of digits of 1 bit": join_case(1, range(4)),
    "tree of 3 digits": _tree(),
    "join of digits of 4 bits": join_case(4, [0x00, 0x37, 0x3A, 0xFF]),
}


def ideal_shares(case: TransferCase, tape: Tape, result: Words) -> tuple[Words, Words]:
    """A uniform share and the other one, of results (n,)."""
    modulus = case.modulus
    if modulus is None:
        raise ValueError("the result is not shared")
    share = tape.draw("output", modulus, result.size)
    if case.exclusive_or:
        return share, share ^ result
    return share, (result + np.uint64(modulus) - share) % np.uint64(modulus)


def draws_of(case: TransferCase) -> dict[Draw, int]:
    """What one entry of the real code draws."""
    tape = Tape()
    case.play(tape, tuple(column[:1] for column in case.inputs))
    return tape.found

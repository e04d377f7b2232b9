"""X W on shares of X: W in plaintext at the answering party, by homomorphic encryption.

The key owner encrypts its share of X; the answering party adds its own share to the ciphertexts,
multiplies by its W, masks, and answers. Both then hold additive shares of X W. W may be the
server's weights (encoded once, kept) or the answering party's share of a secret matrix (encoded on
the fly). Sending the request and taking the answer are separate steps, so that the requests of
several products can travel together.
"""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from cryptomoe import field as fp
from cryptomoe.field import FieldArray
from cryptomoe.he.backend import AnsweringParty, KeyOwner
from cryptomoe.he.flood import noise_deviation
from cryptomoe.he.layouts.lanes import LanesPlan
from cryptomoe.net.channel import Channel

_PORTION = 512
"""Plaintexts encoded before they are used, about 100 MB of them."""


@dataclass
class PlaintextCache:
    """Encoded plaintexts that are worth keeping, up to `budget` bytes in all."""

    budget: int
    used: int = 0

    def reserve(self, size: int) -> bool:
        """Whether `size` bytes of plaintexts may be kept; if so they are accounted for."""
        if self.used + size > self.budget:
            return False
        self.used += size
        return True


@dataclass(frozen=True)
class _Portion:
    """Plaintexts that are used together: outputs and giant steps of one chunk."""

    chunk: int
    outputs: range
    giants: range


@dataclass
class EncodedWeights:
    """One W (batch, d1, d2) as residues, and those of its plaintexts that were kept in `cache`."""

    values: FieldArray
    cache: PlaintextCache
    kept: dict[tuple[LanesPlan, _Portion], Any] = field(default_factory=dict)


class KeyRing:
    """Sends the Galois keys a plan needs the first time it needs them, as set-up."""

    def __init__(
        self, channel: Channel, owner: KeyOwner | None, server: AnsweringParty | None
    ) -> None:
        self._channel = channel
        self._owner = owner
        self._server = server
        self._known: set[int] = set()

    def require(self, steps: tuple[int, ...]) -> None:
        """Both parties call this with the same steps before a request."""
        for step in steps:
            if step in self._known:
                continue
            self._known.add(step)
            with self._channel.scope("setup"):
                name = f"galois_key/{step}"
                if self._owner is not None:
                    self._channel.send(name, self._owner.galois_key(step))
                if self._server is not None:
                    size = self._server.sizes.galois_key_bytes
                    message = self._channel.receive(name, size)
                    self._server.set_galois_key(self._channel.label(name), step, message)


def request_linear(channel: Channel, owner: KeyOwner, plan: LanesPlan, x: FieldArray) -> None:
    """Key owner: send the encryption of its share of X (batch, rows, d1)."""
    channel.send("request", owner.encrypt(plan.pack(x)))


def finish_linear(channel: Channel, owner: KeyOwner, plan: LanesPlan) -> FieldArray:
    """Key owner: take the answer; its share of X W (batch, rows, d2)."""
    message = channel.receive("answer", plan.answers * owner.sizes.answer_bytes)
    return plan.unpack(owner.decrypt(channel.label("answer"), message, plan.answers))


def receive_linear(channel: Channel, server: AnsweringParty, plan: LanesPlan) -> Any:
    """Answering party: take the request of `request_linear`; its ciphertexts."""
    message = channel.receive("request", plan.requests * server.sizes.request_bytes)
    return server.load(channel.label("request"), message, plan.requests)


def answer_linear(
    channel: Channel,
    server: AnsweringParty,
    plan: LanesPlan,
    ciphertexts: Any,
    x: FieldArray,
    weights: EncodedWeights,
) -> FieldArray:
    """Answering party: multiply, send the answer; its share of X W (batch, rows, d2)."""
    server.add_slots(ciphertexts, plan.pack(x))
    source = _PlaintextSource(server, plan, weights)
    deviation = noise_deviation(
        server.parameters, plan.products_per_answer, plan.babies - 1, plan.giants - 1
    )
    inputs = plan.row_groups * plan.input_loop
    parts, masks = [], []
    for chunk in range(plan.chunks):
        own = ciphertexts[chunk * inputs : (chunk + 1) * inputs]
        panel = server.turned(own, plan.baby_step, plan.babies, plan.row_groups)
        for outputs in _portions(plan.output_loop, plan.giants * plan.input_loop * plan.babies):
            total = None
            # Horner's rule begins with the last giant step.
            for giants in reversed(_portions(plan.giants, plan.input_loop * plan.babies)):
                plaintexts = source.get(_Portion(chunk, outputs, giants))
                sums = server.sums_of_products(panel, plaintexts)
                total = server.collected(sums, len(giants), plan.row_groups, plan.giant_step, total)
            part, mask = server.answer(total, deviation)
            parts.append(part)
            masks.append(mask)
    channel.send("answer", b"".join(parts))
    return fp.negate(plan.unpack(np.concatenate(masks)))


def _portions(count: int, plaintexts: int) -> list[range]:
    """range(count) in pieces of about `_PORTION` plaintexts, `plaintexts` for each."""
    size = max(1, _PORTION // plaintexts)
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


class _PlaintextSource:
    """Plaintexts of one W in one plan, encoded when asked for, and kept where there is room."""

    def __init__(self, server: AnsweringParty, plan: LanesPlan, weights: EncodedWeights) -> None:
        self._server = server
        self._plan = plan
        self._weights = weights
        self._padded = plan.pad_weights(weights.values)

    def get(self, portion: _Portion) -> Any:
        """In the order (output, giant, input block, baby)."""
        kept = self._weights.kept
        key = (self._plan, portion)
        if key in kept:
            return kept[key]
        plan = self._plan
        terms = plan.input_loop * plan.babies
        places = np.array(
            list(
                product(portion.outputs, portion.giants, range(plan.input_loop), range(plan.babies))
            )
        )[:, [2, 0, 1, 3]]

        def slots(start: int, stop: int) -> FieldArray:
            return plan.many_weight_slots(self._padded, portion.chunk, places[start:stop])

        lasting = self._weights.cache.reserve(len(places) * self._server.plaintext_bytes)
        plaintexts = self._server.encode(slots, len(places) // terms, terms, lasting=lasting)
        if lasting:
            kept[key] = plaintexts
        return plaintexts

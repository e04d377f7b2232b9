"""X W on shares of X: W in plaintext at the answering party, by homomorphic encryption.

The key owner encrypts its share of X; the answering party adds its own share to the ciphertexts,
multiplies by its W, masks, and answers. Both then hold additive shares of X W. W may be the
server's weights (encoded once, kept) or the answering party's share of a secret matrix (encoded on
the fly). Sending the request and taking the answer are separate steps, so that the requests of
several products can travel together.
"""

from dataclasses import dataclass, field

from cryptomoe import field as fp
from cryptomoe.field import FieldArray
from cryptomoe.he.flood import noise_deviation
from cryptomoe.he.layouts.lanes import LanesPlan
from cryptomoe.he.seal_backend import AnsweringParty, Ciphertext, KeyOwner, Plaintext
from cryptomoe.net.channel import Channel

PLAINTEXT_BYTES = 400_000
"""Memory of one encoded plaintext, about: N residues of 64 bits for each data prime."""

_Key = tuple[LanesPlan, int, int, int, int, int]


@dataclass
class PlaintextCache:
    """Encoded plaintexts that are worth keeping, up to `budget` bytes in all."""

    budget: int
    used: int = 0

    def reserve(self) -> bool:
        """Whether one more plaintext may be kept; if so it is accounted for."""
        if self.used + PLAINTEXT_BYTES > self.budget:
            return False
        self.used += PLAINTEXT_BYTES
        return True


@dataclass
class EncodedWeights:
    """One W (batch, d1, d2) as residues, and those of its plaintexts that were kept in `cache`."""

    values: FieldArray
    cache: PlaintextCache
    kept: dict[_Key, Plaintext] = field(default_factory=dict)


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
                    size = self._server.parameters.galois_key_bytes
                    message = self._channel.receive(name, size)
                    self._server.set_galois_key(self._channel.label(name), step, message)


def request_linear(channel: Channel, owner: KeyOwner, plan: LanesPlan, x: FieldArray) -> None:
    """Key owner: send the encryption of its share of X (batch, rows, d1)."""
    channel.send("request", owner.encrypt(plan.pack(x)))


def finish_linear(channel: Channel, owner: KeyOwner, plan: LanesPlan) -> FieldArray:
    """Key owner: take the answer; its share of X W (batch, rows, d2)."""
    message = channel.receive("answer", plan.answers * owner.parameters.answer_bytes)
    return plan.unpack(owner.decrypt(channel.label("answer"), message, plan.answers))


def receive_linear(channel: Channel, server: AnsweringParty, plan: LanesPlan) -> list[Ciphertext]:
    """Answering party: take the request of `request_linear`."""
    message = channel.receive("request", plan.requests * server.parameters.request_bytes)
    return server.load(channel.label("request"), message, plan.requests)


def answer_linear(
    channel: Channel,
    server: AnsweringParty,
    plan: LanesPlan,
    ciphertexts: list[Ciphertext],
    x: FieldArray,
    weights: EncodedWeights,
) -> FieldArray:
    """Answering party: multiply, send the answer; its share of X W (batch, rows, d2)."""
    for ciphertext, slots in zip(ciphertexts, plan.pack(x), strict=True):
        server.add_slots(ciphertext, slots)
    source = _PlaintextSource(server, plan, weights)
    answers = []
    for chunk in range(plan.chunks):
        for group in range(plan.row_groups):
            start = (chunk * plan.row_groups + group) * plan.input_loop
            inputs = ciphertexts[start : start + plan.input_loop]
            turned = [_babies(server, plan, ciphertext) for ciphertext in inputs]
            answers += [
                _one_answer(server, plan, turned, source, chunk, output)
                for output in range(plan.output_loop)
            ]
    deviation = noise_deviation(
        server.parameters, plan.products_per_answer, plan.babies - 1, plan.giants - 1
    )
    message, masks = server.answer(answers, deviation)
    channel.send("answer", message)
    return fp.negate(plan.unpack(masks))


class _PlaintextSource:
    """Plaintexts of one W in one plan, encoded when asked for, and kept where there is room."""

    def __init__(self, server: AnsweringParty, plan: LanesPlan, weights: EncodedWeights) -> None:
        self._server = server
        self._plan = plan
        self._weights = weights
        self._padded = plan.pad_weights(weights.values)

    def get(self, chunk: int, block: tuple[int, int], step: tuple[int, int]) -> Plaintext:
        key = (self._plan, chunk, *block, *step)
        kept = self._weights.kept
        if key in kept:
            return kept[key]
        slots = self._plan.weight_slots(self._padded, chunk, block, step)
        plaintext = self._server.encode(slots)
        if self._weights.cache.reserve():
            kept[key] = plaintext
        return plaintext


def _babies(server: AnsweringParty, plan: LanesPlan, ciphertext: Ciphertext) -> list[Ciphertext]:
    turned = [server.transformed(ciphertext)]
    for _ in range(plan.babies - 1):
        ciphertext = server.rotate(ciphertext, plan.baby_step)
        turned.append(server.transformed(ciphertext))
    return turned


def _one_answer(
    server: AnsweringParty,
    plan: LanesPlan,
    turned: list[list[Ciphertext]],
    source: _PlaintextSource,
    chunk: int,
    output: int,
) -> Ciphertext:
    total: Ciphertext | None = None
    for giant in reversed(range(plan.giants)):
        ciphertexts = [ciphertext for babies in turned for ciphertext in babies]
        plaintexts = [
            source.get(chunk, (block, output), (giant, baby))
            for block in range(plan.input_loop)
            for baby in range(plan.babies)
        ]
        part = server.sum_of_products(ciphertexts, plaintexts)
        if total is None:
            total = part
        else:
            total = server.rotate(total, plan.giant_step)
            server.add(total, part)
    return total

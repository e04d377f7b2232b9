"""The wire: collects messages, and follows labels and depths exactly as a channel does.

A label is the path of scopes that a message is sent in, and its own name. A message's depth is one
more than the greatest depth its sender had consumed; every message is consumed as soon as its
receiver reaches it, and of an exchange both are sent before either is. A label with a component
`setup` marks key material: it is counted as set-up whenever it is sent, and makes no rounds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from cryptomoe_spec.fixed_point import RMS_BOUND
from cryptomoe_spec.messages.sizes import Size, equals

CLIENT, SERVER = 0, 1
HEADER_BYTES = 20
"""In front of every payload: magic, version, kind, hash of the label, depth, length."""

Sizes = ParamSpec("Sizes")


@dataclass(frozen=True)
class Message:
    """One message: `size` counts header and payload; `phase` is "setup" or "online".

    The phase says when it was sent. What counts as set-up is a matter of the label as well.
    """

    sender: int
    label: str
    size: Size
    depth: int
    phase: str

    @property
    def is_setup(self) -> bool:
        """Whether it counts as set-up."""
        return self.phase == "setup" or "setup" in self.label.split("/")


@dataclass(frozen=True)
class HeSizes:
    """Public sizes of the encryption scheme: slots of a ciphertext, and bytes of objects.

    `request_bytes` and `answer_bytes` are those of one ciphertext each way.
    """

    slots: Size
    request_bytes: Size
    answer_bytes: Size
    public_key_bytes: Size
    galois_key_bytes: Size


@dataclass(frozen=True)
class Layout:
    """What a packing of one batch of matrix products costs: ciphertexts each way, and rotations."""

    requests: Size
    answers: Size
    galois_steps: tuple[int, ...]


Layouts = Callable[[Size, Size, Size, Size], Layout]
"""(batch, rows, d1, d2), a batch of products (rows, d1) by (d1, d2), to the layout chosen for it.

The choice is made from these sizes alone, so it is public.
"""


@dataclass(frozen=True)
class Setting:
    """The public parameters of a session: the scheme's sizes, the layouts, and the truncation.

    `ot` is where transfers come from, one of `transfers.SOURCES`.
    """

    he: HeSizes
    layouts: Layouts
    exact: bool
    ot: str = "iknp"


class Wire:
    """Collects messages. It starts in the set-up, and goes online by `start_online`."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.messages: list[Message] = []
        self._scopes: list[str] = []
        self._consumed = [0, 0]
        self._phase = "setup"
        self._known_keys: set[int] = set()
        self.transfers_left = [0, 0]
        """Transfers of each sender that a kept batch has left."""

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Put `name` in front of the labels used inside."""
        self._scopes.append(name)
        yield
        self._scopes.pop()

    def start_online(self) -> None:
        """From here on depths count, from 0."""
        self._phase = "online"
        self._consumed = [0, 0]

    def send(self, sender: int, name: str, payload: Size) -> None:
        """A message of `payload` bytes, which the other party consumes."""
        self._consume(1 - sender, self._sent(sender, name, payload))

    def exchange(self, name: str, client_payload: Size, server_payload: Size) -> None:
        """A message each way, neither waiting for the other; a party with 0 bytes sends none."""
        self.flight([(CLIENT, name, client_payload), (SERVER, name, server_payload)])

    def flight(self, messages: Iterable[tuple[int, str, Size]]) -> None:
        """Messages (sender, name, payload) that wait for none of each other; none of 0 bytes."""
        sent = [
            (sender, self._sent(sender, name, payload))
            for sender, name, payload in messages
            if payload != 0
        ]
        for sender, message in sent:
            self._consume(1 - sender, message)

    def require_keys(self, steps: Sequence[int]) -> None:
        """The client's keys for these rotations, each the first time that one is needed."""
        for step in steps:
            if step not in self._known_keys:
                self._known_keys.add(step)
                with self.scope("setup"):
                    self.send(CLIENT, f"galois_key/{step}", self.setting.he.galois_key_bytes)

    def enter(self, function: Callable[..., None], sizes: Sequence[Size]) -> None:
        """Carry out a part of a protocol; see `part`."""
        function(self, *sizes)

    # --- public facts on which the number of messages, or their widths, depend -------------------

    def settle(self, find: Callable[[], int], conditions: Callable[[int], Iterable[Any]]) -> int:
        """The fact that `find` computes from sizes; `conditions` say when it is a given value."""
        del conditions
        return find()

    def holds(self, condition: Any, otherwise: Any) -> bool:
        """Whether a public condition holds; `otherwise` is its negation."""
        return bool(
            self.settle(lambda: int(condition), lambda fact: (condition if fact else otherwise,))
        )

    def number(self, value: Size) -> int:
        """A public number that is itself the width of something."""
        return self.settle(lambda: int(value), lambda fact: (equals(value, fact),))

    def bit_length(self, value: Size) -> int:
        """Bits of a non-negative public number."""
        return self.settle(
            lambda: int(value).bit_length(),
            lambda bits: (value < 1 << bits, value >= (1 << bits) >> 1),
        )

    def norm_shift(self, width: Size) -> int:
        """The least h >= 0 with RMS_BOUND sqrt(width) <= 2^(8 + h)."""

        def find() -> int:
            h = 0
            while RMS_BOUND**2 * width > 4 ** (8 + h):
                h += 1
            return h

        unit = 4**8 // RMS_BOUND**2
        return self.settle(
            find, lambda h: (width <= unit * 4**h, *((width > unit * 4 ** (h - 1),) if h else ()))
        )

    # ---------------------------------------------------------------------------------------------

    def _sent(self, sender: int, name: str, payload: Size) -> Message:
        label = "/".join([*self._scopes, name])
        depth = self._consumed[sender] + 1
        message = Message(sender, label, HEADER_BYTES + payload, depth, self._phase)
        self._record(message)
        return message

    def _record(self, message: Message) -> None:
        self.messages.append(message)

    def _consume(self, receiver: int, message: Message) -> None:
        if "setup" not in message.label.split("/"):
            self._consumed[receiver] = max(self._consumed[receiver], message.depth)


def part(
    function: Callable[Concatenate[Wire, Sizes], None],
) -> Callable[Concatenate[Wire, Sizes], None]:
    """A protocol that others are made of: a wire may sum it up instead of carrying it out."""

    @wraps(function)
    def entered(wire: Wire, /, *sizes: Sizes.args, **named: Sizes.kwargs) -> None:
        wire.enter(function, [*sizes, *named.values()])

    return entered

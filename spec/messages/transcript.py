"""A transcript as it is predicted: its order, and its sums."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cryptomoe_spec.messages.session import embedding_table, handshake, session
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.transformer import transformer
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Message, Setting, Wire
from cryptomoe_spec.shape import TransformerOptions, TransformerShape


@dataclass(frozen=True)
class Transcript:
    """All messages of a run, each sender's in its order."""

    messages: tuple[Message, ...]

    def of(self, sender: int) -> list[Message]:
        """What one party sends, in order."""
        return [message for message in self.messages if message.sender == sender]

    def merged(self) -> list[Message]:
        """One order: what precedes the online phase, then by depth, the client's first."""
        ordered = [*self.of(CLIENT), *self.of(SERVER)]
        return sorted(ordered, key=lambda m: (m.phase == "online", m.depth, m.sender))

    @property
    def online(self) -> list[Message]:
        """What does not count as set-up."""
        return [message for message in self.messages if not message.is_setup]

    @property
    def rounds(self) -> int:
        """The greatest depth online."""
        return max((message.depth for message in self.online), default=0)

    def bytes_sent(self, sender: int) -> Size:
        """Bytes that one party sends online."""
        return _total(message for message in self.online if message.sender == sender)

    def setup_bytes(self, sender: int) -> Size:
        """Bytes that one party sends as set-up."""
        return _total(m for m in self.messages if m.is_setup and m.sender == sender)

    def by_label(self) -> dict[str, tuple[Size, int]]:
        """Online bytes and messages of both parties under each label."""
        sums: dict[str, tuple[Size, int]] = {}
        for message in self.online:
            size, count = sums.get(message.label, (0, 0))
            sums[message.label] = (size + message.size, count + 1)
        return sums


def predict(setting: Setting, protocol: Callable[[Wire], Any]) -> Transcript:
    """The transcript of a session that is set up, goes online and runs `protocol`."""
    wire = Wire(setting)
    session(wire)
    wire.start_online()
    protocol(wire)
    return Transcript(tuple(wire.messages))


def predict_run(
    setting: Setting, shape: TransformerShape, options: TransformerOptions
) -> Transcript:
    """The transcript of a whole run of two processes, from their handshake on."""
    wire = Wire(setting)
    handshake(wire)
    session(wire)
    if options.embedding == "public":
        embedding_table(wire, shape.vocabulary, shape.hidden)
    wire.start_online()
    transformer(wire, shape, options)
    return Transcript(tuple(wire.messages))


def _total(messages: Iterable[Message]) -> Size:
    return sum(message.size for message in messages)

"""The communication of one layer as a picture: every message a disc, its area its size.

From left to right rounds, from top to bottom functionalities; what the client sends stands above a
functionality's line and what the server sends below it. Drawn from the specification's prediction.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptomoe_spec.messages.transcript import Transcript, predict_run
from cryptomoe_spec.messages.wire import CLIENT, Message
from cryptomoe_spec.shape import TransformerOptions, TransformerShape

from cryptomoe.cli.reference import setting
from cryptomoe.cli.report import functionality_of

LENGTH = 16
"""Padded length of the prompt in the picture."""
_LAYER = "layer0/"
_WIDTH, _LEFT, _RIGHT, _LANE, _TOP = 1000, 150, 130, 50, 34
_LARGEST_RADIUS, _LEAST_RADIUS = 24.0, 1.0


@dataclass
class Lane:
    """One functionality: its messages and how they come to lie."""

    name: str
    y: float = 0.0
    discs: list[dict[str, Any]] = field(default_factory=list)
    client_bytes: int = 0
    server_bytes: int = 0

    @property
    def messages(self) -> int:
        """How many there are."""
        return len(self.discs)

    @property
    def total(self) -> int:
        """Bytes both ways."""
        return self.client_bytes + self.server_bytes


def draw(shape: TransformerShape) -> dict[str, Any]:
    """The picture's numbers, for a prompt of LENGTH tokens in approximate mode."""
    options = TransformerOptions(padded_length=LENGTH)
    return layout(layer_messages(predict_run(setting(exact=False), shape, options)))


def layer_messages(transcript: Transcript) -> list[Message]:
    """What the first layer sends online, in order."""
    return [message for message in transcript.merged() if _in_layer(message)]


def _in_layer(message: Message) -> bool:
    return message.label.startswith(_LAYER) and not message.is_setup


def layout(messages: Sequence[Message]) -> dict[str, Any]:
    """Lanes in the order in which their functionalities first send, discs, and the axis."""
    first = min(message.depth for message in messages) - 1
    rounds = max(message.depth for message in messages) - first
    largest = max(int(message.size) for message in messages)
    across = (_WIDTH - _LEFT - _RIGHT) / rounds
    lanes: dict[str, Lane] = {}
    for message in messages:
        name = functionality_of(message.label)
        lane = lanes.setdefault(name, Lane(name, _TOP + (len(lanes) + 0.5) * _LANE))
        size, client = int(message.size), message.sender == CLIENT
        radius = max(_LEAST_RADIUS, _LARGEST_RADIUS * math.sqrt(size / largest))
        lane.discs.append(
            {
                "x": round(_LEFT + (message.depth - first - 0.5) * across, 1),
                "y": round(lane.y + (-1 if client else 1) * (radius * 0.55 + 2), 1),
                "r": round(radius, 2),
                "sender": "client" if client else "server",
                "title": f"{message.label.removeprefix(_LAYER)}: {size:,} bytes",
            }
        )
        if client:
            lane.client_bytes += size
        else:
            lane.server_bytes += size
    step = 10 ** math.floor(math.log10(rounds))
    ticks = [
        {"x": round(_LEFT + tick * across, 1), "round": tick} for tick in range(0, rounds + 1, step)
    ]
    return {
        "width": _WIDTH,
        "height": round(_TOP + len(lanes) * _LANE + 8),
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "top": _TOP,
        "lanes": list(lanes.values()),
        "ticks": ticks,
        "rounds": rounds,
        "messages": len(messages),
        "bytes": sum(int(message.size) for message in messages),
        "largest": largest,
        "length": LENGTH,
    }

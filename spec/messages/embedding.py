"""Embedding: one-hot rows times the server's table. With a public table nothing is sent."""

from cryptomoe_spec.messages.products import linear
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import Wire, part


@part
def embedding(wire: Wire, rows: Size, vocabulary: Size, hidden: Size) -> None:
    """`rows` tokens or padding, to (rows, d)."""
    with wire.scope("embedding"):
        linear(wire, 1, rows, vocabulary, hidden)

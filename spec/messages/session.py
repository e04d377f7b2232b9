"""What precedes the online phase: terms, the client's public key, base transfers both ways.

Transfers by `softspoken` start from small trees of seeds; silent ones from as many transfers of
`softspoken` as their first round takes.
"""

from cryptomoe_spec.messages.sizes import Size, ceil_div
from cryptomoe_spec.messages.transfers import LPN_RESERVE, SOURCES
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Wire

HANDSHAKE_BYTES = 8192
BASE_TRANSFERS = 128
SALT_BYTES = 16
POINT_BYTES = 32
"""A public key of X25519."""
SMALL_TREES_BYTES = BASE_TRANSFERS * 2 * 16
"""Two sums of nodes for each base transfer."""


def handshake(wire: Wire) -> None:
    """Both parties state the terms of the run, in a message of fixed length."""
    with wire.scope("setup"):
        wire.exchange("handshake", HANDSHAKE_BYTES, HANDSHAKE_BYTES)


def session(wire: Wire) -> None:
    """The engine's set-up, once."""
    with wire.scope("setup"):
        wire.send(CLIENT, "public_key", wire.setting.he.public_key_bytes)
        with wire.scope("base_transfers"):
            for name, size in (
                ("salt", SALT_BYTES),
                ("offers", 2 * POINT_BYTES * BASE_TRANSFERS),
                ("key", POINT_BYTES),
            ):
                wire.exchange(name, size, size)
        with wire.scope("ot_source"):
            if wire.setting.ot != "iknp":
                wire.exchange("small_trees", SMALL_TREES_BYTES, SMALL_TREES_BYTES)
            if wire.setting.ot == "silent":
                first = SOURCES["softspoken"]
                size = first.batch_bytes * ceil_div(LPN_RESERVE, first.batch)
                wire.exchange("columns", size, size)


def embedding_table(wire: Wire, vocabulary: Size, width: Size) -> None:
    """A public embedding's table, 32 bits an entry, from the server."""
    with wire.scope("setup"):
        wire.send(SERVER, "embedding_table", 4 * vocabulary * width)

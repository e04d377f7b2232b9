"""Products: the client's ciphertexts to the server, the server's answers back."""

from cryptomoe_spec.messages.sizes import Size, ceil_div, choose
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Layout, Wire


def multiply(wire: Wire, count: Size) -> None:
    """x * y: both cross terms of the shares in one answer."""
    _entry_by_entry(wire, "multiply", count, 2)


def square(wire: Wire, count: Size) -> None:
    """x * x: one cross term."""
    _entry_by_entry(wire, "square", count, 1)


def _entry_by_entry(wire: Wire, name: str, count: Size, terms: int) -> None:
    """All terms side by side in one ciphertext where they fit, else in ciphertexts of their own."""
    if count == 0:
        return
    slots = wire.setting.he.slots
    fits = terms * count <= slots
    answers = ceil_div(count, slots)
    with wire.scope(name):
        _request(wire, choose(fits, 1, terms * answers))
        _answer(wire, choose(fits, 1, answers))


def linear(wire: Wire, batch: Size, rows: Size, d1: Size, d2: Size) -> None:
    """(batch, rows, d1) by the server's (batch, d1, d2)."""
    layout = wire.setting.layouts(batch, rows, d1, d2)
    with wire.scope("linear"):
        wire.require_keys(layout.galois_steps)
        _request(wire, layout.requests)
        _answer(wire, layout.answers)


def matmul(wire: Wire, batch: Size, a: Size, b: Size, c: Size) -> None:
    """(batch, a, b) by (batch, b, c), both secret: the client's x, and its y transposed."""
    layouts: dict[str, Layout] = {
        "x": wire.setting.layouts(batch, a, b, c),
        "y": wire.setting.layouts(batch, c, b, a),
    }
    with wire.scope("matmul"):
        wire.require_keys([step for layout in layouts.values() for step in layout.galois_steps])
        for name, layout in layouts.items():
            with wire.scope(name):
                _request(wire, layout.requests)
        for name, layout in layouts.items():
            with wire.scope(name):
                _answer(wire, layout.answers)


def _request(wire: Wire, ciphertexts: Size) -> None:
    wire.send(CLIENT, "request", ciphertexts * wire.setting.he.request_bytes)


def _answer(wire: Wire, ciphertexts: Size) -> None:
    wire.send(SERVER, "answer", ciphertexts * wire.setting.he.answer_bytes)

"""A Mixture-of-Experts layer: gate, select, dispatch, compute, combine."""

from cryptomoe_spec.messages.balanced_selection import balanced_selection
from cryptomoe_spec.messages.batch_matmul import batch_matmul
from cryptomoe_spec.messages.combine import combine
from cryptomoe_spec.messages.dispatch import dispatch
from cryptomoe_spec.messages.gate import gate
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.swiglu import swiglu
from cryptomoe_spec.messages.wire import Wire, part


@part
def moe_layer(
    wire: Wire,
    tokens: Size,
    hidden: Size,
    experts: Size,
    top_k: Size,
    slots: Size,
    expert_width: Size,
    padded: Size,
) -> None:
    """(m, d) to (m, d) through n experts of t slots each; `padded` as for the gate."""
    with wire.scope("moe"):
        gate(wire, tokens, hidden, experts, top_k, padded)
        balanced_selection(wire, tokens, experts, slots)
        dispatch(wire, tokens, experts, slots, hidden)
        batch_matmul(wire, experts, slots, hidden, 2 * expert_width)
        swiglu(wire, experts * slots * expert_width)
        batch_matmul(wire, experts, slots, expert_width, hidden)
        combine(wire, tokens, experts, slots, hidden)

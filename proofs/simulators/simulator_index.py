"""All simulators: for each functionality, what simulates it and in which hybrid model.

A functionality of the black box has its name there; what lies below it, transfers and comparisons,
has the name of the endpoint's method or of the step. Operations that are not listed are local or
made of listed ones (`cryptomoe.engines.derived`), and simulated by composition.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulate_bits import (
    simulate_keep_if,
    simulate_logical_and,
    simulate_select,
    simulate_to_arithmetic,
)
from simulate_comparisons import (
    simulate_at_least,
    simulate_equal,
    simulate_less,
    simulate_negative,
)
from simulate_indices import simulate_lookup, simulate_one_hot
from simulate_openings import simulate_reveal
from simulate_products import (
    simulate_linear,
    simulate_matmul,
    simulate_multiply,
    simulate_square,
)
from simulate_transfers import (
    simulate_correlate,
    simulate_correlate_one_way,
    simulate_digit,
    simulate_join,
    simulate_one_of_many,
    simulate_tree,
)
from simulate_truncation import simulate_approximate_truncate, simulate_truncate

TRANSFERS = "ideal transfers and comparisons"
PRODUCTS = "ideal shares of plaintext x ciphertext products"
RANDOM_TRANSFERS = "ideal random transfers"
DIGITS = "ideal random transfers and shares of digits' outcomes"
RANDOM_PRODUCTS = "shares of digits' outcomes and of random products"
PLAIN = "no ideal functionality"


@dataclass(frozen=True)
class Simulator:
    """One simulator.

    Fields: `simulate`, whose docstring is the argument; `hybrid`, the model it is in; `leakage`,
    what it is given besides the party's input and output shares.
    """

    simulate: Callable[..., Any]
    hybrid: str
    leakage: str = "nothing"


SIMULATORS: dict[str, Simulator] = {
    "approximate_truncate": Simulator(simulate_approximate_truncate, TRANSFERS),
    "at_least": Simulator(simulate_at_least, TRANSFERS),
    "equal": Simulator(simulate_equal, TRANSFERS),
    "keep_if": Simulator(simulate_keep_if, TRANSFERS),
    "less": Simulator(simulate_less, TRANSFERS),
    "linear": Simulator(simulate_linear, PRODUCTS),
    "logical_and": Simulator(simulate_logical_and, TRANSFERS),
    "lookup": Simulator(simulate_lookup, TRANSFERS),
    "matmul": Simulator(simulate_matmul, PRODUCTS),
    "multiply": Simulator(simulate_multiply, PRODUCTS),
    "negative": Simulator(simulate_negative, TRANSFERS),
    "one_hot": Simulator(simulate_one_hot, TRANSFERS),
    "reveal": Simulator(simulate_reveal, PLAIN, "the value, to its receivers"),
    "select": Simulator(simulate_select, TRANSFERS),
    "square": Simulator(simulate_square, PRODUCTS),
    "to_arithmetic": Simulator(simulate_to_arithmetic, TRANSFERS),
    "truncate": Simulator(simulate_truncate, TRANSFERS),
    "correlate": Simulator(simulate_correlate, RANDOM_TRANSFERS),
    "correlate_one_way": Simulator(simulate_correlate_one_way, RANDOM_TRANSFERS),
    "one_of_many": Simulator(simulate_one_of_many, RANDOM_TRANSFERS),
    "comparison of a digit": Simulator(simulate_digit, RANDOM_TRANSFERS),
    "join of two digits": Simulator(simulate_join, DIGITS),
    "tree of joins": Simulator(simulate_tree, RANDOM_PRODUCTS),
}

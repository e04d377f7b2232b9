"""Every contract, and where it is specified, implemented, argued for and checked: one table.

The audit reads it as data. `equality` are tests (pytest node ids; without brackets all cases) that
compare with the specification; `prediction` those that compare recorded transcripts with predicted
ones; `cost` those that compare a contract's formulas with both. What is about no single contract
stands below, each with its reason.
"""

from dataclasses import dataclass

_ENGINE = "tests/engines/test_two_party.py::"
_SENT = "tests/spec/test_messages_operations.py::"
_SENT_BY_PROTOCOLS = "tests/spec/test_messages_protocols.py::"
_CONTRACTS = "tests/spec/test_contracts.py::"
_SAMPLES = "tests/spec/test_sample_costs.py::"
_PIPELINE = "tests/pipeline/"
_HYBRID = "tests/leakage/test_hybrid_views.py::"
_TRANSFERS = "tests/leakage/test_transfer_views.py::"
_OPERATIONS = "tests/leakage/test_operation_views.py::"
_MODEL = "tests/leakage/test_pipeline_views.py::"


@dataclass(frozen=True)
class Checks:
    """Dotted names of specification and implementation, and node ids of tests."""

    specification: str
    implementation: str
    equality: tuple[str, ...]
    prediction: tuple[str, ...]
    cost: tuple[str, ...]


def _costs(name: str) -> tuple[str, ...]:
    """Tests that a contract's formulas are what is measured, and what is predicted."""
    return (
        f"{_CONTRACTS}test_measured_is_declared[{name}]",
        f"{_CONTRACTS}test_formulas_are_the_messages[{name}]",
        *(
            f"{_SAMPLES}test_a_run_costs_what_its_contract_says[{name}-{mode}]"
            for mode in ("exact", "approximate")
        ),
    )


def _operation(name: str, equality: tuple[str, ...], prediction: str) -> Checks:
    """An operation of the black box, realised by the engine with two parties."""
    return Checks(
        specification=f"cryptomoe_spec.abb.{name}",
        implementation=f"cryptomoe.engines.two_party.TwoPartyEngine.{name}",
        equality=tuple(_ENGINE + test for test in equality),
        prediction=(_SENT + prediction,),
        cost=_costs(name),
    )


def _scalar(name: str) -> Checks:
    """A scalar function, in both modes."""
    case = "test_scalar_functions_are_exact_in_both_modes[{}-{}]"
    return _operation(
        name,
        tuple(case.format(name, mode) for mode in ("exact", "approximate")),
        f"test_scalar_functions[{name}]",
    )


def _protocol(
    name: str, module: str, equality: tuple[str, ...], prediction: tuple[str, ...]
) -> Checks:
    """A protocol on the black box."""
    return Checks(
        specification=f"cryptomoe_spec.{module}.{name}",
        implementation=f"cryptomoe.protocols.{module}.{name}",
        equality=tuple(f"tests/{test}" for test in equality),
        prediction=tuple(_SENT_BY_PROTOCOLS + test for test in prediction),
        cost=_costs(name),
    )


_WHOLE_MODEL = (
    "protocols/test_transformer.py::test_protocol_equals_specification",
    "pipeline/test_private_inference.py::test_exact_mode_equals_the_specification_bit_for_bit",
)

CHECKS = {
    "reveal": _operation(
        "reveal", ("test_reveal_gives_the_values_to_whom_it_names",), "test_reveal"
    ),
    "multiply": _operation(
        "multiply",
        ("test_products", "test_products_of_more_than_one_ciphertext"),
        "test_products",
    ),
    "square": _operation("square", ("test_products",), "test_products"),
    "matmul": _operation("matmul", ("test_matrix_products",), "test_matrix_products"),
    "linear": _operation(
        "linear",
        ("test_matrix_products", "test_a_server_whose_weights_are_all_zero"),
        "test_matrix_products",
    ),
    "truncate": _operation(
        "truncate",
        (
            "test_exact_truncation_is_the_floor",
            "test_exact_truncation_on_many_values",
            "test_approximate_truncation_is_its_function_of_either_share",
        ),
        "test_truncate",
    ),
    "at_least": _operation("at_least", ("test_comparisons",), "test_at_least"),
    "negative": _operation(
        "negative", ("test_comparisons", "test_sign_over_the_whole_range"), "test_comparisons"
    ),
    "less": _operation("less", ("test_comparisons",), "test_comparisons"),
    "equal": _operation("equal", ("test_comparisons",), "test_comparisons"),
    "logical_and": _operation("logical_and", ("test_bits",), "test_bits[logical_and]"),
    # Every comparison of bits with the specification opens them by this operation.
    "to_arithmetic": _operation("to_arithmetic", ("test_bits",), "test_bits[to_arithmetic]"),
    "select": _operation("select", ("test_bits",), "test_bits[select]"),
    "keep_if": _operation("keep_if", ("test_bits",), "test_bits[keep_if]"),
    "one_hot": _operation("one_hot", ("test_secret_indices",), "test_indices"),
    "lookup": _operation("lookup", ("test_secret_indices",), "test_indices"),
    "maximum": _operation("maximum", ("test_maximum_and_argmax",), "test_tournaments"),
    "argmax": _operation("argmax", ("test_maximum_and_argmax",), "test_tournaments"),
    "silu": _scalar("silu"),
    "sigmoid": _scalar("sigmoid"),
    "exp": _scalar("exp"),
    "reciprocal": _scalar("reciprocal"),
    "rsqrt": _scalar("rsqrt"),
    "ranks": _protocol(
        "ranks",
        "ranking",
        ("protocols/test_ranking.py::test_equals_specification",),
        ("test_gate_and_topk",),
    ),
    "topk": _protocol(
        "topk",
        "topk",
        ("protocols/test_topk.py::test_equals_specification",),
        ("test_gate_and_topk",),
    ),
    "softmax": _protocol(
        "softmax",
        "softmax",
        (
            "protocols/test_softmax.py::test_equals_specification",
            "protocols/test_softmax.py::test_256_equal_entries",
        ),
        ("test_softmax",),
    ),
    "gate": _protocol(
        "gate",
        "gate",
        ("protocols/test_moe_layer.py::test_equals_specification",),
        ("test_gate_and_topk",),
    ),
    "balanced_selection": _protocol(
        "balanced_selection",
        "balanced_selection",
        ("protocols/test_balanced_selection.py::test_equals_specification",),
        ("test_dispatch_and_combine",),
    ),
    "dispatch": _protocol(
        "dispatch",
        "dispatch",
        ("protocols/test_dispatch.py::test_rows_go_to_their_slots_and_come_back",),
        ("test_dispatch_and_combine",),
    ),
    "batch_matmul": _protocol(
        "batch_matmul",
        "batch_matmul",
        (
            "protocols/test_moe_layer.py::test_batch_matmul_gives_each_expert_its_own_matrix",
            "protocols/test_moe_layer.py::test_equals_specification",
        ),
        ("test_experts",),
    ),
    "swiglu": _protocol(
        "swiglu",
        "swiglu",
        (
            "protocols/test_swiglu.py::test_equals_specification",
            "protocols/test_swiglu.py::test_extremes_stay_in_the_field",
        ),
        ("test_experts",),
    ),
    "combine": _protocol(
        "combine",
        "combine",
        ("protocols/test_dispatch.py::test_rows_go_to_their_slots_and_come_back",),
        ("test_dispatch_and_combine",),
    ),
    "moe_layer": _protocol(
        "moe_layer",
        "moe_layer",
        ("protocols/test_moe_layer.py::test_equals_specification",),
        ("test_layers",),
    ),
    "rmsnorm": _protocol(
        "rmsnorm",
        "rmsnorm",
        (
            "protocols/test_rmsnorm.py::test_equals_specification",
            "protocols/test_rmsnorm.py::test_several_widths_at_once",
            "protocols/test_rmsnorm.py::test_largest_row_of_one_entry",
        ),
        ("test_norms",),
    ),
    "rotary": _protocol(
        "rotary",
        "rotary",
        ("protocols/test_rotary.py::test_equals_specification",),
        ("test_rotary",),
    ),
    "attention": _protocol(
        "attention",
        "attention",
        (
            "protocols/test_attention.py::test_equals_specification",
            "protocols/test_attention.py::test_mask_equals_specification",
        ),
        ("test_layers",),
    ),
    "embedding": _protocol(
        "embedding",
        "embedding",
        ("protocols/test_embedding.py::test_private_and_public_table_give_the_specified_rows",),
        ("test_both_ends",),
    ),
    "lm_head": _protocol(
        "lm_head",
        "lm_head",
        ("protocols/test_embedding.py::test_head_equals_specification",),
        ("test_both_ends",),
    ),
    "transformer_layer": _protocol(
        "transformer_layer", "transformer", _WHOLE_MODEL, ("test_layers",)
    ),
    "transformer": Checks(
        specification="cryptomoe_spec.transformer.transformer",
        implementation="cryptomoe.protocols.transformer.transformer",
        equality=tuple(f"tests/{test}" for test in _WHOLE_MODEL),
        prediction=(_PIPELINE + "test_prediction.py::test_every_message_is_predicted",),
        # What it costs is measured where its transcript is compared.
        cost=(f"{_CONTRACTS}test_formulas_are_the_messages[transformer]",),
    ),
}

_LOCAL = "sends nothing: each party works on its own shares"

SUPPORTING_FUNCTIONS = {
    **dict.fromkeys(
        ("add", "add_public", "broadcast", "concatenate", "declare", "input", "input_bits",
         "logical_not", "logical_xor", "public", "reshape", "scale_public", "subtract", "sum",
         "take", "transpose", "weight"),
        _LOCAL,
    ),
    "approximate_truncate": "the approximate mode of truncate, as a function of a share",
    "masked_truncate": "truncate where a majority is honest, as a function of the mask",
    "completed_square": "how silu, sigmoid, exp, reciprocal and rsqrt evaluate a polynomial",
    "mask": "the part of attention that is added to scores",
    "softmax_below": "the part of softmax that follows the maximum",
    "shift_for": "a public constant of rmsnorm",
    "rotary_table": "public constants of rotary",
    "slots_per_expert": "a public size",
    "public_embedding": "embedding where the client has the table; it sends nothing",
    "pairs": "the comparisons that ranks and topk share",
    "rmsnorms": "rmsnorm of several inputs at once",
    "held": "access to the server's weights",
    "single": "one matrix as a batch of one",
    "prepare_layer": "encodes a layer's weights at the server",
}  # fmt: skip
"""Public functions of the specification and the protocols that have no contract, and why not."""

SUPPORTING_PAGES = {
    "README": "where to begin",
    "composition": "what the arguments of all contracts share",
    "threat-model": "corruption, network, repeated queries, side channels",
    "costs": "measured and predicted costs of operations",
    "failures": "the sum of all failure and distinguishing terms",
}
"""Documents in proofs/ that are about no single contract."""

CONTROLS = {
    _HYBRID + "test_views_are_simulated_exactly": (
        _HYBRID + "test_a_spoiled_draw_is_noticed",
        _HYBRID + "test_a_simulator_that_does_not_know_the_output_is_noticed",
    ),
    _TRANSFERS + "test_views_are_simulated_exactly": (
        _TRANSFERS + "test_a_spoiled_draw_is_noticed",
        _TRANSFERS + "test_a_mask_used_for_all_entries_is_noticed",
        _TRANSFERS + "test_a_product_used_for_two_joins_is_noticed",
    ),
    **dict.fromkeys(
        (
            _OPERATIONS + "test_views_do_not_tell_secrets_apart",
            _OPERATIONS + "test_views_are_like_the_simulators",
        ),
        (
            _OPERATIONS + "test_a_broken_mask_is_rejected",
            _OPERATIONS + "test_bare_openings_of_joins_are_rejected",
            _OPERATIONS + "test_masks_left_out_tell_secrets_apart",
            _OPERATIONS + "test_bare_choices_are_rejected",
            _OPERATIONS + "test_a_broken_message_is_rejected",
            _OPERATIONS + "test_an_opening_of_a_share_that_is_no_mask_is_rejected",
        ),
    ),
    **dict.fromkeys(
        (
            _MODEL + "test_views_do_not_tell_prompts_or_weights_apart",
            _MODEL + "test_views_are_like_the_simulators",
        ),
        (_MODEL + "test_masks_left_out_are_rejected_in_every_functionality_that_multiplies",),
    ),
}
"""For every test that records a comparison of views, the tests planted to fail beside it."""

ALIASES = {"approximate_truncate": "truncate", "ranking": "ranks"}
"""Names under which tests speak of a contract besides its own."""

"""Every mutant, the functionality that it breaks, and the tests that must notice."""

import engine
import homomorphic
import protocols
import transfers
from catalogue import Mutant

_ENGINE = "tests/engines/test_two_party.py::"
_ANSWERS = "tests/he/test_answer_mutants.py::"
_LAYERS = "tests/spec/test_messages_protocols.py::"
_PREDICTED = "tests/pipeline/test_prediction.py"
_PIPELINE = "tests/pipeline/test_private_inference.py::"
_ATTACKS = "tests/ot/test_known_attacks.py::"
_VIEWS = "tests/leakage/test_operation_views.py::test_views_do_not_tell_secrets_apart"
_OF_CLIENT, _OF_SERVER = (f"{_VIEWS}[{party}]" for party in ("client", "server"))
_SESSIONS = "tests/leakage/test_never_twice.py::test_nothing_is_used_twice_in_a_whole_inference"
_DELTAS = "tests/leakage/test_never_twice.py::test_delta_differs_between_sessions_and_directions"
_TRANSCRIPTS = _PIPELINE + "test_transcripts_depend_on_neither_prompt_nor_weights"

_COVERED = _ANSWERS + "test_the_flood_covers_the_noise_it_is_added_to"
_UNIFORM = _ANSWERS + "test_masks_are_uniform_and_unrelated"

MUTANTS = (
    # Answers of the party that computes on ciphertexts.
    Mutant(
        homomorphic.answers_without_an_encryption_of_zero,
        "linear",
        (
            _ANSWERS + "test_c1_tells_nothing_of_the_servers_plaintext",
            _ANSWERS + "test_a_guess_of_the_plaintext_cannot_be_checked",
        ),
    ),
    Mutant(
        homomorphic.answers_without_a_flood,
        "linear",
        (_COVERED, _ANSWERS + "test_noise_does_not_tell_two_weights_apart"),
    ),
    Mutant(
        homomorphic.flood_of_a_fixed_width,
        "linear",
        (_COVERED, _ANSWERS + "test_noise_does_not_tell_two_weights_apart"),
    ),
    Mutant(homomorphic.flood_for_a_fresh_ciphertext, "multiply", (_COVERED,)),
    Mutant(homomorphic.modulus_switched_before_the_flood, "linear", (_COVERED,)),
    Mutant(
        homomorphic.answers_not_counted,
        "linear",
        (_ANSWERS + "test_no_answer_exceeds_the_ceiling",),
    ),
    Mutant(homomorphic.one_mask_for_all_ciphertexts, "multiply", (_UNIFORM,)),
    Mutant(homomorphic.masks_of_whole_bits, "multiply", (_UNIFORM,)),
    Mutant(
        homomorphic.no_mask_in_unused_slots,
        "linear",
        (_ANSWERS + "test_slots_that_nobody_wants_are_uniform_too",),
    ),
    # Operations of the engine.
    Mutant(
        engine.exact_truncation_without_the_wrap_term,
        "truncate",
        (_ENGINE + "test_exact_truncation_is_the_floor",),
    ),
    Mutant(
        engine.biased_approximate_truncation,
        "truncate",
        (_ENGINE + "test_approximate_truncation_is_its_function_of_either_share",),
    ),
    Mutant(
        engine.approximate_truncation_last_before_a_reveal,
        "lm_head",
        (_LAYERS + "test_both_ends",),
    ),
    Mutant(
        engine.abort_on_a_secret_range,
        "reveal",
        (_ENGINE + "test_a_value_beyond_its_bound_ends_no_run[reveal-exact]",),
    ),
    Mutant(
        engine.argmax_opened,
        "argmax",
        ("tests/spec/test_messages_operations.py::test_tournaments",),
    ),
    Mutant(
        engine.comparison_of_differences_opened,
        "less",
        ("tests/spec/test_messages_operations.py::test_comparisons",),
    ),
    Mutant(engine.comparison_shared_without_fresh_randomness, "less", (_OF_SERVER,)),
    Mutant(engine.joins_without_fresh_choices, "equal", (_OF_SERVER,)),
    Mutant(engine.one_hot_shared_without_fresh_randomness, "one_hot", (_OF_CLIENT,)),
    Mutant(engine.lookup_shared_without_fresh_randomness, "lookup", (_OF_CLIENT,)),
    # Transfers and the channel.
    Mutant(engine.both_parties_seeded_alike, "transformer", (_SESSIONS,)),
    Mutant(engine.delta_kept_across_sessions, "transformer", (_DELTAS,)),
    Mutant(
        transfers.choice_bits_packed_in_the_wrong_order,
        "lookup",
        (_ENGINE + "test_secret_indices", "tests/ot/test_endpoint.py"),
    ),
    Mutant(
        transfers.compressed_messages,
        "reveal",
        (_ENGINE + "test_the_transcript_has_the_same_shape_whatever_the_values[truncate-exact]",),
    ),
    Mutant(transfers.tweak_used_twice, "lookup", (_ATTACKS + "test_a_tweak_is_used_once",)),
    Mutant(
        transfers.expansion_of_seeds_used_twice,
        "lookup",
        (_ATTACKS + "test_the_receivers_expansion_is_used_once",),
    ),
    # Protocols.
    Mutant(protocols.early_exit, "transformer", (_TRANSCRIPTS,)),
    Mutant(protocols.end_of_text_revealed, "transformer", (_PREDICTED,)),
    Mutant(protocols.padding_visible, "transformer", (_PREDICTED,)),
    Mutant(protocols.expert_load_revealed, "balanced_selection", (_LAYERS + "test_layers",)),
    Mutant(protocols.fewer_slots_for_idle_experts, "moe_layer", (_LAYERS + "test_layers",)),
    Mutant(
        protocols.ties_broken_by_an_opened_comparison, "ranking", (_LAYERS + "test_gate_and_topk",)
    ),
    Mutant(protocols.quickselect, "topk", (_LAYERS + "test_gate_and_topk", _TRANSCRIPTS)),
    Mutant(protocols.score_applied_twice, "combine", ("tests/protocols/test_moe_layer.py",)),
    Mutant(protocols.combine_without_scores, "combine", ("tests/protocols/test_moe_layer.py",)),
    Mutant(protocols.padding_takes_capacity, "gate", ("tests/protocols/test_moe_layer.py",)),
    Mutant(
        protocols.attention_sees_later_positions,
        "attention",
        ("tests/protocols/test_attention.py",),
    ),
)

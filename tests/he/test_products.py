"""Products of secrets, entry by entry: packing, results over a channel, and malformed messages."""

from collections.abc import Callable

import numpy as np
import pytest
from he_pair import HePair
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.errors import MalformedMessageError, PeerLostError
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.products import ProductsPlan, answer_products, ask_products, plan_products
from cryptomoe.party import Party

N = STANDARD.slots
FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Spoil = Callable[[Party, bytes], bytes]


def factors_of(terms: int, size: int, seed: int) -> fp.FieldArray:
    """Uniform factors (terms, size), zeros among them."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, fp.P, (terms, size), dtype=np.uint64)
    return drawn * (generator.random(drawn.shape) < 0.9)


def exchanged(
    pair: HePair, left: fp.FieldArray, right: fp.FieldArray, spoil: Spoil | None = None
) -> list[fp.FieldArray]:
    """The outcomes of both parties: shares of sum_k left_k right_k, or errors."""
    plan = plan_products(STANDARD, left.shape[1], left.shape[0])

    def ask(channel, _keys):  # noqa: ANN001, ANN202 - see HePair.run
        with channel.scope("multiply"):
            return ask_products(channel, pair.owner, plan, left)

    def answer(channel, _keys):  # noqa: ANN001, ANN202 - see HePair.run
        with channel.scope("multiply"):
            return answer_products(channel, pair.server, plan, right)

    return pair.run(ask, answer, spoil)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 3), st.sampled_from([8, 64, 128]), st.integers(0, 99))
def test_plans_compute_the_sums_on_slots(size: int, terms: int, slots: int, seed: int) -> None:
    """What the parties do to ciphertexts, done to slots in the clear, at small ring degrees."""
    plan = ProductsPlan(size, terms, slots)
    left, right = factors_of(terms, size, seed), factors_of(terms, size, seed + 1)
    requests = fp.multiply(plan.pack(left), plan.pack(right))
    assert requests.shape == (plan.requests, slots)
    answers = [fp.total(requests[i :: plan.answers], 0) for i in range(plan.answers)]
    expected = fp.total(fp.multiply(left, right), 0)
    assert np.array_equal(plan.unpack(np.stack(answers)), expected)


@pytest.mark.parametrize(
    ("size", "terms", "requests", "answers"),
    [(1, 1, 1, 1), (1, 2, 1, 1), (N // 2, 2, 1, 1), (N // 2 + 1, 2, 2, 1), (N, 1, 1, 1),
     (N, 2, 2, 1), (N + 1, 1, 2, 2), (N + 1, 2, 4, 2), (3 * N, 2, 6, 3)],
)  # fmt: skip
def test_ciphertexts_are_as_few_as_the_slots_allow(
    size: int, terms: int, requests: int, answers: int
) -> None:
    plan = plan_products(STANDARD, size, terms)
    assert (plan.requests, plan.answers) == (requests, answers)


@FEW
@given(st.integers(1, 2 * N), st.integers(1, 2), st.integers(0, 2**31))
@example(N // 2, 2, 1)
@example(N // 2 + 1, 2, 1)
@example(N + 1, 1, 1)
def test_shares_add_up_to_the_sums_of_products(
    pair: HePair, size: int, terms: int, seed: int
) -> None:
    left, right = factors_of(terms, size, seed), factors_of(terms, size, seed + 1)
    shares = exchanged(pair, left, right)
    expected = fp.total(fp.multiply(left, right), 0)
    assert np.array_equal(fp.add(*shares), expected)


def test_factors_of_nothing_but_zeros(pair: HePair) -> None:
    """All plaintexts are zero: SEAL's refusal of them must not show."""
    zeros = np.zeros((2, 100), np.uint64)
    for left, right in ((zeros, factors_of(2, 100, 1)), (factors_of(2, 100, 2), zeros)):
        shares = exchanged(pair, left, right)
        assert not fp.add(*shares).any()
        assert np.unique(shares[1]).size == 100


def test_the_servers_account_counts_every_answer(pair: HePair) -> None:
    exchanged(pair, factors_of(2, N + 1, 1), factors_of(2, N + 1, 2))
    assert pair.server.budget.spent == 2 * N


@pytest.mark.parametrize("sender", list(Party))
@pytest.mark.parametrize("position", [0, 200_000, -8])
@pytest.mark.parametrize("size", [10, N + 1])
def test_a_residue_out_of_range_ends_both_sides(
    pair: HePair, sender: Party, position: int, size: int
) -> None:
    """The receiver names the message; the sender, which waits or closes, learns of the end."""

    def spoil(party: Party, payload: bytes) -> bytes:
        changed = bytearray(payload)
        if party is sender:
            at = position if abs(position) < len(changed) else 100
            changed[at : at + 8 or None] = b"\xff" * 8
        return bytes(changed)

    left, right = factors_of(2, size, 3), factors_of(2, size, 4)
    outcomes = exchanged(pair, left, right, spoil)
    receiver = Party.SERVER if sender is Party.CLIENT else Party.CLIENT
    name = "multiply/request" if sender is Party.CLIENT else "multiply/answer"
    refusal = outcomes[receiver]
    assert isinstance(refusal, MalformedMessageError)
    assert refusal.label == name
    assert isinstance(outcomes[sender], PeerLostError)


@pytest.mark.parametrize("sender", list(Party))
def test_a_message_of_another_size_ends_both_sides(pair: HePair, sender: Party) -> None:
    """The parties disagree about the number of products, so about the size of what comes."""
    small, large = factors_of(1, 10, 5), factors_of(1, N + 1, 6)
    plans = [plan_products(STANDARD, factors.shape[1], 1) for factors in (small, large)]
    if sender is Party.SERVER:
        # Two requests come where one was due.
        outcomes = pair.run(
            lambda channel, _: ask_products(channel, pair.owner, plans[1], large),
            lambda channel, _: answer_products(channel, pair.server, plans[0], small),
        )
        label = "request"
    else:
        # The answer has one ciphertext more than was asked for.
        def ask(channel, _keys):  # noqa: ANN001, ANN202 - see HePair.run
            channel.send("request", pair.owner.encrypt(plans[1].pack(large)))
            return channel.receive("answer", STANDARD.answer_bytes)

        outcomes = pair.run(
            ask, lambda channel, _: answer_products(channel, pair.server, plans[1], large)
        )
        label = "answer"
    refusal, other = outcomes[sender], outcomes[1 - sender]
    assert isinstance(refusal, MalformedMessageError)
    assert refusal.label == label
    assert isinstance(other, (MalformedMessageError, PeerLostError))

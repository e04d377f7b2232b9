"""The lanes layout, simulated on plain slots: packing, diagonals, rotations, unpacking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.he.layouts.lanes import LanesPlan, plan_lanes
from cryptomoe.he.parameters import STANDARD

sizes = st.tuples(st.integers(1, 5), st.integers(1, 20), st.integers(1, 70), st.integers(1, 70))


def rotated(slots: fp.FieldArray, step: int) -> fp.FieldArray:
    """What a ciphertext rotation does to (N,) slots."""
    return np.roll(slots.reshape(2, -1), -step, axis=1).reshape(-1)


def simulate(plan: LanesPlan, x: fp.FieldArray, w: fp.FieldArray) -> fp.FieldArray:
    """The answering party's work on slots in the clear, rotations by the plan's two steps only."""
    requests, padded = plan.pack(x), plan.pad_weights(w)
    answers = []
    for chunk in range(plan.chunks):
        for output in range(plan.output_loop):
            for group in range(plan.row_groups):
                start = (chunk * plan.row_groups + group) * plan.input_loop
                collected = np.zeros(requests.shape[1], np.uint64)
                for giant in reversed(range(plan.giants)):
                    collected = rotated(collected, plan.giant_step)
                    for block in range(plan.input_loop):
                        turned = requests[start + block]
                        for baby in range(plan.babies):
                            slots = plan.weight_slots(padded, chunk, (block, output), (giant, baby))
                            collected = fp.add(collected, fp.multiply(turned, slots))
                            turned = rotated(turned, plan.baby_step)
                answers.append(collected)
    return plan.unpack(np.stack(answers))


def random_operands(
    batch: int, rows: int, d1: int, d2: int, seed: int
) -> tuple[fp.FieldArray, fp.FieldArray]:
    """Uniform residues of the shapes of one product."""
    generator = np.random.default_rng(seed)
    return (
        generator.integers(0, fp.P, (batch, rows, d1), dtype=np.uint64),
        generator.integers(0, fp.P, (batch, d1, d2), dtype=np.uint64),
    )


@settings(max_examples=25, deadline=None)
@given(sizes, st.integers(0, 2**32 - 1))
def test_the_chosen_plan_computes_the_product(size: tuple[int, int, int, int], seed: int) -> None:
    plan = plan_lanes(STANDARD, *size)
    x, w = random_operands(*size, seed)
    assert np.array_equal(simulate(plan, x, w), fp.matmul(x, w))


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_every_plan_computes_the_product(
    size: tuple[int, int, int, int],
    log_ring: int,
    log_splits: int,
    log_babies: int,
    inputs_in_lanes: bool,  # noqa: FBT001 - drawn, not passed by a caller
    outputs_in_lanes: bool,  # noqa: FBT001 - as above
    seed: int,
) -> None:
    """Plans that the cost model would not choose are right as well, at a small ring degree."""
    splits = min(log_splits, log_ring)
    babies = min(log_babies, log_ring - splits)
    plan = LanesPlan(
        *size, 64, 1 << log_ring, 1 << splits, 1 << babies, inputs_in_lanes, outputs_in_lanes
    )
    x, w = random_operands(*size, seed)
    assert np.array_equal(simulate(plan, x, w), fp.matmul(x, w))


@pytest.mark.parametrize(
    "size", [(1, 16, 32, 64), (8, 8, 32, 64), (1, 1, 2048, 2048), (64, 24, 256, 128)]
)
def test_galois_steps_are_few(size: tuple[int, int, int, int]) -> None:
    """Two keys serve a plan, so that no layout needs a large set-up."""
    assert len(plan_lanes(STANDARD, *size).galois_steps) <= 2


@settings(max_examples=15, deadline=None)
@given(sizes)
def test_the_chosen_plan_is_the_cheapest(size: tuple[int, int, int, int]) -> None:
    """Of all plans, although not all are costed."""
    powers = [1 << i for i in range(13)]
    largest = 1 << (max(size[2:]) - 1).bit_length()
    plans = [
        LanesPlan(*size, STANDARD.half_row, ring, splits, babies, inputs, outputs)
        for ring in powers
        if ring <= largest
        for splits in powers
        for babies in powers
        if splits * babies <= ring
        for inputs in (True, False)
        for outputs in (True, False)
    ]
    assert plan_lanes(STANDARD, *size).cost == min(plan.cost for plan in plans)

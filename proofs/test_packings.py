"""The packings of matrix products: that they compute them, and how many rotations they take."""

from itertools import product
from math import log2

import numpy as np
import pytest
import sympy
from claims import proof
from complexity import (
    PAPER,
    Sizes,
    batch_all_rotations,
    batch_rotations,
    bolt_all_rotations,
    bolt_rotations,
    nexus_key_switches,
)
from numpy.typing import NDArray

from cryptomoe import field as fp
from cryptomoe.field import P
from cryptomoe.he.layouts.lanes import LanesPlan, plan_lanes
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.products import plan_products

Slots = NDArray[np.uint64]


def rotated(slots: Slots, step: int) -> Slots:
    """What a rotation does to the two half-rows of N slots."""
    return np.roll(slots.reshape(2, -1), -step, axis=1).reshape(-1)


def computed(plan: LanesPlan, x: Slots, w: Slots) -> Slots:
    """The answering party's work on slots in the clear, as `he.linear` does it."""
    requests, padded = plan.pack(x), plan.pad_weights(w)
    answers = []
    for chunk, group, output in product(
        range(plan.chunks), range(plan.row_groups), range(plan.output_loop)
    ):
        start = (chunk * plan.row_groups + group) * plan.input_loop
        total = np.zeros(requests.shape[1], np.uint64)
        for giant in reversed(range(plan.giants)):
            total = rotated(total, plan.giant_step)
            for block in range(plan.input_loop):
                turned = requests[start + block]
                for baby in range(plan.babies):
                    weights = plan.weight_slots(padded, chunk, (block, output), (giant, baby))
                    total = fp.add(total, fp.multiply(turned, weights))
                    turned = rotated(turned, plan.baby_step)
        answers.append(total)
    return plan.unpack(np.stack(answers))


def small_plans() -> list[LanesPlan]:
    """Every plan of the layout with half-rows of 8 slots, for a spread of sizes."""
    plans = []
    for size in product((1, 3), (1, 5), (3, 9), (1, 9)):
        for ring, inputs, outputs in product((1, 2, 4, 8), (True, False), (True, False)):
            for splits in (1 << i for i in range(ring.bit_length())):
                plans += [
                    LanesPlan(*size, 8, ring, splits, 1 << i, inputs, outputs)
                    for i in range((ring // splits).bit_length())
                ]
    return plans


@proof(functionality="linear", method="random evaluation")
def test_every_small_plan_computes_the_product() -> None:
    """Every plan of the lanes layout computes X W, as an identity of polynomials modulo p.

    Half-rows of 8 slots, 16 sizes with up to 3 matrices, 5 rows and 9 x 9 entries, all rings,
    splits, babies and placements of blocks: the outputs are polynomials of degree 2 in the entries
    of X and W. At a uniform point a wrong one would agree with probability at most 2/p (Schwartz
    1980, Zippel 1979), so that all agree although one is wrong has probability below 2^-43.
    """
    generator = np.random.default_rng(11)
    plans = small_plans()
    assert len(plans) == 16 * 80
    for plan in plans:
        x = generator.integers(0, P, (plan.batch, plan.rows, plan.d1), dtype=np.uint64)
        w = generator.integers(0, P, (plan.batch, plan.d1, plan.d2), dtype=np.uint64)
        assert np.array_equal(computed(plan, x, w), fp.matmul(x, w))


@proof(functionality="linear", method="exhaustive")
def test_one_plan_on_a_basis() -> None:
    """A plan with babies, giants, splits and blocks is exact: checked on a basis.

    A map that is linear in X and in W is fixed by its values on pairs of unit matrices. Half-rows
    of 8 slots, 2 matrices, 2 rows, d1 = d2 = 5, ring 4: all 2 * 2 * 5 * 2 * 25 pairs.
    """
    plan = LanesPlan(2, 2, 5, 5, 8, 4, 2, 2, True, False)  # noqa: FBT003 - fields in order
    assert plan.giants == 1
    assert plan.input_blocks == plan.output_blocks == 2
    second = LanesPlan(2, 2, 5, 5, 8, 4, 1, 2, False, True)  # noqa: FBT003 - fields in order
    assert second.giants == 2
    for chosen in (plan, second):
        for place in range(2 * 2 * 5):
            x = np.zeros((2, 2, 5), np.uint64)
            x.reshape(-1)[place] = 1
            for other in range(2 * 5 * 5):
                w = np.zeros((2, 5, 5), np.uint64)
                w.reshape(-1)[other] = 1
                assert np.array_equal(computed(chosen, x, w), fp.matmul(x, w))


@proof(functionality="linear", method="exhaustive")
def test_rotations_are_cyclic_only_for_powers_of_two() -> None:
    """Turning by n' slots turns the features of every lane cyclically iff n' divides the half-row.

    4096 slots, F = 4096 // n' features of n' lanes: for every n' up to 512, a rotation by n' moves
    feature f of every lane to f - 1 modulo F iff n' is a power of two. So 60 experts are padded
    to 64.
    """
    half_row = 4096
    for lanes in range(1, 513):
        features = half_row // lanes
        slot = np.arange(features * lanes)
        moved = (slot - lanes) % half_row
        wanted = (slot // lanes - 1) % features * lanes + slot % lanes
        assert np.array_equal(moved, wanted) == (lanes & (lanes - 1) == 0)


@proof(functionality="linear", method="exhaustive")
def test_galois_elements_of_a_plan_differ() -> None:
    """The automorphisms that a plan composes are different, and none meets the row swap.

    3 has order N/2 modulo 2N and -1 is no power of it, so rotations by giant * babies + baby
    positions, fewer than the ring has, are different automorphisms X -> X^g (the lemma that noise
    adds up incoherently needs it). N = 8192.
    """
    elements = {pow(3, step, 2 * STANDARD.degree) for step in range(STANDARD.half_row)}
    assert len(elements) == STANDARD.half_row
    assert 2 * STANDARD.degree - 1 not in elements
    for size in ((1, 128, 2048, 2048), (64, 24, 2048, 2816), (64, 24, 1408, 2048), (16, 1, 128, 9)):
        plan = plan_lanes(STANDARD, *size)
        turns = {
            (giant * plan.babies + baby) * plan.lanes
            for giant, baby in product(range(plan.giants), range(plan.babies))
        }
        assert len(turns) == plan.diagonals
        assert max(turns) < STANDARD.half_row


@proof(functionality="multiply", method="exhaustive")
def test_entry_wise_products() -> None:
    """The plan for entry-wise products adds up its terms, at every size around a ciphertext.

    16 slots, 1 or 2 terms, 1 to 70 products: unpacking the slot-wise products of the packed factors
    gives sum_k x_k y_k, side by side or in further ciphertexts.
    """
    generator = np.random.default_rng(4)
    for size, terms in product(range(1, 71), (1, 2)):
        plan = plan_products(STANDARD, size, terms)
        plan = type(plan)(size, terms, 16)
        x, y = (generator.integers(0, P, (terms, size), dtype=np.uint64) for _ in range(2))
        products = fp.multiply(plan.pack(x), plan.pack(y))
        answers = np.zeros((plan.answers, 16), np.uint64)
        for index, slots in enumerate(products):
            answers[index % plan.answers] = fp.add(answers[index % plan.answers], slots)
        assert np.array_equal(plan.unpack(answers), fp.total(fp.multiply(x, y), 0))


@proof(functionality="batch_matmul", method="exhaustive")
def test_published_counts() -> None:
    """The counting rules give the paper's counts: 15360, 1024 and 8388480.

    n = 64, t = 24, d1 = 2048, d2 = 1408, N = 8192.
    """
    assert bolt_rotations(PAPER) == 15_360
    assert batch_rotations(PAPER) == 1_024
    assert nexus_key_switches(PAPER) == 8_388_480


def exponent(sizes: list[Sizes], values: list[int], name: str) -> float:
    """The power of one size that a count grows with, between the first and the last."""
    growth = log2(values[-1] / values[0])
    return growth / log2(getattr(sizes[-1], name) / getattr(sizes[0], name))


@pytest.mark.parametrize(
    ("name", "bolt", "batch"),
    [("n", 1.0, 0.5), ("t", 0.5, 0.5), ("d1", 0.5, 0.5), ("d2", 0.5, 0.5), ("slots", -0.5, -0.5)],
)
@proof(functionality="batch_matmul", method="measurement")
def test_growth_of_rotations(name: str, bolt: float, batch: float) -> None:
    """Rotations grow as n sqrt(t d1 d2 / N) by expert, and as sqrt(n t d1 d2 / N) in one batch.

    Exact counters over a factor of 256 in one size at a time, the others fixed where neither
    packing degenerates; the exponent fitted is within 0.06 of the formula's.
    """
    base = {"n": 1, "t": 1, "d1": 1 << 24, "d2": 1 << 24, "slots": 1 << 13}
    if name != "slots":
        base["slots"] = 1 << 17
    grown = [Sizes(**{**base, name: base[name] << shift}) for shift in (0, 4, 8)]
    for counter, expected in ((bolt_all_rotations, bolt), (batch_all_rotations, batch)):
        values = [counter(sizes) for sizes in grown]
        assert abs(exponent(grown, values, name) - expected) < 0.06


@proof(functionality="batch_matmul", method="sympy")
def test_least_number_of_rotations() -> None:
    """The best split gives 2 sqrt(inputs * outputs * columns) rotations, less the free ones.

    I (b - 1) + O (c/b - 1) is least at b = sqrt(O c / I), where it is 2 sqrt(I O c) - I - O; with
    I = d1/c, O = d2/c and c = N/(2 t) this is 2 sqrt(2 t d1 d2 / N) an expert, and with
    c = N/(2 n t) it is 2 sqrt(2 n t d1 d2 / N) for all together.
    """
    inputs, outputs, columns, b = sympy.symbols("I O c b", positive=True)
    count = inputs * (b - 1) + outputs * (columns / b - 1)
    best = sympy.sqrt(outputs * columns / inputs)
    assert sympy.simplify(sympy.diff(count, b).subs(b, best)) == 0
    least = 2 * sympy.sqrt(inputs * outputs * columns) - inputs - outputs
    assert sympy.simplify(count.subs(b, best) - least) == 0
    n, t, d1, d2, size = sympy.symbols("n t d1 d2 N", positive=True)
    for rows in (t, n * t):
        wide = size / (2 * rows)
        leading = 2 * sympy.sqrt(d1 / wide * d2 / wide * wide)
        assert sympy.simplify(leading - 2 * sympy.sqrt(2 * rows * d1 * d2 / size)) == 0

"""The lanes layout: one packing for a batch of matrix products of any sizes.

Given X (batch, rows, d1) and W (batch, d1, d2), a half-row of slots is cut into `lanes` interleaved
copies of a ring of D positions, D a power of two: slot = half * N/2 + position * lanes + lane. A
rotation by r * lanes turns the ring of every lane by r at once, and never mixes lanes. A lane holds
one block of D features of one row of one matrix, and meets D diagonals of a D x D block of W by the
diagonal method (Halevi and Shoup, CRYPTO 2014) with baby and giant steps. Where lanes are left
over, the diagonals of a block are split between S lanes that start at different turns, and whatever
lanes hold partial sums of the same output are added up on the shares after decryption, which costs
nothing. Blocks of features and blocks of outputs go to further lanes or to further ciphertexts,
whichever a cost model over public sizes finds cheaper.

Turning by one position at a time (babies) and collecting by Horner's rule (giants) needs two
Galois keys, both for steps that are powers of two.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cryptomoe.field import FieldArray, total
from cryptomoe.he.parameters import HeParameters
from cryptomoe.kernel_cache import kernel

_REQUEST_COST = 2.2
_ANSWER_COST = 1.95
_ROTATION_COST = 1.1
_TRANSFORM_COST = 0.06
_ENCODE_COST = 0.15
_PRODUCT_COST = 0.013
"""Milliseconds of both parties' processors, measured with `rns`, and of a wire of 1 Gbit/s.

Only their ratios matter. Both backends use the same plans.
"""
_CANDIDATE_LIMIT = 1 << 20


@dataclass(frozen=True)
class LanesPlan:
    """How one batch of products is packed; everything follows from public sizes.

    Fields: the sizes (batch, rows, d1, d2) and N/2; `ring` D; `splits` S; `babies`; whether blocks
    of inputs and of outputs lie in lanes (else in ciphertexts of their own).
    """

    batch: int
    rows: int
    d1: int
    d2: int
    half_row: int
    ring: int
    splits: int
    babies: int
    inputs_in_lanes: bool
    outputs_in_lanes: bool

    @cached_property
    def lanes(self) -> int:
        """Lanes of one half-row."""
        return self.half_row // self.ring

    @cached_property
    def input_blocks(self) -> int:
        """Blocks of `ring` features."""
        return -(-self.d1 // self.ring)

    @cached_property
    def output_blocks(self) -> int:
        """Blocks of `ring` outputs."""
        return -(-self.d2 // self.ring)

    @cached_property
    def input_loop(self) -> int:
        """Ciphertexts whose products are added into one answer."""
        return 1 if self.inputs_in_lanes else self.input_blocks

    @cached_property
    def output_loop(self) -> int:
        """Answers made from the same ciphertexts."""
        return 1 if self.outputs_in_lanes else self.output_blocks

    @cached_property
    def diagonals(self) -> int:
        """Diagonals a lane meets."""
        return self.ring // self.splits

    @cached_property
    def giants(self) -> int:
        """Giant steps, the one by nothing included."""
        return self.diagonals // self.babies

    @cached_property
    def combinations(self) -> int:
        """Lanes that one row needs: its matrices, blocks and splits."""
        inputs = self.input_blocks if self.inputs_in_lanes else 1
        outputs = self.output_blocks if self.outputs_in_lanes else 1
        return self.batch * inputs * outputs * self.splits

    @cached_property
    def row_lanes(self) -> int:
        """Lanes set aside for one row in one ciphertext, a power of two."""
        return min(1 << (self.combinations - 1).bit_length(), 2 * self.lanes)

    @cached_property
    def chunks(self) -> int:
        """Ciphertexts that the lanes of one row need."""
        return -(-self.combinations // self.row_lanes)

    @cached_property
    def rows_together(self) -> int:
        """Rows in one ciphertext."""
        return 2 * self.lanes // self.row_lanes

    @cached_property
    def row_groups(self) -> int:
        """Groups of rows that need ciphertexts of their own."""
        return -(-self.rows // self.rows_together)

    @cached_property
    def requests(self) -> int:
        """Ciphertexts the key owner sends, in the order (chunk, group, input block)."""
        return self.chunks * self.row_groups * self.input_loop

    @cached_property
    def answers(self) -> int:
        """Ciphertexts that come back, in the order (chunk, output block, group)."""
        return self.chunks * self.row_groups * self.output_loop

    @cached_property
    def plaintexts(self) -> int:
        """Encoded plaintexts of all weights; groups of rows share them."""
        return self.chunks * self.input_loop * self.output_loop * self.diagonals

    @cached_property
    def rotations(self) -> int:
        """Rotations executed for one batch of products."""
        return self.requests * (self.babies - 1) + self.answers * (self.giants - 1)

    @cached_property
    def baby_step(self) -> int:
        """Slots that a turn by one position moves."""
        return self.lanes

    @cached_property
    def giant_step(self) -> int:
        """Slots that a giant step moves."""
        return self.lanes * self.babies

    @cached_property
    def galois_steps(self) -> tuple[int, ...]:
        """Rotations whose keys are needed."""
        steps = {self.baby_step} if self.babies > 1 else set()
        return tuple(sorted(steps | ({self.giant_step} if self.giants > 1 else set())))

    @cached_property
    def products_per_answer(self) -> int:
        """Products summed into one answer."""
        return self.input_loop * self.diagonals

    @cached_property
    def cost(self) -> float:
        """Estimated milliseconds of both parties, weights encoded on the fly."""
        products = self.plaintexts * self.row_groups
        return (
            _REQUEST_COST * self.requests
            + _ANSWER_COST * self.answers
            + _ROTATION_COST * self.rotations
            + _TRANSFORM_COST * (self.requests * self.babies + self.answers * self.giants)
            + _ENCODE_COST * self.plaintexts
            + _PRODUCT_COST * products
        )

    @cached_property
    def _lane_combination(self) -> tuple[NDArray[np.int64], ...]:
        """(matrix, input block, output block, split) of every combination, blocks 0 if looped."""
        inputs = self.input_blocks if self.inputs_in_lanes else 1
        outputs = self.output_blocks if self.outputs_in_lanes else 1
        shape = (self.batch, inputs, outputs, self.splits)
        return np.unravel_index(np.arange(self.combinations), shape)

    def pack(self, x: FieldArray) -> FieldArray:
        """X (batch, rows, d1) as slots: (requests, N)."""
        padded = np.zeros(
            (self.batch, self.row_groups * self.rows_together, self.input_blocks * self.ring),
            np.uint64,
        )
        padded[:, : self.rows, : self.d1] = x
        matrix, block, _, split = self._lane_combination
        turn = (np.arange(self.ring) + split[:, None] * self.diagonals) % self.ring
        loop = np.arange(self.input_loop)[:, None, None]
        feature = (block[:, None] + loop) * self.ring + turn
        # (rows, input loop, combinations, ring)
        lanes = padded.transpose(1, 0, 2)[:, matrix[:, None], feature]
        filled = np.zeros((*lanes.shape[:2], self.chunks * self.row_lanes, self.ring), np.uint64)
        filled[:, :, : self.combinations] = lanes
        parted = filled.reshape(
            self.row_groups, self.rows_together, self.input_loop, self.chunks, -1, self.ring
        ).transpose(3, 0, 2, 1, 4, 5)
        return self._to_slots(parted.reshape(self.requests, 2 * self.lanes, self.ring))

    def unpack(self, slots: FieldArray) -> FieldArray:
        """Shares of the answers' slots (answers, N) as shares of X W: (batch, rows, d2)."""
        lanes = slots.reshape(self.answers, 2, self.ring, self.lanes).transpose(0, 1, 3, 2)
        parted = lanes.reshape(
            self.chunks, self.output_loop, self.row_groups, self.rows_together, -1, self.ring
        ).transpose(2, 3, 0, 4, 1, 5)
        rows = parted.reshape(
            self.row_groups * self.rows_together, -1, self.output_loop, self.ring
        )[: self.rows, : self.combinations]
        inputs = self.input_blocks if self.inputs_in_lanes else 1
        separate = rows.reshape(
            self.rows, self.batch, inputs, -1, self.splits, self.output_loop, self.ring
        )
        summed = total(total(separate, 4), 2)
        joined = summed.reshape(self.rows, self.batch, self.output_blocks * self.ring)
        return np.ascontiguousarray(joined[:, :, : self.d2].transpose(1, 0, 2))

    def weight_slots(
        self, padded: FieldArray, chunk: int, block: tuple[int, int], step: tuple[int, int]
    ) -> FieldArray:
        """Slots (N,) of one plaintext: looped blocks (input, output), step (giant, baby).

        `padded` comes from `pad_weights`.
        """
        return self.many_weight_slots(padded, chunk, np.array([[*block, *step]]))[0]

    def many_weight_slots(
        self, padded: FieldArray, chunk: int, places: NDArray[np.int64]
    ) -> FieldArray:
        """Slots (count, N) of plaintexts, a row (input, output, giant, baby) of `places` each."""
        combinations = slice(chunk * self.row_lanes, (chunk + 1) * self.row_lanes)
        matrix, inputs, outputs, split = (part[combinations] for part in self._lane_combination)
        lane_of = np.stack([
            matrix, inputs * self.ring, outputs * self.ring, split * self.diagonals,
        ])  # fmt: skip
        slots = np.empty((len(places), 2 * self.half_row), np.uint64)
        _gather_weights(padded, lane_of, places, self.ring, self.babies, self.row_lanes, slots)
        return slots

    def pad_weights(self, w: FieldArray) -> FieldArray:
        """W (batch, d1, d2) with zeros up to whole blocks, the matrix as last axis.

        Lanes side by side mostly hold different matrices, so their weights lie side by side too.
        """
        shape = (self.input_blocks * self.ring, self.output_blocks * self.ring, self.batch)
        padded = np.zeros(shape, np.uint64)
        padded[: self.d1, : self.d2] = w.transpose(1, 2, 0)
        return padded

    def _to_slots(self, lanes: FieldArray) -> FieldArray:
        count = len(lanes)
        halves = lanes.reshape(count, 2, self.lanes, self.ring).transpose(0, 1, 3, 2)
        return halves.reshape(count, 2 * self.half_row)


@kernel
def _gather_weights(
    padded: FieldArray,
    lane_of: NDArray[np.int64],
    places: NDArray[np.int64],
    ring: int,
    babies: int,
    row_lanes: int,
    out: FieldArray,
) -> None:
    """See `many_weight_slots`.

    `lane_of` (4, lanes in use) has a lane's matrix, first feature, first output, and turn.
    """
    half_row = out.shape[1] // 2
    lanes = half_row // ring
    for i in range(out.shape[0]):
        turned = places[i, 2] * babies
        for position in range(ring):
            place = (position - turned) & (ring - 1)
            diagonal = position + places[i, 3]
            row, column = places[i, 0] * ring, places[i, 1] * ring + place
            for lane in range(row_lanes):
                value = np.uint64(0)
                if lane < lane_of.shape[1]:
                    feature = row + lane_of[1, lane] + ((diagonal + lane_of[3, lane]) & (ring - 1))
                    value = padded[feature, column + lane_of[2, lane], lane_of[0, lane]]
                for copy in range(lane, 2 * lanes, row_lanes):
                    half = copy // lanes
                    out[i, half * half_row + position * lanes + copy - half * lanes] = value


def _powers(limit: int) -> list[int]:
    return [1 << i for i in range(limit.bit_length()) if 1 << i <= limit]


@lru_cache(maxsize=4096)
def plan_lanes(parameters: HeParameters, batch: int, rows: int, d1: int, d2: int) -> LanesPlan:
    """The cheapest plan for (batch, rows, d1) by (batch, d1, d2), from public sizes alone."""
    best: LanesPlan | None = None
    largest = min(parameters.half_row, 1 << (max(d1, d2) - 1).bit_length())
    for ring, in_lanes, out_lanes in product(_powers(largest), (True, False), (True, False)):
        for splits in _powers(ring):
            previous = math.inf
            for babies in _powers(ring // splits):
                plan = LanesPlan(
                    batch, rows, d1, d2, parameters.half_row, ring, splits, babies,
                    in_lanes, out_lanes,
                )  # fmt: skip
                # In the number of babies b the cost is u + v b + w / b: it falls, then rises.
                if plan.requests > _CANDIDATE_LIMIT or plan.cost > previous:
                    break
                previous = plan.cost
                if best is None or plan.cost < best.cost:
                    best = plan
    if best is None:
        raise ValueError("a matrix product needs at least one row, feature and output")
    return best

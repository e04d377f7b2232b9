"""Operations of the black box that any engine can make from the others.

The scalar functions are the exact integer functions of the specification, in both truncation modes.
An engine with something faster for one of them overrides it; the result must stay the same.
"""

from itertools import combinations

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.engines.completed_square import (
    MANTISSA,
    RECIPROCAL,
    RSQRT,
    SIGMOID,
    SILU,
    CompletedSquares,
    completed_square,
)
from cryptomoe.fixed_point import EXP_BITS, FRACTION_BITS

_EXP_ZERO_FROM = EXP_BITS + 1
_FIXED_LEVELS = 4
"""Levels of a tournament of fours: enough for 256 entries, and always run."""
_PAIRS = list(combinations(range(4), 2))


class DerivedOperations(ArithmeticBlackBox):
    """Tournaments and scalar functions, from comparisons, muxes, products and truncations."""

    def maximum(self, x: Secret) -> Secret:
        """See the interface. A tournament of fours."""
        entries = self.reshape(x, (1, *x.shape))
        return self.reshape(self._tournament(entries), x.shape[:-1])

    def argmax(self, x: Secret) -> Secret:
        """See the interface. A tournament of fours that carries the indices along."""
        size = x.shape[-1]
        index = self.public(np.broadcast_to(np.arange(size, dtype=np.int64), x.shape).copy())
        entries = self.concatenate(
            [self.reshape(x, (1, *x.shape)), self.reshape(index, (1, *x.shape))], 0
        )
        winner = self.take(self._tournament(entries), np.array([1]), 0)
        return self.declare(self.reshape(winner, x.shape[:-1]), max(size - 1, 1))

    def _tournament(self, entries: Secret) -> Secret:
        """(fields, ..., size), decided by the first field, to (fields, ..., 1)."""
        size = entries.shape[-1]
        lowest = -entries.bound - 1
        levels = _FIXED_LEVELS
        while 4**levels < size:
            levels += 1
        for _ in range(levels):
            missing = -entries.shape[-1] % 4
            if missing:
                padding = np.full((*entries.shape[:-1], missing), lowest, np.int64)
                entries = self.concatenate([entries, self.public(padding)], -1)
            groups = self.reshape(entries, (*entries.shape[:-1], entries.shape[-1] // 4, 4))
            entries = self._winners(groups)
        return entries

    def _winners(self, groups: Secret) -> Secret:
        """(fields, ..., groups, 4) to the entry of each group whose first field is greatest."""
        deciding = self.reshape(self.take(groups, np.array([0]), 0), groups.shape[1:])
        earlier = self.take(deciding, np.array([pair[0] for pair in _PAIRS]), -1)
        later = self.take(deciding, np.array([pair[1] for pair in _PAIRS]), -1)
        later_wins = self.less(earlier, later)
        earlier_wins = self.logical_not(later_wins)
        outcomes = self.concatenate([later_wins, earlier_wins], -1)
        # For each of the four: its three games, won as the later or as the earlier of the pair.
        games = np.array(
            [
                [
                    _PAIRS.index(pair) + (0 if pair[1] == entry else 6)
                    for pair in _PAIRS
                    if entry in pair
                ]
                for entry in range(4)
            ]
        )
        won = [self.take(outcomes, games[:, game], -1) for game in range(3)]
        best = self.logical_and(self.logical_and(won[0], won[1]), won[2])
        kept = self.keep_if(self.broadcast(best, groups.shape), groups)
        return self.declare(self.sum(kept, len(groups.shape) - 1), groups.bound)

    def silu(self, x: Secret) -> Secret:
        """See the interface and the specification: max(x, 0) less a piecewise correction."""
        u, sign = self._folded(x)
        return self.subtract(
            self.keep_if(self.logical_not(sign), x), completed_square(self, u, SILU)
        )

    def sigmoid(self, x: Secret) -> Secret:
        """See the interface and the specification: 1/2 and an odd part."""
        u, sign = self._folded(x)
        odd = completed_square(self, u, SIGMOID)
        half = 1 << (FRACTION_BITS - 1)
        signed = self.add(odd, self.keep_if(sign, self.scale_public(odd, -2)))
        return self.declare(self.add_public(signed, half), 2 * half)

    def _folded(self, x: Secret) -> tuple[Secret, SecretBits]:
        """|15 x| / 2^8 by one's complement, and [x < 0]."""
        u = self.truncate(self.scale_public(x, 15), 8, exact=True)
        sign = self.negative(x)
        bound = u.bound
        complement = self.add_public(self.scale_public(u, -2), -1)
        return self.declare(self.add(u, self.keep_if(sign, complement)), bound), sign

    def exp(self, v: Secret) -> Secret:
        """See the interface and the specification: a table for the integer part, squares else."""
        i = self.truncate(v, FRACTION_BITS, exact=True)
        fraction = self.declare(
            self.subtract(v, self.scale_public(i, 1 << FRACTION_BITS)), (1 << FRACTION_BITS) - 1
        )
        u = self.declare(self.truncate(fraction, 3, exact=True), MANTISSA.greatest)
        mantissa = self.declare(completed_square(self, u, MANTISSA), 1 << 16)
        over = self.reshape(self.at_least(v, [_EXP_ZERO_FROM << FRACTION_BITS]), v.shape)
        clipped = self.select(over, self.public(np.full(v.shape, 31, np.int64)), i)
        powers = np.zeros((1, 32), np.int64)
        powers[0, :_EXP_ZERO_FROM] = 1 << np.arange(EXP_BITS, -1, -1)
        power = self.reshape(self.lookup(self.declare(clipped, 31), powers), v.shape)
        product = self.add_public(self.multiply(mantissa, power), 1 << 15)
        return self.declare(self.truncate(product, 16, exact=True), 1 << EXP_BITS)

    def reciprocal(self, s: Secret) -> Secret:
        """See the interface and the specification: normalised by a secret power of two."""
        thresholds = [1 << (19 + j) for j in range(1, 10)]
        power = self._falling_power(self.to_arithmetic(self.at_least(s, thresholds)), 2)
        mantissa = self._mantissa(s, power, 16, RECIPROCAL)
        r = self.declare(completed_square(self, mantissa, RECIPROCAL), 1 << 16)
        product = self.add_public(self.multiply(r, power), 1 << 7)
        return self.truncate(product, 8, exact=True)

    def rsqrt(self, s: Secret) -> tuple[Secret, Secret]:
        """See the interface and the specification: normalised by a secret power of four."""
        thresholds = [4**j for j in range(1, 21)]
        above = self.to_arithmetic(self.at_least(s, thresholds))
        root_power = self._falling_power(above, 2)
        power = self._falling_power(above, 4)
        mantissa = self._mantissa(s, power, 28, RSQRT)
        return self.declare(completed_square(self, mantissa, RSQRT), 1 << 16), root_power

    def _falling_power(self, above: Secret, base: int) -> Secret:
        """base^(count - k) from the k of `count` 0/1 integers, in order, that are 1."""
        count = above.shape[0]
        steps = np.array(
            [base ** (count - j) - base ** (count - j + 1) for j in range(1, count + 1)]
        )
        column = steps.reshape(-1, *(1,) * (len(above.shape) - 1))
        lowered = self.sum(self.scale_public(above, column), 0)
        return self.declare(self.add_public(lowered, base**count), base**count)

    def _mantissa(self, s: Secret, power: Secret, bits: int, squares: CompletedSquares) -> Secret:
        """s * power / 2^bits less 2^12: the 12 fraction bits of the normalised s."""
        product = self.multiply(s, power)
        normalised = self.truncate(product, bits, exact=True)
        return self.declare(self.add_public(normalised, -(1 << 12)), squares.greatest)

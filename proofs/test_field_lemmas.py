"""Lemmas about additive shares modulo p: wrap, lift, sign, truncation, and a root of -1.

Each is proved for every modulus (linear arithmetic, polynomial identities), and the engine's own
code is run on every value with every split into shares modulo small primes.
"""

from functools import partial
from itertools import product

import numpy as np
import pytest
import sympy
from claims import proof
from cryptomoe_spec.truncate import approximate_truncate
from ideal_transfers import all_shares, bounded, opened, run, set_modulus
from linear_arithmetic import Linear, at_most, below, equals, infeasible, variable

from cryptomoe.engines.abb import SecretBits
from cryptomoe.field import VALUE_LIMIT, P

PRIMES = (17, 97, 113, 193, 257)
H, X, X0, X1 = (variable(name) for name in ("h", "x", "x0", "x1"))
"""p = 2 h + 1; a value and its shares."""
MODULUS = H * 2 + 1


def shares_of_half(wraps: int) -> list[Linear]:
    """0 <= x < p/2, shares in [0, p), and x_0 + x_1 = x + wraps p."""
    ranges = [at_most(0, X), at_most(X, H), at_most(1, H)]
    for share in (X0, X1):
        ranges += [at_most(0, share), below(share, MODULUS)]
    return ranges + equals(X0 + X1, X + MODULUS * wraps)


@proof(
    functionality="truncate",
    method="linear arithmetic",
)
def test_wrap_lemma() -> None:
    """The wrap bit of a value below p/2 is an or of two local bits.

    Let p = 2h + 1, 0 <= x <= h, x_0, x_1 in [0, p), x_0 + x_1 = x modulo p.

    Then x_0 + x_1 = x + w p with w in {0, 1}, and w = 1 iff x_0 >= h + 1 or x_1 >= h + 1, where
    h + 1 = (p+1)/2. In the first case both shares are at most h, and in the second not both.
    """
    without, with_wrap = shares_of_half(0), shares_of_half(1)
    for share in (X0, X1):
        assert infeasible([*without, at_most(H + 1, share)])
    assert infeasible([*with_wrap, at_most(X0, H), at_most(X1, H)])
    ranges = shares_of_half(0)[:-2]
    assert infeasible([*ranges, *equals(X0 + X1, X + MODULUS * 2)])
    assert infeasible([*ranges, *equals(X0 + X1, X - MODULUS)])
    # Neither system is empty, so the elimination does not hold vacuously.
    assert not infeasible(without)
    assert not infeasible(with_wrap)


@proof(
    functionality="truncate",
    method="counterexample",
)
def test_wrap_lemma_fails_above_half() -> None:
    """The wrap lemma needs x < p/2.

    For x = (p+1)/2 the shares (x, 0) do not wrap, yet one of them is at least (p+1)/2.
    """
    x = (P + 1) // 2
    assert (x + 0) // P == 0
    assert x >= (P + 1) // 2


@proof(
    functionality="truncate",
    method="sympy",
)
def test_exact_quotient_identity() -> None:
    """Exact truncation as implemented is the floor, for every modulus and every split.

    Let y = 2^b q + l, 0 <= l < 2^b, y_0 + y_1 = y + w p, and r_i in [0, 2^b) with
    r_0 + r_1 = y modulo 2^b. Then with c = [r_0 + r_1 >= 2^b]

    (y_0 - r_0) + (y_1 - r_1) = 2^b (q - c) + w p,

    so dividing by 2^b modulo p and adding c gives q = floor(y / 2^b). The comparison made is
    [2^b - 1 - r_0 < r_1], which is c.
    """
    y0, r0, q, low, w, p, c, size = sympy.symbols("y0 r0 q l w p c s")
    y1 = size * q + low + w * p - y0
    r1 = low + c * size - r0
    assert sympy.expand((y0 - r0) + (y1 - r1) - (size * (q - c) + w * p)) == 0
    s, low_part, first, second = (variable(name) for name in ("s", "l", "r0", "r1"))
    ranges = [at_most(0, low_part), below(low_part, s)]
    for share in (first, second):
        ranges += [at_most(0, share), below(share, s)]
    for carry in (-1, 0, 1, 2):
        system = [*ranges, *equals(first + second, low_part + s * carry)]
        compared = below(s - 1 - first, second)
        not_compared = at_most(second, s - 1 - first)
        if carry in {0, 1}:
            assert infeasible([*system, not_compared if carry else compared])
            assert not infeasible(system)
        else:
            assert infeasible(system)


@pytest.mark.parametrize("p", PRIMES)
@proof(
    functionality="truncate",
    method="exhaustive",
)
def test_exact_truncation_of_every_share(p: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's exact truncation is the floor.

    The engine's `truncate` modulo a small prime: every x >= -(p//4 rounded down to a multiple
    of 2^b), x < p/4, every split into shares, every b with 2^b <= p/4; the result is floor(x/2^b).
    """
    set_modulus(monkeypatch, p)
    limit = p // 4
    for bits in range(1, limit.bit_length()):
        lowest = -(limit >> bits << bits)
        x, shares = all_shares(p, np.arange(lowest, limit))
        truncate = partial(lambda e, v, bits: e.truncate(v, bits, exact=True), bits=bits)
        assert np.array_equal(opened(run(truncate, shares, bounded(limit - 1)), p), x >> bits)


@proof(
    functionality="truncate",
    method="exhaustive",
)
def test_the_shift_before_truncation() -> None:
    """The engine's shift makes every value non-negative, up to 27 bits.

    p//4 is a multiple of 2^27 and not of 2^28. So for b <= 27 the shift p//4 >> b << b is p//4,
    and x + shift is in [0, p/2) for every |x| < p/4; for b = 28 that needs x >= -(p//4) + 2^27.
    """
    for bits in range(1, 28):
        assert VALUE_LIMIT >> bits << bits == VALUE_LIMIT
    assert VALUE_LIMIT - (VALUE_LIMIT >> 28 << 28) == 1 << 27
    assert 2 * VALUE_LIMIT - 1 <= P // 2


@proof(functionality="truncate", method="counterexample")
def test_truncation_by_more_than_27_bits_needs_larger_values() -> None:
    """Truncating by 28 bits is wrong for values below -(p//4) + 2^27, and right from there on.

    The engine at the real modulus, the client's shifted share being (p-1)/2: from -(p//4) + 2^27 on
    the floor, below it something else. Only rsqrt truncates by so many bits, and its operand is not
    negative.
    """
    shift = VALUE_LIMIT >> 28 << 28
    own = (P // 2 - shift) % P
    for x in (-VALUE_LIMIT + 1, -shift - 1, -shift, 0, VALUE_LIMIT - 1):
        shares = np.array([own], np.uint64), np.array([(x - own) % P], np.uint64)
        parts = run(lambda e, v: e.truncate(v, 28, exact=True), shares, bounded(VALUE_LIMIT - 1))
        assert (int(opened(parts, P)[0]) == x >> 28) == (x >= -shift)


def carry_formula(
    x: np.ndarray, own: np.ndarray, p: int, bits: int, *, with_product: bool
) -> np.ndarray:
    """floor by shifted shares, wrap, carry, and (or not) the product of wrap and zero test."""
    other = np.mod(x - own, p)
    wrap = (own > p // 2) | (other > p // 2)
    low = (own & ((1 << bits) - 1)) + (other & ((1 << bits) - 1))
    carry, zero = low >> bits, low & ((1 << bits) - 1) == 0
    result = (own >> bits) + (other >> bits) - wrap * (p >> bits) + carry
    return result - (wrap & zero) if with_product else result


@proof(
    functionality="truncate",
    method="exhaustive",
)
def test_shifted_shares_with_and_without_the_product() -> None:
    """The formula by shifted shares needs the product of wrap and zero test.

    For p = 1 modulo 2^b and 0 <= x < p/2: floor(x/2^b) = (x_0 >> b) + (x_1 >> b) - w (p >> b)
    + c - w z with c = [b_0 + b_1 >= 2^b], z = [b_0 + b_1 = 0 modulo 2^b], b_i = x_i mod 2^b. Left
    without w z it is one too large exactly where w = z = 1, at every small prime and at the real p.
    """
    for p, bits in ((17, 3), (97, 5), (113, 4), (193, 6), (257, 7)):
        assert p % (1 << bits) == 1
        x, (own, _) = all_shares(p, np.arange((p + 1) // 2))
        own = own.astype(np.int64)
        exact = carry_formula(x, own, p, bits, with_product=True)
        assert np.array_equal(exact, x >> bits)
        without = carry_formula(x, own, p, bits, with_product=False)
        assert set((without - exact).tolist()) == {0, 1}
    # The real p: x = 2^13 - 1 and the share p - 2^13 are an instance.
    x, own = np.array([(1 << 13) - 1]), np.array([P - 1 - (3 << 13)])
    assert carry_formula(x, own, P, 13, with_product=True)[0] == 0
    assert carry_formula(x, own, P, 13, with_product=False)[0] == 1


@pytest.mark.parametrize("p", PRIMES)
@proof(
    functionality="approximate_truncate",
    method="exhaustive",
)
def test_approximate_truncation_of_every_share(p: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's approximate truncation is the ideal function of either share.

    Modulo small primes that are 1 modulo 2^b: for every x and every split, the engine's result
    is (y_0 >> b) + (y_1 >> b) - w (p >> b) + 1 - (offset >> b) on y = x + offset, and its error
    over floor(x/2^b) is 0, 1 or 2, where 2 needs y = -1 modulo 2^b, a wrap, and y_0 = 0 modulo 2^b.
    """
    set_modulus(monkeypatch, p)
    limit, seen = p // 4, set()
    for bits in range(1, limit.bit_length()):
        if p % (1 << bits) != 1:
            continue
        offset = limit >> bits << bits
        x, (client, server) = all_shares(p, np.arange(-offset, limit))
        truncate = partial(lambda e, v, bits: e.truncate(v, bits, exact=False), bits=bits)
        result = opened(run(truncate, (client, server), bounded(limit - 1)), p)
        y, y0 = x + offset, np.mod(client.astype(np.int64) + offset, p)
        y1 = server.astype(np.int64)
        wrap = (y0 > p // 2) | (y1 > p // 2)
        ideal = (y0 >> bits) + (y1 >> bits) - wrap * (p >> bits) + 1 - (offset >> bits)
        assert np.array_equal(result, ideal)
        error = result - (x >> bits)
        mask = (1 << bits) - 1
        twice = wrap & (y & mask == mask) & (y0 & mask == 0)
        assert np.array_equal(error == 2, twice)
        seen |= set(error.tolist())
    assert seen == {0, 1, 2}


@proof(
    functionality="approximate_truncate",
    method="linear arithmetic",
)
def test_error_set_of_approximate_truncation() -> None:
    """The error of approximate truncation is 0, 1 or 2, for every p = 1 modulo 2^b.

    Write y_i = 2^b q_i + l_i, p = 2^b r + 1, y_0 + y_1 = y + w p, y = 2^b q + l. Then
    l_0 + l_1 - w = l + 2^b (q - (q_0 + q_1 - w r)), so with e = (q_0 + q_1 - w r + 1) - q it is
    2^b (1 - e) + l = l_0 + l_1 - w, whose range leaves e in {0, 1, 2}; and e = 2 only for w = 1,
    l_0 = l_1 = 0, l = 2^b - 1.
    """
    q0, l0, q1, l1, w, r, q, low, size = sympy.symbols("q0 l0 q1 l1 w r q l s")
    y = size * q + low
    total = size * (q0 + q1) + l0 + l1 - w * (size * r + 1)
    error = q0 + q1 - w * r + 1 - q
    assert sympy.expand((total - y) - (l0 + l1 - w - low - size * (1 - error))) == 0
    s, first, second, rest = (variable(name) for name in ("s", "l0", "l1", "l"))
    ranges = [at_most(2, s)]
    for part in (first, second, rest):
        ranges += [at_most(0, part), below(part, s)]
    for wrap, e in product((0, 1), range(-1, 5)):
        system = [*ranges, *equals(rest + s * (1 - e), first + second - wrap)]
        possible = e in {0, 1} or (e == 2 and wrap == 1)
        assert infeasible(system) != possible
        if e == 2 and wrap:
            for violated in (below(0, first), below(0, second), below(rest, s - 1)):
                assert infeasible([*system, violated])
    for share in (0, 1 << 44, P - 1 - (3 << 13), P - 1):
        x = np.array([-VALUE_LIMIT, -1, 0, (1 << 13) - 1, VALUE_LIMIT - 1])
        errors = approximate_truncate(x, 13, np.full(5, share)) - (x >> 13)
        assert set(errors.tolist()) <= {0, 1, 2}


@proof(
    functionality="approximate_truncate",
    method="sympy",
)
def test_mean_error_of_approximate_truncation() -> None:
    """With the public + 1 the mean error is below 2^(1-b) of a unit; without, a whole unit.

    Over a uniform share, the result minus y/2^b (offset taken off) has mean exactly
    1 - ((p - 1)(2^b - 2) + y) / (p 2^b), which lies in (0, 2^(1-b)) for 0 <= y < p/2 and b >= 1;
    without the + 1 the mean is below -1 + 2^(1-b), a bias of a whole unit. The formula equals the
    mean over all shares at small primes.
    """
    for p, bits in ((17, 4), (97, 3), (193, 6), (257, 8)):
        y, (own, other) = all_shares(p, np.arange((p + 1) // 2))
        own, other = own.astype(np.int64), other.astype(np.int64)
        wrap = (own > p // 2) | (other > p // 2)
        result = (own >> bits) + (other >> bits) - wrap * (p >> bits) + 1
        sums = ((result << bits) - y).reshape(-1, p).sum(axis=1)
        expected = [p * (1 << bits) - (p - 1) * ((1 << bits) - 2) - v for v in range((p + 1) // 2)]
        assert sums.tolist() == expected
    p, size, y = sympy.symbols("p s y", positive=True)
    mean = 1 - ((p - 1) * (size - 2) + y) / (p * size)
    # mean = (2 p + s - 2 - y) / (p s): positive for y < p/2, and below 2/s as soon as y > s - 2.
    assert sympy.simplify(mean - (2 * p + size - 2 - y) / (p * size)) == 0
    for bits in range(1, 28):
        for value in (0, P // 2):
            exact = sympy.Rational(2 * P + (1 << bits) - 2 - value, P << bits)
            assert 0 < exact < sympy.Rational(2, 1 << bits) + sympy.Rational(1, P)


@pytest.mark.parametrize("p", PRIMES)
@proof(
    functionality="negative",
    method="exhaustive",
)
def test_signs_and_lifts_of_every_share(p: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift, sign, comparison and equality of the engine.

    The engine modulo a small prime, every |x| < p/4 and every split: `negative` is [x < 0],
    `at_least` is [x >= c] for every threshold it can be asked, `equal` to 0 is [x = 0].
    """
    set_modulus(monkeypatch, p)
    limit = p // 4
    x, shares = all_shares(p, np.arange(1 - limit, limit))
    wrap = bounded(limit - 1)
    client, server = run(lambda e, v: e.negative(v), shares, wrap)
    assert np.array_equal(client ^ server, x < 0)
    thresholds = [1 - limit, -1, 0, 1, limit - 1]
    client, server = run(lambda e, v: e.at_least(v, thresholds), shares, wrap)
    assert np.array_equal(client ^ server, np.stack([x >= c for c in thresholds]))
    zero = bounded(0)(np.zeros(x.shape, np.uint64))
    client, server = run(lambda e, v: e.equal(v, zero), shares, wrap)
    assert np.array_equal(client ^ server, x == 0)


@proof(
    functionality="negative",
    method="exhaustive",
)
def test_sign_by_parity() -> None:
    """The sign without a bound is a parity.

    For odd p and |x| <= (p-1)/2: x < 0 iff 2x mod p is odd, and for y_i = 2 x_i mod p the parity
    of 2x mod p is lsb(y_0) xor lsb(y_1) xor [y_0 + y_1 >= p]. Every value and split, small odd p;
    the first part for all p: 2x < p where x >= 0, and 2x + p is odd where x < 0.
    """
    for p in PRIMES:
        x, (own, other) = all_shares(p, np.arange(-(p // 2), p // 2 + 1))
        y0, y1 = (np.mod(2 * share.astype(np.int64), p) for share in (own, other))
        parity = (y0 & 1) ^ (y1 & 1) ^ (y0 + y1 >= p)
        assert np.array_equal(parity == 1, x < 0)
    value = variable("v")
    assert infeasible([at_most(0, value), at_most(value, H), at_most(MODULUS, value * 2)])
    shifted = value * 2 + MODULUS
    assert infeasible([below(value, 0), at_most(H * -1, value), below(shifted, 0)])
    assert infeasible([below(value, 0), at_most(MODULUS, shifted)])


@proof(
    functionality="keep_if",
    method="exhaustive",
)
def test_bits_times_values_for_every_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of bits and values, bits to arithmetic, and by exclusive or.

    Modulo 97: `keep_if` is b x and `to_arithmetic` is b, for every share of x and of the bit.
    """
    p = 97
    set_modulus(monkeypatch, p)
    x, (client, server) = all_shares(p, np.arange(-48, 49))
    for first, second in product((0, 1), repeat=2):
        bits = tuple(np.full(x.size, bit, np.uint8) for bit in (first, second))
        stacked = tuple(
            np.stack([share, bit.astype(np.uint64)])
            for share, bit in zip((client, server), bits, strict=True)
        )
        parts = run(
            lambda e, v: e.keep_if(SecretBits(v[1].astype(np.uint8)), bounded(48)(v[0])),
            stacked,
            lambda data: data,
        )
        assert np.array_equal(opened(parts, p), x * (first ^ second))
        parts = run(lambda e, v: e.to_arithmetic(v), bits, SecretBits)
        assert set(opened(parts, p).tolist()) == {first ^ second}


@proof(
    functionality="one_hot",
    method="exhaustive",
)
def test_secret_indices_of_every_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """One-hot and table look-up of the engine.

    Modulo 1153, every index 0..255 and every split: `one_hot` of size 20 is [index = j]; modulo
    257, every index 0..31 and every split: `lookup` is the table's entry.
    """
    set_modulus(monkeypatch, 1153)
    index, shares = all_shares(1153, np.arange(256))
    client, server = run(lambda e, v: e.one_hot(v, 20), shares, bounded(255))
    assert np.array_equal(client ^ server, index[:, None] == np.arange(20))
    set_modulus(monkeypatch, 257)
    table = (np.arange(32) * 37 % 120 - 60)[None, :]
    index, shares = all_shares(257, np.arange(32))
    parts = run(lambda e, v: e.lookup(v, table), shares, bounded(31))
    assert np.array_equal(opened(parts, 257)[0], table[0][index])


@proof(
    functionality="completed_square",
    method="sympy",
)
def test_the_real_modulus() -> None:
    """P is prime, 3 generates, and a root of -1 makes squares negative.

    p - 1 factors completely and 3^((p-1)/r) != 1 for each prime r of it while 3^(p-1) = 1, which
    proves p prime (Lucas). I = 3^((p-1)/4) has I^2 = -1, and t_a t_b = 0 gives
    (t_a + I t_b)^2 = t_a^2 - t_b^2.
    """
    factors = sympy.factorint(P - 1)
    cofactor = 1
    for prime, exponent in factors.items():
        # Trial division proves the small factors prime.
        assert all(prime % d for d in range(2, int(prime**0.5) + 1))
        cofactor *= prime**exponent
        assert pow(3, (P - 1) // prime, P) != 1
    assert cofactor == P - 1
    assert pow(3, P - 1, P) == 1
    assert factors[2] == 29
    root = pow(3, (P - 1) // 4, P)
    assert root * root % P == P - 1
    ta, tb, unit = sympy.symbols("t_a t_b I")
    square = sympy.expand((ta + unit * tb) ** 2).subs(unit**2, -1)
    assert sympy.expand(square.subs(ta * tb, 0) - (ta**2 - tb**2)) == 0

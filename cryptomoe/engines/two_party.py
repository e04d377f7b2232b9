"""The black box between two parties: additive shares in F_p, homomorphic encryption, transfers.

The paper's setting. A value is shared additively modulo p, a bit by exclusive or. Products use
homomorphic encryption under the client's key; whatever compares, truncates or looks up uses
oblivious transfer. Semi-honest parties; formulas and their reasons: the modules of `he` and `ot`.

A share of a non-negative bounded value *lifts* to a ring modulo 2^L for one correlated transfer:
x + p//4 is below p/2, so its shares wrap around p exactly when one of them is at least (p+1)/2, and
the product of the two parties' bits is all that is missing to take the wrap off.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cryptomoe import field as fp
from cryptomoe.engines.abb import Hidden, IntArray, Secret, SecretBits, Weight, same_kind
from cryptomoe.engines.derived import DerivedOperations
from cryptomoe.field import VALUE_LIMIT, FieldArray, P
from cryptomoe.he.backend import AnsweringParty, Backend
from cryptomoe.he.backends import BACKENDS, DEFAULT_BACKEND
from cryptomoe.he.flood import FloodBudget
from cryptomoe.he.layouts.lanes import LanesPlan, plan_lanes
from cryptomoe.he.linear import (
    EncodedWeights,
    KeyRing,
    PlaintextCache,
    answer_linear,
    finish_linear,
    receive_linear,
    request_linear,
)
from cryptomoe.he.parameters import STANDARD, HeParameters
from cryptomoe.he.products import answer_products, ask_products, plan_products
from cryptomoe.net.channel import Channel
from cryptomoe.net.packing import check_range, pack_words, packed_size, unpack_words
from cryptomoe.ot.endpoint import OtEndpoint
from cryptomoe.ot.rows import Method
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

BitArray = NDArray[np.uint8]
Truncation = Literal["exact", "approximate"]

_WRAPS_FROM = (P + 1) // 2
_LARGEST = VALUE_LIMIT - 1
_DIGIT_BITS = 4
"""An index of `one_hot` has two digits of so many bits."""
DEFAULT_CACHE_BYTES = 2 << 30
"""Memory for encoded weights; further ones are encoded each time they are used."""


class TwoPartyEngine(DerivedOperations):
    """One party's side of the black box. Both parties make the same calls with the same shapes.

    `truncation` is what `truncate` does where the caller does not ask for the exact one; `backend`
    encrypts homomorphically; `ot` names where transfers come from (`cryptomoe.ot.rows`); `on_scope`
    is told the name of every scope entered, which is public, to show progress.
    """

    def __init__(
        self,
        channel: Channel,
        randomness: Randomness,
        truncation: Truncation,
        *,
        backend: Backend = BACKENDS[DEFAULT_BACKEND],
        ot: Method = "iknp",
        parameters: HeParameters = STANDARD,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        on_scope: Callable[[str], None] | None = None,
    ) -> None:
        self.party = channel.party
        self.parameters = parameters
        self._channel = channel
        self._randomness = randomness
        self._truncation = truncation
        self._on_scope = on_scope
        self._cache = PlaintextCache(cache_bytes)
        self._ot = OtEndpoint(channel, randomness, ot)
        self._owner = (
            backend.key_owner(parameters, randomness) if self.party is Party.CLIENT else None
        )
        self._server = (
            backend.answering_party(parameters, randomness) if self.party is Party.SERVER else None
        )
        self._keys = KeyRing(channel, self._owner, self._server)

    def setup(self) -> None:
        """Exchange keys and base transfers, once, before anything else."""
        with self._channel.scope("setup"):
            if self._owner is not None:
                self._channel.send("public_key", self._owner.public_key())
            if self._server is not None:
                size = self._server.sizes.public_key_bytes
                message = self._channel.receive("public_key", size)
                self._server.set_public_key("setup/public_key", message)
        self._ot.setup()

    @property
    def flood_budget(self) -> FloodBudget | None:
        """The server's account of answers; None at the client."""
        return None if self._server is None else self._server.budget

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """See the interface."""
        if self._on_scope is not None:
            self._on_scope(name)
        with self._channel.scope(name):
            yield

    # --- structure -------------------------------------------------------------------------------

    def reshape(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """See the interface."""
        return same_kind(x, x.data.reshape(shape))

    def transpose(self, x: Hidden, axes: tuple[int, ...]) -> Hidden:
        """See the interface."""
        return same_kind(x, x.data.transpose(axes))

    def take(self, x: Hidden, indices: IntArray, axis: int) -> Hidden:
        """See the interface."""
        return same_kind(x, np.take(x.data, indices, axis=axis))

    def concatenate(self, xs: Sequence[Hidden], axis: int) -> Hidden:
        """See the interface."""
        data = np.concatenate([x.data for x in xs], axis=axis)
        bounds = [x.bound for x in xs if isinstance(x, Secret)]
        return same_kind(xs[0], data, max(bounds, default=None))

    def broadcast(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """See the interface."""
        return same_kind(x, np.broadcast_to(x.data, shape))

    # --- entering and leaving --------------------------------------------------------------------

    def input(
        self, owner: Party, values: IntArray | None, shape: tuple[int, ...], bound: int
    ) -> Secret:
        """See the interface. Nothing is sent: the owner's share is the value, the other's is 0."""
        if values is None or owner is not self.party:
            return Secret(np.zeros(shape, np.uint64), bound)
        return Secret(fp.to_field(values).reshape(shape), bound)

    def input_bits(
        self, owner: Party, values: NDArray[np.bool_] | None, shape: tuple[int, ...]
    ) -> SecretBits:
        """See the interface. Nothing is sent."""
        if values is None or owner is not self.party:
            return SecretBits(np.zeros(shape, np.uint8))
        return SecretBits(values.astype(np.uint8).reshape(shape))

    def weight(self, values: IntArray | None, shape: tuple[int, int, int]) -> Weight:
        """See the interface. Plaintexts are encoded at first use."""
        if values is None or self._server is None:
            return Weight(shape, None)
        residues = fp.to_field(values).reshape(shape)
        return Weight(shape, EncodedWeights(residues, self._cache))

    def public(self, values: IntArray) -> Secret:
        """See the interface. The client's share is the constant."""
        bound = int(np.abs(values).max(initial=0))
        return self.input(Party.CLIENT, values, values.shape, bound)

    def reveal(self, x: Secret, to: Party | None) -> IntArray | None:
        """See the interface."""
        own = np.ascontiguousarray(x.data).reshape(-1)
        size = packed_size(own.size, fp.P_BITS)
        if to is None or to is not self.party:
            self._channel.send("reveal", pack_words(own, fp.P_BITS))
        if to is None or to is self.party:
            message = self._channel.receive("reveal", size)
            other = unpack_words(message, own.size, fp.P_BITS)
            check_range(self._channel.label("reveal"), other, P)
            return fp.to_signed(fp.add(own, other)).reshape(x.shape)
        return None

    # --- local arithmetic ------------------------------------------------------------------------

    def declare(self, x: Secret, bound: int) -> Secret:
        """See the interface."""
        return Secret(x.data, bound)

    def add(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return Secret(fp.add(x.data, y.data), _capped(x.bound + y.bound))

    def subtract(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return Secret(fp.subtract(x.data, y.data), _capped(x.bound + y.bound))

    def add_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface. The client adds it."""
        constant = np.asarray(c, np.int64)
        bound = _capped(x.bound + int(np.abs(constant).max(initial=0)))
        shape = np.broadcast_shapes(x.shape, constant.shape)
        if self.party is Party.CLIENT:
            return Secret(fp.add(x.data, fp.to_field(constant)), bound)
        return Secret(np.broadcast_to(x.data, shape), bound)

    def scale_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface."""
        factor = np.asarray(c, np.int64)
        bound = _capped(x.bound * int(np.abs(factor).max(initial=0)))
        return Secret(fp.multiply(x.data, fp.to_field(factor)), bound)

    def sum(self, x: Secret, axis: int) -> Secret:
        """See the interface."""
        return Secret(fp.total(x.data, axis), _capped(x.bound * x.shape[axis]))

    # --- products --------------------------------------------------------------------------------

    def multiply(self, x: Secret, y: Secret) -> Secret:
        """See the interface. One exchange of ciphertexts, for both cross terms."""
        shape = np.broadcast_shapes(x.shape, y.shape)
        left = np.broadcast_to(x.data, shape).reshape(-1)
        right = np.broadcast_to(y.data, shape).reshape(-1)
        factors = (left, right) if self.party is Party.CLIENT else (right, left)
        crossed = self._one_sided_products("multiply", np.stack(factors))
        product = fp.add(fp.multiply(left, right), crossed)
        return Secret(product.reshape(shape), _capped(x.bound * y.bound))

    def square(self, x: Secret) -> Secret:
        """See the interface. Half the requests of a product."""
        own = np.ascontiguousarray(x.data).reshape(-1)
        factor = own if self.party is Party.CLIENT else fp.add(own, own)
        crossed = self._one_sided_products("square", factor[np.newaxis])
        product = fp.add(fp.multiply(own, own), crossed)
        return Secret(product.reshape(x.shape), _capped(x.bound**2))

    def matmul(self, x: Secret, y: Secret) -> Secret:
        """See the interface. Each party's shares meet the other's as a plaintext matrix.

        The client's x meets the server's y, which takes the server's x along; the client's y meets
        the server's x. Both requests travel together, and both answers.
        """
        (batch, a, b), c = x.shape, y.shape[2]
        left, right = np.ascontiguousarray(x.data), np.ascontiguousarray(y.data)
        left_turned, right_turned = (z.transpose(0, 2, 1) for z in (left, right))
        plans = (
            plan_lanes(self.parameters, batch, a, b, c),
            plan_lanes(self.parameters, batch, c, b, a),
        )
        with self.scope("matmul"):
            self._keys.require(plans[0].galois_steps + plans[1].galois_steps)
            if self._owner is not None:
                for name, plan, share in zip("xy", plans, (left, right_turned), strict=True):
                    with self.scope(name):
                        request_linear(self._channel, self._owner, plan, share)
                results = []
                for name, plan in zip("xy", plans, strict=True):
                    with self.scope(name):
                        results.append(finish_linear(self._channel, self._owner, plan))
                results[0] = fp.add(results[0], fp.matmul(left, right))
            else:
                results = self._answer_matmul(plans, left, (right, left_turned))
        result = fp.add(results[0], results[1].transpose(0, 2, 1))
        return Secret(result, _LARGEST)

    def linear(self, x: Secret, w: Weight) -> Secret:
        """See the interface."""
        batch, rows, d1 = x.shape
        plan = plan_lanes(self.parameters, batch, rows, d1, w.shape[2])
        share = np.ascontiguousarray(x.data)
        with self.scope("linear"):
            self._keys.require(plan.galois_steps)
            if self._owner is not None:
                request_linear(self._channel, self._owner, plan, share)
                return Secret(finish_linear(self._channel, self._owner, plan), _LARGEST)
            server = self._answering()
            ciphertexts = receive_linear(self._channel, server, plan)
            result = answer_linear(self._channel, server, plan, ciphertexts, share, w.data)
            return Secret(result, _LARGEST)

    # --- truncation ------------------------------------------------------------------------------

    def truncate(self, x: Secret, bits: int, *, exact: bool | None = None) -> Secret:
        """See the interface.

        Exact: the low bits are lifted to a ring of their own; x less its low bits is divided by
        2^bits locally, modulo p, and one comparison tells whether the low bits carried.
        Approximate: each party shifts its share, the wrap around p is taken off, and 1 is added
        (CRYPTO: without it the result is biased by a whole unit).
        """
        is_exact = self._truncation == "exact" if exact is None else exact
        # A multiple of 2^bits that makes x non-negative; p//4 itself up to 27 bits.
        shift = VALUE_LIMIT >> bits << bits
        shares = self._shifted(x.data, shift)
        bound = _capped((x.bound >> bits) + (1 if is_exact else 3))
        if is_exact:
            with self.scope("truncate"):
                quotient = self._exact_quotient(shares, bits)
        else:
            with self.scope("truncate_approximately"):
                quotient = self._approximate_quotient(shares, bits)
        offset = (0 if is_exact else 1) - (VALUE_LIMIT >> bits)
        if self.party is Party.CLIENT:
            quotient = fp.add(quotient, fp.to_field(np.array([offset])))
        return Secret(quotient.reshape(x.shape), bound)

    def _exact_quotient(self, shares: FieldArray, bits: int) -> FieldArray:
        low = self._take_off_wrap(shares, P, bits)
        compared = np.uint64((1 << bits) - 1) - low if self.party is Party.CLIENT else low
        carry = self._ot.less_than(compared, bits)
        inverse = pow(1 << bits, -1, P)
        divided = fp.scale(fp.subtract(shares, low), inverse)
        return fp.add(divided, self._to_field(carry))

    def _approximate_quotient(self, shares: FieldArray, bits: int) -> FieldArray:
        shifted = shares >> np.uint64(bits)
        return self._less_wrapped(shifted, shares, P >> bits, P)

    def _shifted(self, data: FieldArray, shift: int = VALUE_LIMIT) -> FieldArray:
        """Flat shares of x + shift, which is in [0, p/2)."""
        flat = np.ascontiguousarray(data).reshape(-1)
        if self.party is Party.CLIENT:
            return fp.add(flat, np.full(1, shift, np.uint64))
        return flat

    def _take_off_wrap(self, shares: FieldArray, wrap: int, bits: int) -> FieldArray:
        """Shares modulo 2^bits of what `shares` mean as an integer below p/2."""
        return self._less_wrapped(shares, shares, wrap, 1 << bits)

    def _less_wrapped(
        self, values: FieldArray, shares: FieldArray, wrap: int, modulus: int
    ) -> FieldArray:
        """Shares modulo `modulus` of v_0 + v_1 - w * wrap, w telling if `shares` wrap around p.

        w = a_0 or a_1 = a_0 + a_1 - a_0 a_1, a_i being whether share i is at least (p+1)/2.
        """
        reaches = shares >= np.uint64(_WRAPS_FROM)
        correlation = reaches.astype(np.uint64) * np.uint64(wrap % modulus)
        payload = correlation if self.party is Party.CLIENT else reaches.astype(np.uint8)
        with self.scope("wrap"):
            both = self._ot.correlate_one_way(Party.CLIENT, payload, modulus)
        if modulus == P:
            return fp.add(fp.subtract(values % np.uint64(P), correlation), both)
        mask = np.uint64(modulus - 1)
        return (values - correlation + both) & mask

    def _lift(self, x: FieldArray, bits: int) -> FieldArray:
        """Flat shares modulo 2^bits of the signed x."""
        lifted = self._take_off_wrap(self._shifted(x), P, bits)
        if self.party is Party.CLIENT:
            lifted = lifted - np.uint64(VALUE_LIMIT)
        return lifted & np.uint64((1 << bits) - 1)

    # --- bits ------------------------------------------------------------------------------------

    def at_least(self, x: Secret, thresholds: Sequence[int]) -> SecretBits:
        """See the interface. One lift serves all thresholds."""
        largest = max(abs(threshold) for threshold in thresholds)
        bits = (x.bound + largest).bit_length() + 1
        shape = (len(thresholds), *x.shape)
        with self.scope("at_least"):
            lifted = self._lift(x.data, bits)
            if self.party is Party.CLIENT:
                constants = np.array(thresholds, np.int64).astype(np.uint64)[:, np.newaxis]
                differences = (lifted - constants) & np.uint64((1 << bits) - 1)
            else:
                differences = np.broadcast_to(lifted, (len(thresholds), lifted.size))
            below = self._sign_of_ring(differences.reshape(-1), bits)
        return self.logical_not(SecretBits(below.reshape(shape)))

    def negative(self, x: Secret) -> SecretBits:
        """See the interface. A lift, and a comparison one bit narrower than it."""
        bits = x.bound.bit_length() + 1
        with self.scope("negative"):
            signs = self._sign_of_ring(self._lift(x.data, bits), bits)
        return SecretBits(signs.reshape(x.shape))

    def less(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface."""
        return self.negative(self.subtract(x, y))

    def equal(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface. The difference is 0 iff one lifted share is the other's negative."""
        difference = self.subtract(x, y)
        bits = difference.bound.bit_length() + 1
        with self.scope("equal"):
            lifted = self._lift(difference.data, bits)
            if self.party is Party.SERVER:
                lifted = (~lifted + np.uint64(1)) & np.uint64((1 << bits) - 1)
            same = self._ot.equal(lifted, bits)
        return SecretBits(same.reshape(difference.shape))

    def _sign_of_ring(self, shares: FieldArray, bits: int) -> BitArray:
        """Top bit of a value shared modulo 2^bits: the shares' top bits and the carry below."""
        low_bits = bits - 1
        low_mask = np.uint64((1 << low_bits) - 1)
        low = shares & low_mask
        compared = low_mask - low if self.party is Party.CLIENT else low
        carry = self._ot.less_than(compared, low_bits)
        return (shares >> np.uint64(low_bits)).astype(np.uint8) ^ carry

    def logical_not(self, a: SecretBits) -> SecretBits:
        """See the interface. The client flips."""
        return SecretBits(a.data ^ np.uint8(self.party is Party.CLIENT))

    def logical_xor(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """See the interface."""
        return SecretBits(a.data ^ b.data)

    def logical_and(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """See the interface."""
        shape = np.broadcast_shapes(a.shape, b.shape)
        left, right = (
            np.ascontiguousarray(np.broadcast_to(bits.data, shape)).reshape(-1) for bits in (a, b)
        )
        with self.scope("and"):
            both = self._ot.and_bits(left, right)
        return SecretBits(both.reshape(shape))

    def to_arithmetic(self, a: SecretBits) -> Secret:
        """See the interface."""
        with self.scope("to_arithmetic"):
            flat = self._to_field(np.ascontiguousarray(a.data).reshape(-1))
        return Secret(flat.reshape(a.shape), 1)

    def _to_field(self, bits: BitArray) -> FieldArray:
        """b_0 xor b_1 = b_0 + b_1 - 2 b_0 b_1, one transfer."""
        own = bits.astype(np.uint64)
        doubled = fp.negate(fp.add(own, own))
        payload = doubled if self.party is Party.CLIENT else bits
        with self.scope("bit"):
            return fp.add(own, self._ot.correlate_one_way(Party.CLIENT, payload, P))

    def select(self, a: SecretBits, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        chosen = self.add(y, self.keep_if(a, self.subtract(x, y)))
        return self.declare(chosen, max(x.bound, y.bound))

    def keep_if(self, a: SecretBits, x: Secret) -> Secret:
        """See the interface. b x = sum_i (b_i x_i + b_(1-i) (x_i - 2 b_i x_i))."""
        shape = np.broadcast_shapes(a.shape, x.shape)
        own_bits = np.ascontiguousarray(np.broadcast_to(a.data, shape)).reshape(-1)
        own = np.ascontiguousarray(np.broadcast_to(x.data, shape)).reshape(-1)
        kept = own * own_bits.astype(np.uint64)
        signed = fp.subtract(fp.subtract(own, kept), kept)
        with self.scope("keep_if"):
            crossed = self._ot.correlate(signed, own_bits, P)
        return Secret(fp.add(kept, crossed).reshape(shape), x.bound)

    # --- secret indices --------------------------------------------------------------------------

    def one_hot(self, index: Secret, size: int) -> SecretBits:
        """See the interface. A transfer for each 4-bit digit, then the product of their bits."""
        base = 1 << _DIGIT_BITS
        mask = np.uint64(base - 1)
        with self.scope("one_hot"):
            lifted = self._lift(index.data, 2 * _DIGIT_BITS)
            low, high = lifted & mask, lifted >> np.uint64(_DIGIT_BITS)
            compared = mask - low if self.party is Party.CLIENT else low
            carry = self._ot.less_than(compared, _DIGIT_BITS)
            own = carry.astype(np.uint64)
            payload = (own * np.uint64(base - 2)) & mask
            with self.scope("carry"):
                both = self._ot.correlate_one_way(
                    Party.CLIENT, payload if self.party is Party.CLIENT else carry, base
                )
            high = (high + own + both) & mask
            digits = self._digit_one_hots(np.concatenate([low, high]))
            low_bits, high_bits = digits[: low.size], digits[low.size :]
            columns = np.arange(size)
            low_part = SecretBits(low_bits[:, columns % base])
            high_part = SecretBits(high_bits[:, columns // base])
            bits = self.logical_and(low_part, high_part)
        return SecretBits(bits.data.reshape(*index.shape, size))

    def _digit_one_hots(self, digits: FieldArray) -> BitArray:
        """Shares (n, 16) of [digit = j] for digits shared modulo 16."""
        base = 1 << _DIGIT_BITS
        if self.party is Party.SERVER:
            masks = self._randomness.stream("one hot").ring((digits.size, 1), base)
            # For the client's share c the entry is the unit vector at c + own, as 16 bits.
            turns = np.arange(base).astype(np.uint64)
            position = (digits[:, np.newaxis] + turns) & np.uint64(base - 1)
            words = (np.uint64(1) << position) ^ masks
            self._ot.one_of_many(Party.SERVER, words, _DIGIT_BITS, base)
            received = masks.reshape(-1)
        else:
            received = self._receive_one(digits.astype(np.uint8), _DIGIT_BITS, base)
        shifts = np.arange(base, dtype=np.uint64)
        return ((received[:, np.newaxis] >> shifts) & np.uint64(1)).astype(np.uint8)

    def lookup(self, index: Secret, tables: IntArray) -> Secret:
        """See the interface. One transfer of one of `size` field elements for each table."""
        count, size = tables.shape
        bits = size.bit_length() - 1
        bound = int(np.abs(tables).max(initial=0))
        with self.scope("lookup"):
            lifted = self._lift(index.data, bits)
            repeated = np.tile(lifted, count)
            if self.party is Party.SERVER:
                masks = self._randomness.stream("lookup").field((repeated.size,))
                turn = np.arange(size, dtype=np.uint64) + repeated[:, np.newaxis]
                which = np.repeat(np.arange(count), lifted.size)[:, np.newaxis]
                entries = fp.to_field(tables)[which, turn & np.uint64(size - 1)]
                messages = fp.add(entries, fp.negate(masks)[:, np.newaxis])
                self._ot.one_of_many(Party.SERVER, messages, bits, fp.P_BITS)
                share = masks
            else:
                share = self._receive_one(repeated.astype(np.uint8), bits, fp.P_BITS)
                check_range(self._channel.label("table"), share, P)
        return Secret(share.reshape(count, *index.shape), bound)

    # --- between the parties ---------------------------------------------------------------------

    def _answering(self) -> AnsweringParty:
        if self._server is None:
            raise RuntimeError("only the server answers requests")
        return self._server

    def _receive_one(self, choices: BitArray, choice_bits: int, width: int) -> FieldArray:
        received = self._ot.one_of_many(Party.SERVER, choices, choice_bits, width)
        if received is None:
            raise RuntimeError("the receiver of a transfer got nothing")
        return received

    def _one_sided_products(self, name: str, factors: FieldArray) -> FieldArray:
        """Shares of sum_k client_k * server_k, entry by entry; factors (terms, size)."""
        if not factors.size:
            return np.zeros(0, np.uint64)
        plan = plan_products(self.parameters, factors.shape[1], factors.shape[0])
        with self.scope(name):
            if self._owner is not None:
                return ask_products(self._channel, self._owner, plan, factors)
            return answer_products(self._channel, self._answering(), plan, factors)

    def _answer_matmul(
        self,
        plans: tuple[LanesPlan, LanesPlan],
        left: FieldArray,
        operands: tuple[FieldArray, FieldArray],
    ) -> list[FieldArray]:
        server = self._answering()
        requests = []
        for name, plan in zip("xy", plans, strict=True):
            with self.scope(name):
                requests.append(receive_linear(self._channel, server, plan))
        # The server's x rides along with the first product only.
        batch, _, b = left.shape
        nothing = np.zeros((batch, plans[1].rows, b), np.uint64)
        results = []
        for name, plan, request, own, operand in zip(
            "xy", plans, requests, (left, nothing), operands, strict=True
        ):
            with self.scope(name):
                weights = EncodedWeights(operand, PlaintextCache(DEFAULT_CACHE_BYTES))
                results.append(answer_linear(self._channel, server, plan, request, own, weights))
        return results


def _capped(bound: int) -> int:
    """Bounds grow by the rules of arithmetic, but no value may reach p/4."""
    return min(bound, _LARGEST)

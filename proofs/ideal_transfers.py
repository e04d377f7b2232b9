"""The two-party engine's real code on ideal oblivious transfers, modulo any small prime.

The engine's methods run unchanged, first as the server, then as the client; a transfer, a product
of bits or a comparison is answered by its ideal functionality, whose random share goes to whoever
calls first. So every share of every value can be tried at a small modulus.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from cryptomoe import field
from cryptomoe.engines import two_party
from cryptomoe.engines.abb import Secret
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.party import Party

Array = Any


class IdealTransfers:
    """Ideal functionality of `OtEndpoint`: the server's calls are kept until the client's come."""

    def __init__(self, seed: int) -> None:
        self.party = Party.SERVER
        self._random = np.random.default_rng(seed)
        self._kept: list[tuple[Any, ...]] = []

    def become_client(self) -> None:
        """The server has made all its calls."""
        self.party = Party.CLIENT

    def _second(self) -> tuple[Any, ...]:
        return self._kept.pop(0)

    def _shares(self, size: int, modulus: int) -> Array:
        return self._random.integers(0, modulus, size).astype(np.uint64)

    def correlate_one_way(self, sender: Party, payload: Array, modulus: int) -> Array:
        """Shares of v c."""
        del sender
        values = np.asarray(payload).astype(np.int64)
        if self.party is Party.SERVER:
            share = self._shares(values.size, modulus)
            self._kept.append((values, share))
            return share
        other, share = self._second()
        product = values * other - share.astype(np.int64)
        return np.mod(product, modulus).astype(np.uint64)

    def correlate(self, values: Array, bits: Array, modulus: int) -> Array:
        """Shares of v_0 c_1 + v_1 c_0."""
        own, choice = values.astype(np.int64), bits.astype(np.int64)
        if self.party is Party.SERVER:
            share = self._shares(own.size, modulus)
            self._kept.append((own, choice, share))
            return share
        other, chosen, share = self._second()
        crossed = own * chosen + other * choice - share.astype(np.int64)
        return np.mod(crossed, modulus).astype(np.uint64)

    def and_bits(self, a: Array, b: Array) -> Array:
        """Shares of the AND of shared bits."""
        crossed = self.correlate(a.astype(np.uint64), b, 2)
        return (a & b) ^ crossed.astype(np.uint8)

    def _compared(self, value: Array, outcome: Callable[[Array, Array], Array]) -> Array:
        if self.party is Party.SERVER:
            share = self._shares(value.size, 2).astype(np.uint8)
            self._kept.append((value, share))
            return share
        other, share = self._second()
        return outcome(value, other).astype(np.uint8) ^ share

    def less_than(self, value: Array, bits: int) -> Array:
        """Shares of [x_0 < x_1]; both must be below 2^bits."""
        assert int(value.max(initial=0)) < 1 << bits
        return self._compared(value, np.less)

    def equal(self, value: Array, bits: int) -> Array:
        """Shares of [x_0 = x_1]."""
        assert int(value.max(initial=0)) < 1 << bits
        return self._compared(value, np.equal)

    def one_of_many(self, sender: Party, payload: Array, choice_bits: int, width: int) -> Array:
        """The client's chosen messages."""
        del sender
        if self.party is Party.SERVER:
            messages = np.asarray(payload).reshape(-1, 1 << choice_bits)
            assert int(messages.max(initial=0)) < 1 << width
            self._kept.append((messages,))
            return None
        (messages,) = self._second()
        return messages[np.arange(len(messages)), payload]


class _Draws:
    """Uniform test values in place of the party's own generators."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(3)

    def stream(self, purpose: str) -> "_Draws":
        """One generator serves all purposes."""
        del purpose
        return self

    def ring(self, shape: tuple[int, ...], bits: int) -> Array:
        """Below 2^bits."""
        return self._random.integers(0, 1 << bits, shape).astype(np.uint64)

    def field(self, shape: tuple[int, ...]) -> Array:
        """Below the modulus."""
        return self._random.integers(0, field.P, shape).astype(np.uint64)


class _Labels:
    """A channel of which only the labels are asked."""

    def label(self, name: str) -> str:
        """The name itself."""
        return name


class _Party(TwoPartyEngine):
    """The engine without channel, keys and generators."""

    def __init__(self, transfers: IdealTransfers, truncation: two_party.Truncation) -> None:
        self.party = transfers.party
        self._ot: Any = transfers
        self._channel: Any = _Labels()
        self._truncation = truncation
        self._randomness: Any = _Draws()

    def _shifted(self, data: Array, shift: int | None = None) -> Array:
        # The engine's default was fixed with the real modulus, when the method was defined.
        return super()._shifted(data, two_party.VALUE_LIMIT if shift is None else shift)

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Labels do not matter here."""
        del name
        yield


def set_modulus(monkeypatch: pytest.MonkeyPatch, p: int) -> None:
    """Make the engine and the field's arithmetic work modulo a small prime."""
    limit = p // 4
    for name, value in {
        "P": p, "_P_UNSIGNED": np.uint64(p), "VALUE_LIMIT": limit, "P_BITS": p.bit_length(),
    }.items():  # fmt: skip
        monkeypatch.setattr(field, name, value)
    for name, value in {
        "P": p, "VALUE_LIMIT": limit, "_WRAPS_FROM": (p + 1) // 2, "_LARGEST": limit - 1,
    }.items():  # fmt: skip
        monkeypatch.setattr(two_party, name, value)


def run(
    operation: Callable[[TwoPartyEngine, Any], Any],
    shares: tuple[Array, Array],
    wrap: Callable[[Array], Any],
    truncation: two_party.Truncation = "exact",
) -> tuple[Array, Array]:
    """The operation's data at client and server, for `shares` made operands by `wrap`."""
    transfers = IdealTransfers(7)
    server = operation(_Party(transfers, truncation), wrap(shares[1])).data
    transfers.become_client()
    client = operation(_Party(transfers, truncation), wrap(shares[0])).data
    return client, server


def all_shares(p: int, values: Array) -> tuple[Array, tuple[Array, Array]]:
    """Every value with every split: (x, (client's share, server's share)), flat."""
    own = np.arange(p)
    x, client = (part.reshape(-1) for part in np.broadcast_arrays(values[:, None], own[None, :]))
    server = np.mod(x - client, p)
    return x, (client.astype(np.uint64), server.astype(np.uint64))


def opened(parts: tuple[Array, Array], p: int) -> Array:
    """The signed integers that field shares stand for."""
    residue = np.mod(parts[0].astype(np.int64) + parts[1].astype(np.int64), p)
    return np.where(residue > p // 2, residue - p, residue)


def bounded(bound: int) -> Callable[[Array], Secret]:
    """Shares as a Secret with this bound."""
    return lambda data: Secret(data, bound)

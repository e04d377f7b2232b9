"""Broken black-box operations of the two-party engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from cryptomoe.engines.abb import IntArray, Secret, SecretBits
from cryptomoe.engines.derived import DerivedOperations
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.field import VALUE_LIMIT, FieldArray
from cryptomoe.ot.endpoint import OtEndpoint
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness, Stream


@contextmanager
def exact_truncation_without_the_wrap_term() -> Iterator[None]:
    """Truncation called exact lifts the low bits without taking the wrap around p off."""

    def take_off_no_wrap(
        _engine: TwoPartyEngine, shares: FieldArray, _wrap: int, bits: int
    ) -> FieldArray:
        return shares & np.uint64((1 << bits) - 1)

    with patch.object(TwoPartyEngine, "_take_off_wrap", take_off_no_wrap):
        yield


@contextmanager
def biased_approximate_truncation() -> Iterator[None]:
    """Approximate truncation leaves out the public one that centres its error."""
    right = TwoPartyEngine._approximate_quotient

    def biased(engine: TwoPartyEngine, shares: FieldArray, bits: int) -> FieldArray:
        quotient = right(engine, shares, bits)
        return engine.add_public(Secret(quotient, VALUE_LIMIT - 1), -1).data

    with patch.object(TwoPartyEngine, "_approximate_quotient", biased):
        yield


@contextmanager
def approximate_truncation_last_before_a_reveal() -> Iterator[None]:
    """A truncation that asks to be exact follows the mode of the session."""
    right = TwoPartyEngine.truncate

    def as_the_session(
        engine: TwoPartyEngine, x: Secret, bits: int, *, exact: bool | None = None
    ) -> Secret:
        del exact
        return right(engine, x, bits)

    with patch.object(TwoPartyEngine, "truncate", as_the_session):
        yield


def _constant(purpose: str) -> Any:
    """A replacement for `Randomness.stream` in which one purpose draws nothing but zeros."""
    right = Randomness.stream

    class Zeros(Stream):
        def bytes(self, count: int) -> bytes:
            return bytes(count)

    def stream(randomness: Randomness, asked: str) -> Stream:
        return Zeros(bytes(16)) if asked == purpose else right(randomness, asked)

    return patch.object(Randomness, "stream", stream)


@contextmanager
def comparison_shared_without_fresh_randomness() -> Iterator[None]:
    """The sender's own shares of compared digits are zeros, so the receiver's are the outcomes."""
    with _constant("shares of compared bits"):
        yield


@contextmanager
def one_hot_shared_without_fresh_randomness() -> Iterator[None]:
    """The server's masks of one-hot vectors are zeros, so the client's shares are the vectors."""
    with _constant("one hot"):
        yield


@contextmanager
def lookup_shared_without_fresh_randomness() -> Iterator[None]:
    """The server's masks of looked-up entries are zeros, so the client's shares are the entries."""
    with _constant("lookup"):
        yield


@contextmanager
def joins_without_fresh_choices() -> Iterator[None]:
    """The products of a comparison tree have the factor a = 0, so equality bits are opened bare."""
    with _constant("choices of rows"):
        yield


@contextmanager
def both_parties_seeded_alike() -> Iterator[None]:
    """Every party draws all its randomness from one fixed seed."""
    right = Randomness.__init__

    def seeded(randomness: Randomness, _seed: bytes | None = None) -> None:
        right(randomness, bytes(32))

    with patch.object(Randomness, "__init__", seeded):
        yield


@contextmanager
def delta_kept_across_sessions() -> Iterator[None]:
    """The secret difference of the transfers is the same in every session."""
    right = OtEndpoint.__init__

    def fixed(endpoint: OtEndpoint, channel: Any, randomness: Randomness, method: Any) -> None:
        right(endpoint, channel, randomness, method)
        endpoint._delta = Stream(bytes([channel.party] * 16)).bits(128)

    with patch.object(OtEndpoint, "__init__", fixed):
        yield


@contextmanager
def argmax_opened() -> Iterator[None]:
    """The argmax opens the entries to the client and compares them in the clear."""

    def opened(engine: TwoPartyEngine, x: Secret) -> Secret:
        shown = engine.reveal(x, Party.CLIENT)
        index = None if shown is None else np.argmax(shown, axis=-1)
        return engine.input(Party.CLIENT, index, x.shape[:-1], x.shape[-1])

    with patch.object(DerivedOperations, "argmax", opened):
        yield


@contextmanager
def comparison_of_differences_opened() -> Iterator[None]:
    """The sign of a difference is opened to both parties and shared again."""
    right = TwoPartyEngine.negative

    def opened(engine: TwoPartyEngine, x: Secret) -> SecretBits:
        signs = engine.reveal(engine.to_arithmetic(right(engine, x)), None)
        owner = signs is not None and engine.party is Party.CLIENT
        return engine.input_bits(Party.CLIENT, signs == 1 if owner else None, x.shape)

    with patch.object(TwoPartyEngine, "negative", opened):
        yield


@contextmanager
def abort_on_a_secret_range() -> Iterator[None]:
    """Whoever opens a value that breaks its declared bound ends the run with an error."""
    right = TwoPartyEngine.reveal

    def checked(engine: TwoPartyEngine, x: Secret, to: Party | None) -> IntArray | None:
        shown = right(engine, x, to)
        if shown is not None and np.abs(shown).max(initial=0) > x.bound:
            raise OverflowError("a value beyond its bound")
        return shown

    with patch.object(TwoPartyEngine, "reveal", checked):
        yield

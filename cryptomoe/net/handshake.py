"""The first message of a run: both parties state their terms, and differing terms end it there."""

import json
from collections.abc import Mapping

from cryptomoe.errors import HandshakeError, MalformedMessageError, UsageError
from cryptomoe.net.channel import Channel

Term = str | int | bool | None

_NAME = "handshake"
_SIZE = 8192
"""Bytes of the message whatever the terms are: canonical JSON padded with spaces."""
_LISTED = 8
_SHOWN = 80
"""A value of the peer's is its own words: escaped and cut before it is shown."""


def handshake(channel: Channel, terms: Mapping[str, Term]) -> None:
    """Exchange terms under `setup/handshake` and compare every key; all terms are public.

    Raises:
        HandshakeError: on both sides, naming the keys that differ and both values.
        MalformedMessageError: the peer's message is no set of terms.
        UsageError: this side's terms do not fit the message.
    """
    text = json.dumps(dict(terms), sort_keys=True, separators=(",", ":"), allow_nan=False)
    message = text.encode("ascii")
    if len(message) > _SIZE:
        raise UsageError(f"the terms of the handshake exceed {_SIZE} bytes")
    with channel.scope("setup"):
        label = channel.label(_NAME)
        answer = channel.exchange(_NAME, message.ljust(_SIZE), _SIZE)
    theirs = _parse(answer)
    if theirs is None:
        channel.abort()
        raise MalformedMessageError(label, "the peer's terms cannot be read")
    differences = [
        f"{_show(key)}: {_show_term(terms, key)} here, {_show_term(theirs, key)} at the peer"
        for key in sorted(terms.keys() | theirs.keys())
        if not _same(terms, theirs, key)
    ]
    if differences:
        raise HandshakeError(label, "; ".join(differences[:_LISTED]))


def _parse(message: bytes) -> dict[str, Term] | None:
    """The terms in a received message, or None when it is anything else."""
    try:
        value = json.loads(message.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    plain = all(term is None or isinstance(term, str | int) for term in value.values())
    return value if plain else None


def _same(ours: Mapping[str, Term], theirs: Mapping[str, Term], key: str) -> bool:
    # Python takes True for 1, and an absent key for None; the terms do not.
    if key not in ours or key not in theirs:
        return False
    return ours[key] == theirs[key] and type(ours[key]) is type(theirs[key])


def _show_term(terms: Mapping[str, Term], key: str) -> str:
    return _show(terms[key]) if key in terms else "nothing"


def _show(value: Term) -> str:
    text = (
        value
        if isinstance(value, str) and value.isascii() and value.isidentifier()
        else json.dumps(value)
    )
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."

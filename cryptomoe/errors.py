"""Everything this package raises on purpose.

No message ever contains a secret: only labels, sizes, option names and public parameters.
"""


class CryptoMoEError(Exception):
    """Base of all errors raised on purpose."""


class UsageError(CryptoMoEError):
    """Wrong use or bad input; one clear sentence, exit status 2."""


class InsecureParametersError(UsageError):
    """A parameter set that does not reach 128 bits of security."""


class ModelError(UsageError):
    """A checkpoint that cannot be read or is not supported."""


class RangeError(UsageError):
    """A value outside its declared range; raised only in the clear (loading, reference)."""


class ProtocolError(CryptoMoEError):
    """The run with the peer failed; exit status 1. `label` names the message concerned."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(f"{label}: {reason}")
        self.label = label
        self.reason = reason


class PeerLostError(ProtocolError):
    """The peer closed the connection, refused it, or stopped sending heartbeats."""


class MalformedMessageError(ProtocolError):
    """A message with a wrong label, length, shape or range."""


class HandshakeError(ProtocolError):
    """The peer's version, parameters, options or certificate are not those this side accepts."""

"""Mutual TLS between parties: who may speak as which.

Party j shows a certificate by the run's own authority, and among its subject alternative names is
exactly one DNS name of the form `party{j}.cryptomoe`: whoever connects and whoever is connected to
checks the other's. The address only says where a party is, so that certificates outlive addresses;
of a certificate with the names of two parties, or with a wildcard, nobody is any party.

TLS 1.3 alone, no resumption, and no authority but the one given: the system's are not asked.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptomoe.errors import UsageError

TLS_SECONDS = 5.0
"""A connection that has not finished its handshake by then is given up."""
_NAME = re.compile(r"party(0|[1-9][0-9]{0,3})\.cryptomoe")


@dataclass(frozen=True, eq=False)
class Credentials:
    """What one party shows of itself and accepts of others, for each end of a connection."""

    connecting: ssl.SSLContext
    accepting: ssl.SSLContext


def load_credentials(certificate: Path, key: Path, authority: Path) -> Credentials:
    """From PEM files: this party's certificate and its key, and the authority of all parties.

    Raises:
        UsageError: one of the files cannot be used.
    """
    connecting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for context in (connecting, accepting):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        _load(context, certificate, key, authority)
    connecting.check_hostname = True
    accepting.num_tickets = 0
    return Credentials(connecting, accepting)


def name_of(party: int) -> str:
    """The DNS name that a party's certificate must have."""
    return f"party{party}.cryptomoe"


def certified_party(certificate: Mapping[str, Any] | None) -> int | None:
    """The party that a verified certificate (as `SSLSocket.getpeercert`) belongs to; None: none."""
    names = () if certificate is None else certificate.get("subjectAltName", ())
    matches = [_NAME.fullmatch(name) for kind, name in names if kind == "DNS"]
    numbers = [int(match[1]) for match in matches if match is not None]
    return numbers[0] if len(numbers) == 1 else None


def reason_of(error: OSError) -> str:
    """Why a TLS handshake failed, in the words of the library."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS handshake: {(error.reason or 'unknown').lower().replace('_', ' ')}"
    if isinstance(error, ConnectionAbortedError | TimeoutError):
        return f"no TLS handshake within {TLS_SECONDS:g} s"
    return "the connection ended in the TLS handshake; the certificate may have been refused there"


def _load(context: ssl.SSLContext, certificate: Path, key: Path, authority: Path) -> None:
    for path in (certificate, key, authority):
        try:
            path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    try:
        # Without a password OpenSSL would ask the terminal for that of an encrypted key.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        raise UsageError(
            f"{certificate} and {key} are no certificate and its unencrypted key, in PEM"
        ) from None
    try:
        context.load_verify_locations(cafile=authority)
    except (ssl.SSLError, ValueError):
        raise UsageError(f"{authority} has no certificate of an authority, in PEM") from None

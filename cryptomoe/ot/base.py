"""Base oblivious transfers over X25519, semi-honest (Naor and Pinkas, SODA 2001, section 3).

For each transfer the receiver sends two public keys, one of which it made, the other a random point
whose secret key nobody knows; the sender's own key pair turns each into a pad. A random point is
drawn on the curve and multiplied by a random clamped scalar, which lands in the prime-order group
as an honest public key does: the two distributions are within 2^-125 of each other.
"""

import hashlib
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cryptomoe.errors import MalformedMessageError

KEY_BYTES = 32
SEED_BYTES = 16
_FIELD = 2**255 - 19
_COEFFICIENT = 486662


def _on_curve(u: int) -> bool:
    """Whether v^2 = u^3 + 486662 u^2 + u has a solution (RFC 7748)."""
    return pow(u * (u * u + _COEFFICIENT * u + 1), (_FIELD - 1) // 2, _FIELD) == 1


def _point_of_unknown_key() -> bytes:
    while True:
        u = int.from_bytes(os.urandom(KEY_BYTES), "little") & ((1 << 255) - 1)
        if 1 < u < _FIELD and _on_curve(u):
            break
    point = X25519PublicKey.from_public_bytes(u.to_bytes(KEY_BYTES, "little"))
    return X25519PrivateKey.generate().exchange(point)


def _seed(index: int, choice: int, sender: bytes, offered: bytes, shared: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=SEED_BYTES, person=b"cryptomoe baseOT")
    digest.update(index.to_bytes(4, "little") + bytes([choice]) + sender + offered + shared)
    return digest.digest()


@dataclass(frozen=True)
class BaseReceiver:
    """Chooses one of two seeds in each of `len(choices)` transfers."""

    choices: tuple[int, ...]
    own: tuple[X25519PrivateKey, ...]
    message: bytes

    @classmethod
    def start(cls, choices: tuple[int, ...]) -> "BaseReceiver":
        """Make the key pairs; `message` has 64 bytes a transfer."""
        own = tuple(X25519PrivateKey.generate() for _ in choices)
        parts = []
        for choice, key in zip(choices, own, strict=True):
            pair = [_point_of_unknown_key(), key.public_key().public_bytes_raw()]
            parts += [pair[1 - choice], pair[choice]]
        return cls(choices, own, b"".join(parts))

    def finish(self, label: str, sender_key: bytes) -> list[bytes]:
        """The chosen seeds, from the sender's public key.

        Raises:
            MalformedMessageError: the key is no usable point; names `label`.
        """
        point = X25519PublicKey.from_public_bytes(sender_key)
        seeds = []
        for index, (choice, key) in enumerate(zip(self.choices, self.own, strict=True)):
            start = KEY_BYTES * (2 * index + choice)
            offered = self.message[start : start + KEY_BYTES]
            shared = _exchange(label, key, point)
            seeds.append(_seed(index, choice, sender_key, offered, shared))
        return seeds


def base_send(label: str, message: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """The sender's answer to a receiver's message, and its pairs of seeds.

    Raises:
        MalformedMessageError: an offered key is no usable point; names `label`.
    """
    own = X25519PrivateKey.generate()
    own_public = own.public_key().public_bytes_raw()
    pairs = []
    for index in range(len(message) // (2 * KEY_BYTES)):
        seeds = []
        for choice in (0, 1):
            start = KEY_BYTES * (2 * index + choice)
            offered = message[start : start + KEY_BYTES]
            shared = _exchange(label, own, X25519PublicKey.from_public_bytes(offered))
            seeds.append(_seed(index, choice, own_public, offered, shared))
        pairs.append((seeds[0], seeds[1]))
    return own_public, pairs


def _exchange(label: str, key: X25519PrivateKey, point: X25519PublicKey) -> bytes:
    try:
        return key.exchange(point)
    except ValueError:
        raise MalformedMessageError(label, "a public key of small order") from None

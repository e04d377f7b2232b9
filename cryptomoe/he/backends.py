"""The backends by name. They understand each other's keys and ciphertexts, not each other's bytes.

`rns`, the default, is our own arithmetic over 30-bit primes, fast and with small requests. `seal`
is Microsoft SEAL, the reference that it is tested against.
"""

from dataclasses import dataclass

from cryptomoe.he.backend import AnsweringParty, Backend, HeSizes, KeyOwner
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.rns_answering import RnsAnsweringParty
from cryptomoe.he.rns_owner import RnsKeyOwner
from cryptomoe.he.rns_scheme import rns_sizes
from cryptomoe.he.seal_backend import SealAnsweringParty, SealKeyOwner, seal_sizes
from cryptomoe.randomness import Randomness


@dataclass(frozen=True)
class RnsBackend:
    """Our own arithmetic; `threads` by default one for each processor."""

    threads: int | None = None
    name: str = "rns"

    def sizes(self, parameters: HeParameters) -> HeSizes:
        """See the interface."""
        return rns_sizes(parameters)

    def key_owner(self, parameters: HeParameters, randomness: Randomness) -> KeyOwner:
        """See the interface."""
        return RnsKeyOwner(parameters, randomness, threads=self.threads)

    def answering_party(self, parameters: HeParameters, randomness: Randomness) -> AnsweringParty:
        """See the interface."""
        return RnsAnsweringParty(parameters, randomness, threads=self.threads)


@dataclass(frozen=True)
class SealBackend:
    """Microsoft SEAL, which draws the client's randomness itself."""

    name: str = "seal"

    def sizes(self, parameters: HeParameters) -> HeSizes:
        """See the interface."""
        return seal_sizes(parameters)

    def key_owner(self, parameters: HeParameters, randomness: Randomness) -> KeyOwner:
        """See the interface."""
        del randomness
        return SealKeyOwner(parameters)

    def answering_party(self, parameters: HeParameters, randomness: Randomness) -> AnsweringParty:
        """See the interface."""
        return SealAnsweringParty(parameters, randomness)


BACKENDS: dict[str, Backend] = {"rns": RnsBackend(), "seal": SealBackend()}
DEFAULT_BACKEND = "rns"

"""Starting a program's parties the way MPyC does: `program -M3`.

Of MPyC's options these are understood: -M, the number of parties on this machine; -I, which of them
this process is; -B, the first of their ports; -T, the threshold. Without -I the process is party 0
and starts the others, with the same arguments. Whatever leads to other machines is refused: the
keys of common randomness cross these connections, which do not encrypt.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from cryptomoe.errors import UsageError
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.handshake import Term
from cryptomoe.net.mesh import join_mesh
from cryptomoe.net.mpyc_connection import LOOPBACK, listen, mpyc_options

_FIRST_PORT = 11365
"""MPyC's own default."""
_REFUSED = ("config", "parties", "ssl", "no_prss", "no_async")


@dataclass(frozen=True)
class Place:
    """Which party this process is, of how many, and how many of them may be corrupted."""

    index: int
    parties: int
    threshold: int | None
    first_port: int

    def join(self, terms: Mapping[str, Term], timeout: float = 60.0) -> dict[int, Carrier]:
        """Carriers of this party by the number of the peer, when all are there.

        Raises:
            UsageError: the port is taken.
            ProtocolError: somebody did not come, or has other terms.
        """
        addresses = [(LOOPBACK, self.first_port + party) for party in range(self.parties)]
        agreed = {**terms, "parties": self.parties, "threshold": self.threshold}
        with ExitStack() as until_joined:
            listener = None
            if self.index:
                listener = until_joined.enter_context(listen(*addresses[self.index]))
            return join_mesh(self.index, addresses, listener, agreed, timeout)


def take_place(arguments: Sequence[str]) -> tuple[Place, list[str]]:
    """This process's place by its arguments (sys.argv), and the arguments that MPyC leaves.

    Raises:
        UsageError: an option of MPyC's that is not understood here, or numbers that do not fit.
    """
    options, others = mpyc_options(arguments[1:])
    for name in _REFUSED:
        if getattr(options, name):
            raise UsageError(
                f"MPyC's option {name} is not supported: all parties run on this machine"
            )
    parties, index = options.M or 3, options.index
    if index is not None and not 0 <= index < parties:
        raise UsageError(f"-I {index} is none of {parties} parties")
    if index is None:
        for party in range(parties - 1, 0, -1):
            subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, *arguments, "-I", str(party)], stdout=subprocess.DEVNULL
            )
    first_port = _FIRST_PORT if options.base_port is None else options.base_port
    return Place(index or 0, parties, options.threshold, first_port), others

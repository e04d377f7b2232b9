"""The two roles of a private inference."""

from enum import IntEnum


class Party(IntEnum):
    """Who holds what: the client has the prompt, the server has the weights."""

    CLIENT = 0
    SERVER = 1

    @property
    def peer(self) -> "Party":
        """The other of the two."""
        return Party(1 - self)

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


def party_name(index: int) -> str:
    """What results call a party: the client, the server, or, beyond these, party2 and so on."""
    return Party(index).name.lower() if index < len(Party) else f"party{index}"

"""Simulator of opening: the only operation that gives anybody a value."""

import numpy as np
from views import Draws, View, Words, minus

from cryptomoe import field as fp
from cryptomoe.party import Party


def simulate_reveal(party: Party, share: Words, output: Words | None, randomness: Draws) -> View:
    """The stated leakage is the value itself (signed integers), to whoever receives it.

    The message that a receiver sees is the other share, and value and own share determine it. Who
    receives nothing sees nothing.
    """
    del party, randomness
    if output is None:
        return {}
    return {"reveal": minus(fp.to_field(output.astype(np.int64)), share)}

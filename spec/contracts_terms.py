"""What a functionality declares: its parameters, who learns what, its range, what it rests on."""

from collections.abc import Callable
from dataclasses import dataclass

BLACK_BOX, PROTOCOL = "black box", "protocol"
NOTHING = "nothing"

TRANSFERS = (
    "Diffie-Hellman over X25519 with a random oracle, for the base transfers",
    "the re-keyed AES hash is correlation robust, for the extension",
    "LPN with regular noise for a 10-local code, where transfers are made silently",
)
ENCRYPTION = (
    "ring learning with errors at N = 8192 and 210 bits, with ternary secrets",
    "circular security of the Galois keys",
    "answers flooded to statistical distance 2^-40 over all answers of one run together",
)
GENERATOR = ("AES in counter mode is a pseudorandom generator",)
BOTH = (*TRANSFERS, *ENCRYPTION, *GENERATOR)
COMPARING = (*TRANSFERS, *GENERATOR)
MULTIPLYING = (*ENCRYPTION, *GENERATOR)

BY_TRANSFERS = ("ishai2003", "naor2001", "roy2022", "yang2020")
BY_COMPARISON = (*BY_TRANSFERS, "beaver1991", "couteau2018", "rathee2020")
BY_ENCRYPTION = ("albrecht2018", "brakerski2012", "fan2012", "gentry2009")
BY_LAYOUT = (*BY_ENCRYPTION, "halevi2014")
COMPOSITION = ("canetti2000", "goldreich2004")

INTEGER = "none: integers, exactly"
FLOOR = (
    "floor in exact mode; in approximate mode floor plus 0, 1 or 2, as the corrupted share decides"
)
ALWAYS_EXACT = "one integer function, the same in both modes"


@dataclass(frozen=True)
class Parameter:
    """A public size: what it means, and two samples, at which predictions enter the hash."""

    name: str
    meaning: str
    samples: tuple[int, int]


@dataclass(frozen=True)
class Leakage:
    """What each party learns beyond the public parameters and its own output."""

    client: str = NOTHING
    server: str = NOTHING


@dataclass(frozen=True)
class Functionality:
    """What is declared of one operation or protocol; the formulas follow from `sends`.

    `sends` takes a wire and the parameters by name, in their order. `formula` stands in for it
    where a formula needs sums that the messages themselves write out.
    """

    name: str
    kind: str
    sends: Callable[..., None]
    parameters: tuple[Parameter, ...]
    range: str
    rounding: str
    citations: tuple[str, ...]
    assumptions: tuple[str, ...]
    leakage: Leakage = Leakage()
    formula: Callable[..., None] | None = None

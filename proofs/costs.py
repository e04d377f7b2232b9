"""What operations cost, as exact functions of bit widths: transfers, and bits sent beside them.

A transfer costs c bytes for its correlated row, which depends on the source: 16 with IKNP, 31/8
with SoftSpoken (k = 4), 225280 / 2345216 with silent transfers. What is chosen takes one bit more,
counted among the bits beside; random transfers do not. Messages also have a header of 20 bytes
each, and rows come in batches (of 128, or a round); both vanish against many values and are left
out here, not in the comparison with a run.
"""

from dataclasses import dataclass

from cryptomoe.field import P_BITS
from cryptomoe.he.backends import BACKENDS
from cryptomoe.he.parameters import STANDARD
from cryptomoe.ot import ferret, iknp, softspoken
from cryptomoe.ot.lpn import STANDARD as STANDARD_LPN

IKNP, SOFTSPOKEN, SILENT = (
    supply.batch_bytes / supply.batch
    for supply in (iknp.SUPPLY, softspoken.SUPPLY, ferret.supply_of(STANDARD_LPN))
)
DIGIT = 4


@dataclass(frozen=True)
class Cost:
    """Transfers, and bits sent beside them, for one value, both directions together."""

    transfers: int
    bits: int

    def __add__(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(self.transfers + other.transfers, self.bits + other.bits)

    def __mul__(self, times: int) -> "Cost":
        """Several times."""
        return Cost(self.transfers * times, self.bits * times)

    def bytes(self, transfer: float) -> float:
        """Bytes where a transfer costs so many."""
        return self.transfers * transfer + self.bits / 8


def correlation(width: int) -> Cost:
    """One correlated transfer of `width` bits."""
    return Cost(1, width + 1)


def both_ways(width: int) -> Cost:
    """A correlated transfer in each direction."""
    return correlation(width) * 2


def table(choice_bits: int, width: int) -> Cost:
    """One of 2^choice_bits messages of `width` bits."""
    return Cost(choice_bits, (width << choice_bits) + choice_bits)


def comparison(bits: int) -> Cost:
    """Two parties' own integers: a table of two-bit outcomes a digit, and a product a join.

    A join takes a random transfer in each direction and three opened bits from each party.
    """
    whole, rest = divmod(bits, DIGIT)
    joins = whole + (1 if rest else 0) - 1
    digits = table(DIGIT, 2) * whole + (table(rest, 2) if rest else Cost(0, 0))
    return digits + Cost(2, 6) * joins


def lift(bits: int) -> Cost:
    """Shares modulo p to shares modulo 2^bits."""
    return correlation(bits)


def signed_comparison(bits: int) -> Cost:
    """The sign of a value of `bits` bits, its sign included."""
    return lift(bits) + comparison(bits - 1)


def bit_to_field() -> Cost:
    """A shared bit as 0 or 1 modulo p."""
    return correlation(P_BITS)


def multiplex() -> Cost:
    """A secret bit times a secret value."""
    return both_ways(P_BITS)


def conjunction() -> Cost:
    """The AND of two shared bits."""
    return both_ways(1)


def exact_truncation(bits: int) -> Cost:
    """floor(x / 2^bits)."""
    return lift(bits) + comparison(bits) + bit_to_field()


def approximate_truncation() -> Cost:
    """The same, give or take."""
    return correlation(P_BITS)


def one_hot(size: int) -> Cost:
    """An index of 8 bits as `size` bits."""
    digits = lift(8) + comparison(4) + correlation(4) + table(4, 16) * 2
    return digits + conjunction() * size


def look_up(choice_bits: int) -> Cost:
    """A field element from a public table of 2^choice_bits."""
    return lift(choice_bits) + table(choice_bits, P_BITS)


def ciphertexts(requests: int, answers: int, *, seeded: bool) -> float:
    """Bytes a value where N values share so many full ciphertexts."""
    sizes = BACKENDS["seal"].sizes(STANDARD)
    request = sizes.request_bytes / (2 if seeded else 1)
    return (requests * request + answers * sizes.answer_bytes) / STANDARD.slots


OPERATIONS: tuple[tuple[str, Cost, str], ...] = (
    ("lift to 24 bits", lift(24), "3.2"),
    ("comparison, 16 bits with sign", signed_comparison(16), "20"),
    ("comparison, 24 bits with sign", signed_comparison(24), "33"),
    ("comparison, 46 bits with sign", signed_comparison(46), ""),
    ("parties' own integers, 45 bits", comparison(45), "62"),
    ("bit to field", bit_to_field(), "5.8"),
    ("multiplex", multiplex(), "11.7"),
    ("AND", conjunction(), ""),
    ("exact truncation by 7", exact_truncation(7), "14.1"),
    ("exact truncation by 13", exact_truncation(13), "25.5 (29 the older way)"),
    ("exact truncation by 16", exact_truncation(16), "28.2"),
    ("exact truncation by 17", exact_truncation(17), "31.5"),
    ("exact truncation by 20", exact_truncation(20), "34.3"),
    ("exact truncation by 23", exact_truncation(23), "39.7"),
    ("approximate truncation", approximate_truncation(), ""),
    ("one-hot into 24 slots", one_hot(24), ""),
    ("table of 32 field elements", look_up(5), ""),
    ("product of shares by 90 correlations", correlation(P_BITS) * (2 * P_BITS), "526"),
)
"""(operation, cost, what the design's page of formulas says in bytes with silent transfers)."""


_INTRODUCTION = (
    "Rendered from `costs.py`; a test compares this page with it, and its formulas with the bytes",
    "of a run, which they equal exactly. Bytes for one value, both directions, without message",
    "headers. A transfer costs 16 bytes with IKNP, 3.9 with SoftSpoken and 0.1 with silent",
    "transfers, whose start is set-up and left out here. The last column is what the design",
    "estimated with silent transfers; choosing what is transferred took no bit of its own there.",
)


def render() -> str:
    """The page costs.md."""
    lines = [
        "# What operations cost",
        "",
        *_INTRODUCTION,
        "",
        "| operation | transfers | bits beside | IKNP | SoftSpoken | silent | estimated |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, cost, estimated in OPERATIONS:
        amounts = " | ".join(f"{cost.bytes(c):.1f}" for c in (IKNP, SOFTSPOKEN, SILENT))
        lines.append(f"| {name} | {cost.transfers} | {cost.bits} | {amounts} | {estimated} |")
    lines += [
        "",
        "With full ciphertexts of 8192 values (SEAL sends both polynomials of a request; the",
        "seeded form of `rns` sends one):",
        "",
        "| operation | full | seeded | estimated |",
        "|---|---|---|---|",
    ]
    for name, requests, estimated in (("product", 2, "58"), ("square", 1, "36")):
        full, seeded = (ciphertexts(requests, 1, seeded=s) for s in (False, True))
        lines.append(f"| {name} of secrets | {full:.1f} | {seeded:.1f} | {estimated} |")
    return "\n".join(lines) + "\n"

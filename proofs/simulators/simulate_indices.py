"""Simulators of secret indices, in the transfer- and comparison-hybrid model."""

from views import Draws, View, Words

from cryptomoe.party import Party


def simulate_one_hot(
    party: Party, share: Words, output: Words, randomness: Draws, *, digit_bits: int
) -> View:
    """[index = j]; output (size, n).

    A party gets a share of the wrap's product term, of the carry between the digits and of the
    product that turns the carry into an integer. Then the server draws the masks of both digits'
    vectors, and the client is sent the entry of each table that its digit selects, which is a mask
    xor a unit vector: uniform, as nobody else sees that mask. Last, the products of both vectors'
    bits are shared afresh, and these shares are the output. All but the output is thus uniform and
    independent of it.
    """
    base = 1 << digit_bits
    view = {
        "one_hot/wrap/correlate": randomness.below(1 << 2 * digit_bits, share.shape),
        "one_hot/less_than": randomness.below(2, share.shape),
        "one_hot/carry/correlate": randomness.below(base, share.shape),
        "one_hot/and/and_bits": output,
    }
    vectors = randomness.below(1 << base, (2, *share.shape))
    name = "one_hot/one_of_many" if party is Party.CLIENT else "own/one hot"
    return view | {name: vectors}


def simulate_lookup(
    party: Party, share: Words, output: Words, randomness: Draws, *, bits: int
) -> View:
    """Public tables at a secret index; output (tables, n).

    The server's output is the negative of what it adds to every entry, drawn by itself; the
    client's is the entry it is sent. Either is the output share, and the lift before it is uniform.
    """
    view = {"lookup/wrap/correlate": randomness.below(1 << bits, share.shape)}
    name = "lookup/one_of_many" if party is Party.CLIENT else "own/lookup"
    return view | {name: output}

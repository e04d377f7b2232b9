"""Simulators of products, in the hybrid model with ideal shares of plaintext x ciphertext products.

The functionality below gives the key owner a uniform share and the answering party the rest: what
the flooded, re-randomised and masked answers realise up to 2^-40 (noise) and the hardness of ring
learning with errors (requests).
"""

from views import Draws, View, Words, minus

from cryptomoe import field as fp
from cryptomoe.party import Party


def simulate_multiply(party: Party, x: Words, y: Words, output: Words, randomness: Draws) -> View:
    """X y: both cross terms come as one share, the output less the product of the own shares."""
    del party, randomness
    return {"multiply/products": minus(output, fp.multiply(x, y))}


def simulate_square(party: Party, x: Words, output: Words, randomness: Draws) -> View:
    """X x, as a product."""
    del party, randomness
    return {"square/products": minus(output, fp.multiply(x, x))}


def simulate_linear(party: Party, x: Words, output: Words, randomness: Draws) -> View:
    """X W for the server's W: the share that came is the output share."""
    del party, x, randomness
    return {"linear/linear": output}


def simulate_matmul(party: Party, x: Words, y: Words, output: Words, randomness: Draws) -> View:
    """Rows x (b, n) times columns y (b, n), n products of 1 x b by b x 1.

    Two shares come, one for each operand that the client encrypts. The output is their sum and, at
    the client, the product of its own shares (the server's rides along with the first request). The
    first is uniform and independent of the output, since the second hides it.
    """
    own = fp.total(fp.multiply(x, y), 0)
    first = randomness.below(fp.P, output.shape)
    rest = minus(output, first)
    second = minus(rest, own) if party is Party.CLIENT else rest
    return {"matmul/x/linear": first, "matmul/y/linear": second}

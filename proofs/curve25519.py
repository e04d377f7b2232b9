"""X25519 by RFC 7748's own pseudocode, and the size of its groups. Not constant-time: for tests."""

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Prime order of the subgroup that the base point generates."""
A24 = 121665


def clamped(scalar: bytes) -> int:
    """A scalar as RFC 7748, section 5, decodes it."""
    value = bytearray(scalar)
    value[0] &= 248
    value[31] = value[31] & 127 | 64
    return int.from_bytes(value, "little")


def multiply(k: int, u: int) -> int:
    """The u of k times a point with this u: the Montgomery ladder; 0 stands for infinity."""
    x1, x2, z2, x3, z3, swap = u, 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % FIELD, b * b % FIELD, d * a % FIELD, c * b % FIELD
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % FIELD, x1 * (da - cb) ** 2 % FIELD
        x2, z2 = aa * bb % FIELD, e * (aa + A24 * e) % FIELD
    if swap:
        x2, z2 = x3, z3
    return x2 * pow(z2, FIELD - 2, FIELD) % FIELD


def x25519(scalar: bytes, point: bytes) -> bytes:
    """The function X25519, on encodings."""
    u = int.from_bytes(point, "little") & ((1 << 255) - 1)
    return multiply(clamped(scalar), u % FIELD).to_bytes(32, "little")

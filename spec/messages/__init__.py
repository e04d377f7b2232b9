"""Every message of the two-party engine and of every protocol, from public parameters alone.

One function an operation or protocol, under the name it has elsewhere. It takes a `Wire` and the
public sizes, and sends what the operation sends: who, under which label, how many bytes, how deep.
No function has a value to look at, so a transcript that equals its prediction tells nothing that
the public parameters do not.

Sizes are integers, or expressions in symbols, from which `cryptomoe_spec.contracts` has its
formulas. Bounds decide how many bits a comparison takes, so they are sizes too.
"""

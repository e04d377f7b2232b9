"""The arithmetic black box: what a protocol may do with values that nobody sees.

Every protocol is written against these operations alone, and every engine realises each of them so
that a party sees nothing but what `reveal` gives it. Here each is a plain function on int64 arrays
(bits: boolean arrays); `cryptomoe.engines.abb` declares the same names with the same parameters.
"""

from cryptomoe_spec.arithmetic import (
    add,
    add_public,
    declare,
    linear,
    matmul,
    multiply,
    scale_public,
    square,
    subtract,
    sum,  # noqa: A004 - the operation's name in the black box
)
from cryptomoe_spec.bits import (
    at_least,
    equal,
    keep_if,
    less,
    logical_and,
    logical_not,
    logical_xor,
    negative,
    select,
    to_arithmetic,
)
from cryptomoe_spec.boundary import (
    input,  # noqa: A004 - the operation's name in the black box
    input_bits,
    public,
    reveal,
    weight,
)
from cryptomoe_spec.exp import exp
from cryptomoe_spec.indices import argmax, lookup, maximum, one_hot
from cryptomoe_spec.reciprocal import reciprocal
from cryptomoe_spec.rsqrt import rsqrt
from cryptomoe_spec.sigmoid import sigmoid
from cryptomoe_spec.silu import silu
from cryptomoe_spec.structure import broadcast, concatenate, reshape, take, transpose
from cryptomoe_spec.truncate import truncate

__all__ = [
    "add",
    "add_public",
    "argmax",
    "at_least",
    "broadcast",
    "concatenate",
    "declare",
    "equal",
    "exp",
    "input",
    "input_bits",
    "keep_if",
    "less",
    "linear",
    "logical_and",
    "logical_not",
    "logical_xor",
    "lookup",
    "matmul",
    "maximum",
    "multiply",
    "negative",
    "one_hot",
    "public",
    "reciprocal",
    "reshape",
    "reveal",
    "rsqrt",
    "scale_public",
    "select",
    "sigmoid",
    "silu",
    "square",
    "subtract",
    "sum",
    "take",
    "to_arithmetic",
    "transpose",
    "truncate",
    "weight",
]

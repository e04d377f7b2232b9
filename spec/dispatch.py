"""Dispatch: the selected tokens go to their slots; rows of d entries move only here."""

import numpy as np
from cryptomoe_spec.arithmetic import matmul
from cryptomoe_spec.arrays import BitArray, IntArray


def dispatch(x: IntArray, assignment: BitArray) -> IntArray:
    """(n, t, d): in each slot the row of `x` that it holds."""
    # INPUTS x: (m, d); assignment: (n, t, m), one 1 in every slot.
    n, t, m = assignment.shape
    # FUNCTION
    one_hot_rows = assignment.astype(np.int64).reshape(1, n * t, m)
    return matmul(one_hot_rows, x[np.newaxis]).reshape(n, t, -1)
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to n t (m + d) + m d.

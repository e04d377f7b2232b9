"""Dispatch: the selected tokens go to their slots; rows of d entries move only here.

Specification: `cryptomoe_spec.dispatch`.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits


def dispatch(abb: ArithmeticBlackBox, x: Secret, assignment: SecretBits) -> Secret:
    """(n, t, d): in each slot the row of `x` (m, d) that it holds, by `assignment` (n, t, m)."""
    n, t, m = assignment.shape
    with abb.scope("dispatch"):
        one_hot_rows = abb.reshape(abb.to_arithmetic(assignment), (1, n * t, m))
        taken = abb.matmul(one_hot_rows, abb.reshape(x, (1, *x.shape)))
        return abb.declare(abb.reshape(taken, (n, t, -1)), x.bound)

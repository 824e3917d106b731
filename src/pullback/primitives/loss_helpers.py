"""NumPy functions that the emitted source of losses carries along.

Each is complete in itself, since its text is copied above the emitted function.
"""

from __future__ import annotations

import numpy as np


def smooth_labels(y, amount):  # type: ignore[no-untyped-def]
    """(1 - amount) y + amount / classes: each row goes a step towards the uniform one."""
    return (1 - amount) * y + amount / y.shape[-1]


def distribution(y, tolerance):  # type: ignore[no-untyped-def]
    """y itself; refused where a row has an entry below 0 or does not sum to 1."""
    total = np.sum(y, axis=-1)
    right = (np.abs(total - 1) <= tolerance) & (np.min(y, axis=-1) >= -tolerance)
    if not np.all(right):
        row = tuple(np.argwhere(~right)[0].tolist())
        raise ValueError(
            f"row {', '.join(map(str, row)) or 0} sums to {total[row]:.9g}, its least entry is "
            f"{np.min(y[row]):.9g}; allowed are entries >= 0 that sum to 1"
        )
    return y


def huber(x, delta):  # type: ignore[no-untyped-def]
    """x^2 / 2 where |x| <= delta, and beyond it the tangent there, delta (|x| - delta / 2)."""
    near = np.clip(x, -delta, delta)
    return near * (x - near / 2)


def log_cosh(x):  # type: ignore[no-untyped-def]
    """log(cosh(x)), without overflow and exact near 0."""
    a = np.abs(x)
    e = np.expm1(np.minimum(a, 1))
    near = np.log1p(e * e / (2 * (1 + e)))  # cosh(a) - 1
    return np.where(a < 1, near, a + np.log1p(np.exp(-2 * a)) - 0.6931471805599453)[()]

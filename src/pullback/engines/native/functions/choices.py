"""maximum, minimum, sign and floor for floats and integers; nan stays nan."""

from __future__ import annotations

from typing import Any

import numpy as np

Number = Any  # a number of NumPy, of any dtype


def maximum(a: Number, b: Number) -> Number:
    """The greater of two numbers of one dtype; nan if either is nan, as `np.maximum`.

    >>> int(maximum(np.int64(2), np.int64(3)))
    3
    """
    m = a if a > b else b
    return a if a != a else m


def minimum(a: Number, b: Number) -> Number:
    """The smaller of two numbers of one dtype; nan if either is nan, as `np.minimum`.

    >>> int(minimum(np.int64(2), np.int64(3)))
    2
    """
    m = a if a < b else b
    return a if a != a else m


def sign(x: Number) -> Number:
    """-1, 0 or 1, with the sign of x and its dtype; nan if x is nan, as `np.sign`.

    >>> float(sign(np.float32(-3.0)))
    -1.0
    """
    one, zero = type(x)(1), type(x)(0)
    s = one if x > zero else zero
    s = -one if x < zero else s
    return x if x != x else s


def floor(x: Number) -> Number:
    """The greatest whole number that is at most x, in the dtype of x.

    >>> float(floor(np.float32(-0.5)))
    -1.0
    """
    return np.floor(x)

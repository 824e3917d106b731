"""What counts as a number where a setting must be one."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a real number of Python or NumPy that a float can hold.

    NaN and infinity are; booleans, complex numbers, arrays and text are not, nor is an integer
    beyond the largest float.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def is_whole_number(value: Any) -> TypeGuard[int]:
    """Whether a value is an integer of Python or NumPy, of any size; booleans are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def number_text(value: Any) -> str:
    """The shortest text that gives the same number in its own precision: 0.1 for float32's 0.1.

    Python's own form of numbers, so that both `float(text)` and emitted source can hold it.
    """
    if not isinstance(value, np.floating):
        return repr(value.item() if isinstance(value, np.generic) else value)
    shortest = float(str(value))
    return repr(shortest if type(value)(shortest) == value else value.item())

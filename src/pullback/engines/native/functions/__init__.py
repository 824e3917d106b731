"""Functions of one number at a time, which a compiled loop turns into vector instructions.

NumPy's own are calls that a loop cannot look into. These are plain Python, without a branch: a
condition chooses between two numbers that are both there. A name's ending tells the dtype of
argument and result: `exp_f4` float32, `exp_f8` float64. They run as they stand (an overflow is then
reported by NumPy: hold it with `np.errstate`), and compiled with `OPTIONS` once `EVERY` one is
registered: they call each other.
"""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from . import choices, circular, exponentials, logarithms, powers, randoms
from .choices import floor, maximum, minimum, sign
from .circular import LARGEST_ANGLE, cos_f4, cos_f8, sin_f4, sin_f8
from .exponentials import exp_f4, exp_f8, expm1_f4, expm1_f8, sinh_f4, sinh_f8, tanh_f4, tanh_f8
from .logarithms import log1p_f4, log1p_f8, log_f4, log_f8
from .powers import power_f4, power_f8
from .randoms import random_key, uniform_f4, uniform_f8

__all__ = [
    "EVERY",
    "LARGEST_ANGLE",
    "OPTIONS",
    "cos_f4",
    "cos_f8",
    "exp_f4",
    "exp_f8",
    "expm1_f4",
    "expm1_f8",
    "floor",
    "log1p_f4",
    "log1p_f8",
    "log_f4",
    "log_f8",
    "maximum",
    "minimum",
    "power_f4",
    "power_f8",
    "random_key",
    "sign",
    "sin_f4",
    "sin_f8",
    "sinh_f4",
    "sinh_f8",
    "tanh_f4",
    "tanh_f8",
    "uniform_f4",
    "uniform_f8",
]

# "reassoc" would undo the sums that are ordered for the sake of their last digits, "nsz" the sign
# of a zero; without "forceinline" the longest are called and their loops are not vectorized.
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
    "forceinline": True,
}


def functions_of(module: ModuleType) -> list[FunctionType]:
    """The functions that a module defines, in the order of its text."""
    found = [each for each in vars(module).values() if isinstance(each, FunctionType)]
    return [each for each in found if each.__module__ == module.__name__]


EVERY: tuple[FunctionType, ...] = tuple(
    each
    for module in (choices, exponentials, logarithms, powers, circular, randoms)
    for each in functions_of(module)
)

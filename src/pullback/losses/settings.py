"""Settings of losses and penalties: each bad one is one sentence with what is allowed."""

from __future__ import annotations

import math
from typing import Any

from ..errors import UsageError
from ..numbers import is_number


def check_reduction(owner: str, reduction: Any) -> None:
    """Raise `UsageError` unless it is "mean" or "sum"."""
    if not isinstance(reduction, str) or reduction not in ("mean", "sum"):
        raise UsageError(f"{owner}(reduction={reduction!r}): allowed are 'mean' and 'sum'.")


def number_in(owner: str, name: str, value: Any, allowed: str) -> float:
    """A setting as a Python number, which widens no dtype; `UsageError` when it is not allowed.

    Args:
        owner: The class that has the setting.
        name: The setting.
        value: What was given.
        allowed: "[0, 1]", ">= 0" or "> 0"; always finite.
    """
    if not is_number(value) or not _is_inside(value, allowed):
        what = "a number in" if allowed.startswith("[") else "a finite number"
        raise UsageError(f"{owner}({name}={value!r}): it must be {what} {allowed}.")
    return float(value)


def _is_inside(value: Any, allowed: str) -> bool:
    least, most = (0, 1) if allowed == "[0, 1]" else (0, math.inf)
    above = value > least if allowed == "> 0" else value >= least
    return math.isfinite(value) and bool(above) and bool(value <= most)

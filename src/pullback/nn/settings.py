"""Settings of layers and initializers: checked when they are made, varying when they are traced."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np

from ..errors import UsageError, nearest
from ..numbers import is_number


def number_in(brackets: str, low: float, high: float, owner: str, name: str, value: Any) -> None:
    """Raise `UsageError` unless a setting is a number between two bounds.

    Args:
        brackets: "[]", "[)", "(]" or "()": whether each bound itself is allowed.
        low: Lower bound.
        high: Upper bound.
        owner: What has the setting: LeakyReLU.
        name: The setting's name.
        value: Its value.
    """
    fits = is_number(value)
    above = fits and (low <= value if brackets[0] == "[" else low < value)
    below = fits and (value <= high if brackets[1] == "]" else value < high)
    if not (above and below):
        allowed = f"a number in {brackets[0]}{low:g}, {high:g}{brackets[1]}"
        if math.isinf(high):
            allowed = "a finite number" if math.isinf(low) else f"a finite number above {low:g}"
        raise UsageError(f"{owner}({name}={value!r}): {name} must be {allowed}.")


def one_of(allowed: list[str], owner: str, name: str, value: Any) -> None:
    """Raise `UsageError` unless a setting is one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise UsageError(
            f"{owner}({name}={value!r}): allowed are {', '.join(allowed)}."
            f"{nearest(str(value), allowed)}"
        )


def real(owner: str, x: Any, name: str = "x") -> Any:
    """A traced value as it is, anything else as an array of real numbers; booleans become floats.

    Args:
        owner: The function that takes the array.
        x: What was given.
        name: The argument's name.

    Raises:
        UsageError: When it holds anything but real numbers.
    """
    if hasattr(x, "__pullback_bind__"):
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{owner}: {name} must hold real numbers, not {_what(x, array)}.")
    return array.astype(float) if array.dtype.kind == "b" else array


def _what(x: Any, array: Any) -> str:
    return f"the dtype {array.dtype}" if isinstance(x, np.ndarray) else repr(x)


def described(layer: Any) -> str:
    """A layer as it is written, without settings at their defaults: LeakyReLU(0.1), ReLU.

    The first setting stands without its name, as it is usually given.
    """
    parts = []
    for position, field in enumerate(fields(layer)):
        value = getattr(layer, field.name)
        if field.repr and value != field.default:
            text = getattr(value, "__name__", repr(value)) if callable(value) else repr(value)
            parts.append(text if position == 0 else f"{field.name}={text}")
    return type(layer).__name__ + (f"({', '.join(parts)})" if parts else "")

"""The settings of an experiment: those given, the rest by default, and each of the right kind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError, nearest
from ..numbers import is_number, is_whole_number
from .report import Experiment


def settled(name: str, chosen: Experiment, quick: bool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of an experiment.

    Args:
        name: Of the experiment.
        chosen: The experiment.
        quick: Whether settings that are not given take their smallest useful values.
        given: What differs from the defaults.

    Raises:
        UsageError: When there is no such setting, or its value is not of the default's kind.
    """
    for setting, value in given.items():
        if setting not in chosen.SETTINGS:
            raise UsageError(
                f"{name} has no setting {setting!r}; it has {', '.join(chosen.SETTINGS)}."
                f"{nearest(setting, list(chosen.SETTINGS))}"
            )
        default = chosen.SETTINGS[setting]
        if not is_like(value, default):
            raise UsageError(f"{name}: {setting}={value!r} {wanted(default)}.")
    return {**chosen.SETTINGS, **(chosen.QUICK if quick else {}), **given}


def wanted(default: Any) -> str:
    """What a value must be, in words."""
    repeats = ", and hold nothing twice" if isinstance(default, list) else ""
    return f"must be like {json.dumps(default)}, the default{repeats}"


def is_like(value: Any, default: Any) -> bool:
    """Whether a value may stand in the place of a default.

    Lists are not empty, hold nothing twice, and their members are like some member of the default;
    so are the values of a dict. A number is finite, whole where the default is, above 0 where the
    default is, and otherwise at least 0.
    """
    if isinstance(default, Mapping):
        return (
            isinstance(value, Mapping)
            and bool(value)
            and all(isinstance(key, str) for key in value)
            and _members_are_like(value.values(), default.values())
        )
    if isinstance(default, list):
        return isinstance(value, list | tuple) and _is_like_list(value, default)
    if isinstance(default, str):
        return isinstance(value, str)
    fits = is_whole_number(value) if type(default) is int else True
    if not (fits and is_number(value)):
        return False
    return math.isfinite(value) and (value > 0 if default else value >= 0)


def _is_like_list(values: Any, default: Any) -> bool:
    distinct = not any(value in values[:i] for i, value in enumerate(values))
    return bool(values) and distinct and _members_are_like(values, default)


def _members_are_like(values: Any, defaults: Any) -> bool:
    return all(any(is_like(value, default) for default in defaults) for value in values)

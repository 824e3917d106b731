"""The error of a plain central difference at several step sizes: the V-shaped curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..program import Var
from .differences import central_slope
from .point import PointCheck
from .report import Step


def error_curve(check: PointCheck, var: Var, sizes: Sequence[float]) -> tuple[Step, ...]:
    """The errors along one random direction.

    Args:
        check: The point with its derived gradient.
        var: The variable that moves.
        sizes: Step sizes, relative to the entries that move.

    Returns:
        One `Step` per size, largest first.
    """
    if not np.size(check.inputs[var]):
        return ()
    direction = check.random.normal(size=np.shape(check.inputs[var]))
    scale = check.step_size(var, direction)[0]
    return tuple(_step(check, var, direction, h, scale) for h in sorted(sizes, reverse=True))


def _step(check: PointCheck, var: Var, direction: Any, size: float, scale: float) -> Step:
    derived, h = check.analytic(var, direction), size * scale
    error = relative_error(derived, central_slope(check.along(var, direction), h))
    if not check.branches.has_pieces:
        return Step(size, error, error, 0)
    crossings = 0

    def as_it_is(t: float) -> float:
        nonlocal crossings
        outputs, crossed = check.branches.unfrozen(check.moved(var, t * direction))
        crossings += crossed
        return check.contracted(outputs)

    return Step(size, error, relative_error(derived, central_slope(as_it_is, h)), crossings)


def relative_error(derived: float, numeric: float) -> float:
    """|derived - numeric| / max(|derived|, |numeric|); 0 where both are 0."""
    scale = max(abs(derived), abs(numeric))
    return abs(derived - numeric) / scale if scale else 0.0

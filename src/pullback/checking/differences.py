"""Numerical slopes of a scalar function along a line, each with a bound of its own error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .precision import DOUBLE, Precision

CENTRAL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
ABOVE = ((0, -25 / 12), (1, 4.0), (2, -3.0), (3, 4 / 3), (4, -1 / 4))
BELOW = tuple((-place, -weight) for place, weight in ABOVE)
"""Fourth-order differences: (place, weight) of each value, places in steps."""

TINIEST = float(np.finfo("f8").tiny)
"""Below this a step has fewer digits, or none."""

Along = Callable[[float], Any]


@dataclass(frozen=True)
class Line:
    """A scalar function on a line through the point, and the scales on which it is rounded.

    Attributes:
        along: The function of t; along(0) is the point.
        size: What steps are relative to.
        reach: The magnitude of the coordinates that move, in units of t: shorter steps are lost
            in its rounding.
        magnitude: The magnitude of the terms that make up the function's value.
        precision: The precision in which it is evaluated.
    """

    along: Along
    size: float
    reach: float
    magnitude: float
    precision: Precision = DOUBLE


def slope_at_zero(line: Line, expected: float, allowed: float) -> tuple[float, float]:
    """The slope of a function on a line at 0, and a bound of its error.

    Of the slopes at several steps that one is taken whose neighbour agrees with it best, so
    neither curvature nor rounding is mistaken for a wrong gradient, and a wrong gradient cannot
    hide behind the noise of a small step. A smaller step counts for more only where it
    contradicts the larger ones by more than its noise: the function bends more closely than
    they see. On the boundary of its domain (z ** 2.5 at 0) the function is differenced from
    inside.

    Args:
        line: The function on the line.
        expected: The derived slope; a step that agrees with it ends the search.
        allowed: Difference that counts as agreement.

    Returns:
        (slope, error); (nan, inf) where no slope can be measured.

    Source: Ridders, Accurate computation of F'(x) and F'(x)F''(x) (1982); formulas of Abramowitz
    and Stegun, Handbook of Mathematical Functions, 25.3.6.
    """
    for stencil in (CENTRAL, ABOVE, BELOW):
        slope, error = _settled(line, stencil, expected, allowed)
        if np.isfinite(slope):
            return slope, error
    return np.nan, np.inf


def agrees(slope: float, error: float, expected: float, allowed: float) -> bool:
    """Whether a measured slope leaves room for the expected one."""
    return abs(slope - expected) <= allowed + 2 * error


def _settled(
    line: Line, stencil: Sequence[tuple[int, float]], expected: float, allowed: float
) -> tuple[float, float]:
    best, least = np.nan, np.inf
    previous: tuple[float, float] | None = None
    for h in _steps(line):
        slope, noise = _difference(line, stencil, h)
        if not np.isfinite(slope):
            continue
        if previous is None:
            if abs(slope - expected) <= allowed:
                return slope, noise
        else:
            change = abs(slope - previous[0])
            error = change + previous[1]
            if error < least or abs(previous[0] - best) > 4 * (error + least):
                best, least = previous[0], error
            # Where curvature still moves the slope, a loose agreement says nothing yet.
            is_sharp = least <= allowed or change <= noise
            if is_sharp and agrees(best, least, expected, allowed):
                break
        previous = slope, noise
    return best, least


def _steps(line: Line) -> Iterator[float]:
    """Steps from large to small: relative to `size`, then smaller ones relative to `reach`."""
    last = np.inf
    for scale in (line.size, line.reach):
        for step in line.precision.steps:
            h = step * scale
            if max(line.precision.shortest * line.reach, TINIEST) <= h < last / 2:
                yield h
                last = h


def _difference(line: Line, stencil: Sequence[tuple[int, float]], h: float) -> tuple[float, float]:
    """A difference quotient, and how far rounding (of values and of the step) may move it."""
    with np.errstate(all="ignore"):
        values = [line.along(place * h) for place, _ in stencil]
        terms = zip(stencil, values, strict=True)
        slope = sum(weight * value for (_, weight), value in terms) / h
    rounded = line.magnitude + max(map(abs, values)) + abs(slope) * line.reach
    return slope, line.precision.rounding * rounded / h


def one_sided_slopes(along: Along, h: float) -> tuple[Any, Any]:
    """Second-order differences of along(t) with step h to the left and to the right of 0."""
    with np.errstate(all="ignore"):
        here = along(0.0)
        above = (4 * along(h) - along(2 * h) - 3 * here) / (2 * h)
        below = -(4 * along(-h) - along(-2 * h) - 3 * here) / (2 * h)
    return below, above


def central_slope(along: Along, h: float) -> float:
    """The plain central difference (along(h) - along(-h)) / 2h."""
    with np.errstate(all="ignore"):
        return float((along(h) - along(-h)) / (2 * h))

"""Numerical slopes of a scalar function along a line, each with a bound of its own error."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

STEPS = tuple(10.0**-k for k in range(3, 16))
"""Relative step sizes, largest first; the frozen function has no kinks, so they may be large.

Where a larger step leaves the function's domain (log near 0), smaller ones are tried.
"""

CENTRAL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
ABOVE = ((0, -25 / 12), (1, 4.0), (2, -3.0), (3, 4 / 3), (4, -1 / 4))
BELOW = tuple((-place, -weight) for place, weight in ABOVE)
"""Fourth-order differences: (place, weight) of each value, places in steps."""

SHORTEST = 1e-9
ROUNDING = 4 * np.finfo(np.float64).eps

Along = Callable[[float], float]


def slope_at_zero(
    along: Along, size: float, reach: float, magnitude: float, expected: float, allowed: float
) -> tuple[float, float]:
    """The slope of along(t) at 0, and a bound of its error.

    Of the slopes at several steps that one is taken whose neighbour agrees with it best, so
    neither curvature nor rounding is mistaken for a wrong gradient, and a wrong gradient cannot
    hide behind the noise of a small step. A smaller step counts for more only where it
    contradicts the larger ones by more than its noise: the function bends more closely than
    they see. On the boundary of its domain (z ** 2.5 at 0) the function is differenced from
    inside.

    Args:
        along: The function on the line; along(0) is the point.
        size: What steps are relative to.
        reach: The magnitude of the coordinates that move, in units of t: shorter steps are lost
            in its rounding.
        magnitude: The magnitude of the terms that make up the function's value.
        expected: The derived slope; a step that agrees with it ends the search.
        allowed: Difference that counts as agreement.

    Returns:
        (slope, error); (nan, inf) where no slope can be measured.

    Source: Ridders, Accurate computation of F'(x) and F'(x)F''(x) (1982); formulas of Abramowitz
    and Stegun, Handbook of Mathematical Functions, 25.3.6.
    """
    for stencil in (CENTRAL, ABOVE, BELOW):
        slope, error = _settled(along, stencil, size, reach, magnitude, expected, allowed)
        if np.isfinite(slope):
            return slope, error
    return np.nan, np.inf


def agrees(slope: float, error: float, expected: float, allowed: float) -> bool:
    """Whether a measured slope leaves room for the expected one."""
    return abs(slope - expected) <= allowed + 2 * error


def _settled(
    along: Along,
    stencil: Sequence[tuple[int, float]],
    size: float,
    reach: float,
    magnitude: float,
    expected: float,
    allowed: float,
) -> tuple[float, float]:
    best, least = np.nan, np.inf
    previous: tuple[float, float] | None = None
    for step in STEPS:
        h = step * size
        if h < SHORTEST * reach:
            break
        with np.errstate(all="ignore"):
            values = [along(place * h) for place, _ in stencil]
            terms = zip(stencil, values, strict=True)
            slope = sum(weight * value for (_, weight), value in terms) / h
        if not np.isfinite(slope):
            continue
        noise = ROUNDING * (magnitude + max(map(abs, values))) / h
        if previous is None:
            if abs(slope - expected) <= allowed:
                return slope, noise
        else:
            error = abs(slope - previous[0]) + previous[1]
            if error < least or abs(previous[0] - best) > 4 * (error + least):
                best, least = previous[0], error
            if agrees(best, least, expected, allowed):
                break
        previous = slope, noise
    return best, least


def one_sided_slopes(along: Along, size: float) -> tuple[float, float]:
    """Second-order differences of along(t) to the left and to the right of 0."""
    h = 1e-5 * size
    with np.errstate(all="ignore"):
        here = along(0.0)
        above = (4 * along(h) - along(2 * h) - 3 * here) / (2 * h)
        below = -(4 * along(-h) - along(-2 * h) - 3 * here) / (2 * h)
    return below, above

"""Numerical slopes of a scalar function along a line, with an estimate of their noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

STEPS = (1e-3, 1e-4, 1e-5)
"""Relative step sizes; the frozen function has no kinks, so they may be large."""

LAST_STEPS = (1e-6, 1e-7, 1e-8)
"""Tried only where larger steps leave the function's domain (log near 0)."""

ROUNDING = 4 * np.finfo(np.float64).eps

Along = Callable[[float], float]


def central_slopes(along: Along, size: float, magnitude: float) -> Iterator[tuple[float, float]]:
    """Fourth-order central differences of along(t) at 0, one per step: (slope, noise).

    Args:
        along: The function on the line; along(0) is the point.
        size: The magnitude of the coordinates that move; steps are relative to it.
        magnitude: The magnitude of the terms that make up the function's value, whose rounding
            is the noise.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 25.3.6.
    """
    found = False
    for step in (*STEPS, *LAST_STEPS):
        if step in LAST_STEPS and found:
            return
        h = step * size
        with np.errstate(all="ignore"):
            near, far = along(h) - along(-h), along(2 * h) - along(-2 * h)
        slope = (8 * near - far) / (12 * h)
        if np.isfinite(slope):
            found = True
            yield slope, ROUNDING * magnitude / h


def one_sided_slopes(along: Along, size: float) -> tuple[float, float]:
    """Second-order differences of along(t) to the left and to the right of 0."""
    h = 1e-5 * size
    with np.errstate(all="ignore"):
        here = along(0.0)
        above = (4 * along(h) - along(2 * h) - 3 * here) / (2 * h)
        below = -(4 * along(-h) - along(-2 * h) - 3 * here) / (2 * h)
    return below, above

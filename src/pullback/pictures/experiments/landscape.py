"""The loss as a map, and paths that runs took over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from ..style import INK

LAND = LinearSegmentedColormap.from_list("land", ["#FFFFFF", "#E9EDF0", "#C3CCD3"])
"""From low to high: pale, so that paths stand out."""

LEVELS = 16

LEAST = 1e-4
"""Heights below this share of the greatest one are drawn alike, 0 among them."""


def contours(axes: Axes, terrain: Mapping[str, Any], labels: bool = True) -> None:
    """Heights in steps of equal ratio: pale where low, with thin lines.

    Args:
        axes: Where to draw.
        terrain: "x", "y" and "loss" of at least 0, one row per y.
        labels: Whether every second line tells its height.
    """
    loss = np.array(terrain["loss"], dtype=float)
    loss = np.maximum(loss, LEAST * loss.max())
    levels = np.geomspace(loss.min(), loss.max(), LEVELS)
    at = (terrain["x"], terrain["y"], loss)
    axes.contourf(*at, levels=levels, cmap=LAND, norm="log")
    lines = axes.contour(*at, levels=levels, colors="#98A4AD", linewidths=0.6)
    if labels:
        axes.clabel(lines, levels[1:-1:2], fmt=lambda v: f"{v:.2g}", fontsize=7.5, colors="#5B666E")
    axes.set_xlim(terrain["x"][0], terrain["x"][-1])
    axes.set_ylim(terrain["y"][0], terrain["y"][-1])


def path(axes: Axes, points: Sequence[Sequence[float]], colour: str, **line: Any) -> None:
    """A path, with a dot where it ends."""
    x, y = np.array(points, dtype=float).T
    axes.plot(x, y, color=colour, **{"linewidth": 1.8, **line})
    axes.plot(x[-1], y[-1], "o", color=colour, markersize=6, markeredgecolor="white")


def start(axes: Axes, point: Sequence[float]) -> None:
    """A mark where all paths begin."""
    axes.plot(*point, "o", color="white", markersize=7, markeredgecolor=INK, zorder=5)

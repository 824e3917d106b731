"""What pictures of experiments share: colours by name, and lines that are labelled directly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..style import SOFT

# Okabe and Ito's palette without its yellow, which is too faint for a line on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")

LINE_HEIGHT = 1.35
"""Of a label, as a multiple of its font size."""


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, in the order of the palette; from the eighth on they repeat."""
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(names)}


def band(axes: Axes, x: Any, lines: Sequence[Any], colour: str, **line: Any) -> float:
    """The median of lines, with a band from the least to the largest; returns its last height."""
    values = np.asarray(lines, dtype=float)
    low, middle, high = values.min(axis=0), np.median(values, axis=0), values.max(axis=0)
    if len(values) > 1:
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, middle, color=colour, **{"linewidth": 2, **line})
    return float(middle[-1])


def label_ends(
    axes: Axes, ends: Mapping[str, float], colour_of: Mapping[str, str], size: float = 9.5
) -> None:
    """Each line's name beside its right end, moved apart where names would overlap.

    Call it when the axes have their final limits and size.

    Args:
        axes: The axes.
        ends: The last height of each line, by name.
        colour_of: The colour of each line.
        size: Of the letters, in points.
    """
    cast(Figure, axes.figure).draw_without_rendering()
    points = axes.get_window_extent().height * 72 / axes.figure.dpi
    heights = {
        name: float((axes.transData + axes.transAxes.inverted()).transform((1, end))[1])
        for name, end in ends.items()
    }
    placed = apart(list(heights.values()), LINE_HEIGHT * size / points)
    for name, height in zip(heights, placed, strict=True):
        axes.annotate(
            name,
            (1, height),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=colour_of[name],
            fontsize=size,
            fontweight="bold",
            annotation_clip=False,
        )


def apart(heights: Sequence[float], least: float) -> list[float]:
    """Heights in their order, moved as little as needed so that neighbours are `least` apart.

    Args:
        heights: Shares of the axis; those outside [0, 1] are brought to its ends.
        least: The least distance between two of them.

    Returns:
        The new heights, in the order of the given ones.
    """
    wanted = np.clip(np.asarray(heights, dtype=float), 0, 1)
    order = np.argsort(wanted, kind="stable")
    groups = [[[float(wanted[i])], float(wanted[i])] for i in order]  # members, centre
    merged: list[Any] = []
    for group in groups:
        merged.append(group)
        while len(merged) > 1 and _overlap(merged[-2], merged[-1], least):
            upper, lower = merged.pop(), merged.pop()
            members = lower[0] + upper[0]
            merged.append([members, sum(members) / len(members)])
    placed = [
        centre + (k - (len(members) - 1) / 2) * least
        for members, centre in merged
        for k in range(len(members))
    ]
    result = np.empty(len(wanted))
    result[order] = placed
    return [float(height) for height in result]


def _overlap(lower: Any, upper: Any, least: float) -> bool:
    reach = (len(lower[0]) + len(upper[0])) / 2 * least
    return bool(upper[1] - lower[1] < reach)


def note(axes: Axes, text: str) -> None:
    """A soft remark in the upper left corner of the axes."""
    axes.text(0.02, 0.98, text, transform=axes.transAxes, va="top", color=SOFT, fontsize=9)

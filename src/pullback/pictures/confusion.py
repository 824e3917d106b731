"""Which class was taken for which: right answers in blue, mistakes in orange."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ..errors import printable
from .style import BLUE, INK, LINE, ORANGE, SOFT

MOST_WITH_NUMBERS = 20
LONGEST_LABEL = 18
INCHES_A_LETTER = 0.09
LIFT = 0.35
"""The power of a share of mistakes that gives the strength of its colour: 1 % shows as 20 %."""


def confusion_figure(counts: Any, labels: list[Any]) -> Figure:
    """A square per pair of classes with its number of rows; no number means none.

    A square's colour is its share of the true class; mistakes are few, so theirs is lifted.

    Args:
        counts: How often class i (row) was predicted as class j (column).
        labels: The classes.
    """
    count = len(labels)
    numbered = count <= MOST_WITH_NUMBERS
    side = max(2.6 + 0.52 * count, 5.0) if numbered else 8.0
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    is_right = np.eye(count, dtype=bool)
    colours = shades(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), is_right)
    right, rows = int(np.trace(counts)), int(counts.sum())
    axes.set_title(f"Test rows: {right:,} of {rows:,} right ({right / rows:.1%})")
    which = "" if numbered else " (its place in the sorted classes, from 0)"
    axes.set_xlabel(f"predicted class{which}")
    axes.set_ylabel(f"true class{which}")
    if not numbered:
        axes.imshow(colours, interpolation="nearest")
        _clear(axes)
        figure.supxlabel(
            "blue: right, orange: wrong, as a share of the true class", color=SOFT, size=9.5
        )
        return figure
    names = [short_name(label) for label in labels]
    turned = max(map(len, names)) * INCHES_A_LETTER > 0.75 * side / count
    draw_counts(axes, counts, colours, is_right)
    axes.set_xticks(range(count), names, rotation=40 if turned else 0, ha=_anchor(turned))
    axes.set_yticks(range(count), names)
    return figure


def draw_counts(axes: Axes, counts: Any, colours: Any, is_right: Any) -> None:
    """A square with its number for each entry of a table; 0 is left blank.

    Args:
        axes: Where to.
        counts: Whole numbers, (rows, columns).
        colours: Of the squares, (rows, columns, 3).
        is_right: Which squares count right answers.
    """
    axes.imshow(colours, interpolation="nearest")
    _clear(axes)
    for axis, length in ((axes.xaxis, counts.shape[1]), (axes.yaxis, counts.shape[0])):
        axis.set_ticks(np.arange(length + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=LINE, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for (i, j), number in np.ndenumerate(counts):
        if number:
            dark = float(np.dot(colours[i, j], (0.299, 0.587, 0.114))) < 0.55
            weight = "normal" if is_right[i, j] else "bold"
            color = "white" if dark else INK
            axes.text(j, i, f"{number:,}", ha="center", va="center", color=color, weight=weight)


def shades(share: Any, is_right: Any) -> Any:
    """Red, green and blue of each square: from white to blue or, for mistakes, to orange."""
    strength = np.where(is_right, share, share**LIFT)
    full = np.where(is_right[..., None], to_rgb(BLUE), to_rgb(ORANGE))
    return 1 - strength[..., None] * (1 - full)


def _clear(axes: Axes) -> None:
    for border in axes.spines.values():
        border.set_color(LINE)
    axes.tick_params(length=0, labelcolor=INK)


def _anchor(turned: bool) -> str:
    return "right" if turned else "center"


def short_name(label: object) -> str:
    """A label that fits beside a square."""
    text = printable(label)
    return (
        text
        if len(text) <= LONGEST_LABEL
        else f"{text[: LONGEST_LABEL - 1]}\N{HORIZONTAL ELLIPSIS}"
    )

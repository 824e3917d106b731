"""Predicted against true numbers, and what is left between them, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import printable
from .style import BLUE, ORANGE, SOFT, clear

MOST_COLUMNS = 6
MANY_ROWS = 300
"""From so many rows on, dots are small and let each other shine through."""


def predictions_figure(truth: Any, predicted: Any, names: Sequence[Any], r2: Any) -> Figure:
    """For each target column two panels: predicted against true, and residuals against predicted.

    Args:
        truth: The true numbers, (rows, columns).
        predicted: The predicted ones.
        names: Of the columns; the first `MOST_COLUMNS` are shown.
        r2: Of each column; NaN where it does not vary.
    """
    count = min(len(names), MOST_COLUMNS)
    figure = Figure(figsize=(10, 4.5 * count))
    figure.set_layout_engine("constrained", h_pad=0.12)
    rows = figure.subplots(count, 2, squeeze=False)
    for column in range(count):
        name = printable(names[column])
        left, right = rows[column]
        actual = np.asarray(truth[:, column], np.float64)
        guessed = np.asarray(predicted[:, column], np.float64)
        score = "" if np.isnan(r2[column]) else f", R\N{SUPERSCRIPT TWO} {r2[column]:.3f}"
        _against(left, actual, guessed)
        left.set_title(f"{name}: {len(actual):,} test rows{score}")
        _residuals(right, guessed, actual - guessed)
        right.set_title("What is left: true minus predicted")
    if len(names) > count:
        note = f"the first {count} of {len(names)} target columns"
        figure.supxlabel(note, fontsize=9.5, color=SOFT)
    return figure


def _against(axes: Axes, truth: Any, predicted: Any) -> None:
    """A row on the line is predicted exactly."""
    low, high = _span(np.concatenate([truth, predicted]))
    axes.plot([low, high], [low, high], color=ORANGE, linewidth=1.5, zorder=1)
    _dots(axes, truth, predicted)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")


def _residuals(axes: Axes, predicted: Any, residuals: Any) -> None:
    """A sound fit leaves a band around 0 that shows no form."""
    axes.axhline(0, color=ORANGE, linewidth=1.5, zorder=1)
    _dots(axes, predicted, residuals)
    axes.set_xlim(*_span(predicted))
    limit = 1.08 * float(np.max(np.abs(residuals))) or 1.0
    axes.set_ylim(-limit, limit)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true minus predicted")


def _dots(axes: Axes, x: Any, y: Any) -> None:
    many = len(x) >= MANY_ROWS
    size, alpha = (9, 0.35) if many else (22, 0.7)
    axes.scatter(x, y, s=size, color=BLUE, alpha=alpha, linewidths=0, zorder=2)
    clear(axes)


def _span(values: Any) -> tuple[float, float]:
    """From the smallest to the largest value, with a margin."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.04 * (high - low) or 0.5 * abs(high) or 0.5
    return low - margin, high + margin

"""Loss and accuracy or R^2, epoch by epoch, for the rows trained on and those watched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .style import BLUE, ORANGE, SOFT, clear

History = Sequence[Mapping[str, float]]

APART = 0.07
"""How far the labels at the ends of two lines stand apart, as a share of the axis."""

COMPANIONS = {"accuracy": "Accuracy", "r2": "R\N{SUPERSCRIPT TWO}"}
"""What stands beside the loss: the first that the history has."""

LOWEST = -1.0
"""Scores below this are cut: it is as bad as a guess can well be."""

MANY = 40
"""From so many epochs on, a line has no dots."""


def curves_figure(
    history: History, watched: str = "test", summed: bool = False, of: str = ""
) -> Figure:
    """Loss and, where there is one, its companion; lines are labelled at their ends.

    Args:
        history: Records with epoch, loss and perhaps accuracy or r2, each also with
            "validation_" in front; the first one, epoch 0, is before the first step.
        watched: What the rows that are evaluated after each epoch are called.
        summed: Whether the loss is a sum over rows, which grows with the set.
        of: What the companion is of, where that needs to be said, such as " of labels".
    """
    companion = next((name for name in COMPANIONS if name in history[-1]), None)
    panels = 1 if companion is None else 2
    figure = Figure(figsize=(5 * panels, 4.2), layout="constrained")
    left, *right = figure.subplots(1, panels, squeeze=False)[0]
    _panel(left, history, "loss")
    title = "Loss, summed over all rows" if summed else "Loss"
    left.set_title(title + _loss_scale(left, _values(history, "loss")))
    shown = [(left, "loss")]
    if companion is not None:
        _panel(right[0], history, companion)
        right[0].set_title(COMPANIONS[companion] + of + _score_scale(right[0], history, companion))
        shown.append((right[0], companion))
    for axes, name in shown:
        _label_ends(axes, [history[-1][key] for key in _pair(name)], ("train", watched))
    figure.supxlabel(
        f"epoch  (train: while the epoch goes on; {watched}: after the epoch)",
        fontsize=9.5,
        color=SOFT,
    )
    return figure


def _pair(name: str) -> tuple[str, str]:
    return name, f"validation_{name}"


def _values(history: History, name: str) -> list[float]:
    """The finite ones, of both lines."""
    values = [record[key] for record in history for key in _pair(name)]
    return [value for value in values if math.isfinite(value)]


def _loss_scale(axes: Axes, losses: Sequence[float]) -> str:
    """Choose the scale of the loss; returns what the title says of it."""
    low, high = min(losses), max(losses)
    if low > 0 and high / low > 30:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=12))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        return " (logarithmic scale)"
    if low >= 0:
        axes.set_ylim(0, 1.05 * high or 1)
    else:  # such as Poisson's, which leaves out a part that no output moves
        margin = 0.05 * (high - low) or 0.05 * abs(low)
        axes.set_ylim(low - margin, high + margin)
    return ""


def _score_scale(axes: Axes, history: History, name: str) -> str:
    """From 0 to 1; lower for scores that may be negative, down to `LOWEST`."""
    low = min([0.0, *_values(history, name)])
    axes.set_ylim(max(1.05 * low, LOWEST), 1.03)
    if low >= LOWEST:
        return ""
    for line in axes.lines:
        line.set_clip_on(True)
    return f" (cut at {LOWEST:g})"


def _panel(axes: Axes, history: History, name: str) -> None:
    epochs = [record["epoch"] for record in history]
    dots = "" if len(history) > MANY else "o"
    for key, color in zip(_pair(name), (BLUE, ORANGE), strict=True):
        values = [record[key] for record in history]
        axes.plot(
            epochs, values, color=color, linewidth=2, marker=dots, markersize=4, clip_on=False
        )
    clear(axes)
    axes.set_xlim(0, max(epochs[-1], 1))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))
    axes.margins(x=0)


def _label_ends(axes: Axes, ends: Sequence[float], words: tuple[str, str]) -> None:
    """'train 0.013' beside the end of each line, moved apart where they would overlap."""
    to_share = axes.transData + axes.transAxes.inverted()
    heights = [_within(float(to_share.transform((0, end))[1])) for end in ends]
    train, test = heights
    if abs(train - test) < APART:
        up = 1 if train >= test else -1
        middle = min(max((train + test) / 2, APART / 2), 1 - APART / 2)
        heights = [middle + up * APART / 2, middle - up * APART / 2]
    for word, end, height, color in zip(words, ends, heights, (BLUE, ORANGE), strict=True):
        axes.annotate(
            f"{word} {_short(end)}",
            (1, height),
            xycoords="axes fraction",
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=color,
            fontweight="bold",
        )


def _within(share: float) -> float:
    """A height inside the axes; in the middle where a line has no end."""
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.5


def _short(value: float) -> str:
    return f"{value:.3f}" if 0.001 <= abs(value) < 10 else f"{value:.3g}"

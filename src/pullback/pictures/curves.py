"""Loss and accuracy, epoch by epoch, for training and test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .style import BLUE, ORANGE, SOFT, clear

History = Sequence[Mapping[str, float]]

APART = 0.07
"""How far the labels at the ends of two lines stand apart, as a share of the axis."""

MANY = 40
"""From so many epochs on, a line has no dots."""


def curves_figure(history: History, reduction: str) -> Figure:
    """Two panels side by side; each line is labelled at its end with its last value.

    Args:
        history: Records with epoch, loss, accuracy, validation_loss, validation_accuracy; the
            first one, epoch 0, is before the first step.
        reduction: Of the loss over rows, "mean" or "sum"; a sum grows with the set.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _panel(left, history, "loss", "validation_loss")
    _panel(right, history, "accuracy", "validation_accuracy")
    right.set_title("Accuracy")
    name = "Loss, summed over all rows" if reduction == "sum" else "Loss"
    losses = [record[key] for record in history for key in ("loss", "validation_loss")]
    if min(losses) > 0 and max(losses) / min(losses) > 30:
        left.set_yscale("log")
        left.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=12))
        left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        left.yaxis.set_minor_locator(NullLocator())
        name += " (logarithmic scale)"
    else:
        left.set_ylim(0, 1.05 * max(losses))
    left.set_title(name)
    right.set_ylim(0, 1.03)
    for axes, names in (
        (left, ("loss", "validation_loss")),
        (right, ("accuracy", "validation_accuracy")),
    ):
        _label_ends(axes, [history[-1][name] for name in names])
    figure.supxlabel(
        "epoch  (train: while the epoch goes on; test: after the epoch)",
        fontsize=9.5,
        color=SOFT,
    )
    return figure


def _panel(axes: Axes, history: History, train: str, test: str) -> None:
    epochs = [record["epoch"] for record in history]
    dots = "" if len(history) > MANY else "o"
    for name, color in ((train, BLUE), (test, ORANGE)):
        values = [record[name] for record in history]
        axes.plot(
            epochs, values, color=color, linewidth=2, marker=dots, markersize=4, clip_on=False
        )
    clear(axes)
    axes.set_xlim(0, max(epochs[-1], 1))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10], integer=True))
    axes.margins(x=0)


def _label_ends(axes: Axes, ends: Sequence[float]) -> None:
    """'train 0.013' beside the end of each line, moved apart where they would overlap."""
    to_share = axes.transData + axes.transAxes.inverted()
    heights = [float(to_share.transform((0, end))[1]) for end in ends]
    train, test = heights
    if abs(train - test) < APART:
        up = 1 if train >= test else -1
        middle = min(max((train + test) / 2, APART / 2), 1 - APART / 2)
        heights = [middle + up * APART / 2, middle - up * APART / 2]
    labels = zip(("train", "test"), ends, heights, (BLUE, ORANGE), strict=True)
    for word, end, height, color in labels:
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


def _short(value: float) -> str:
    return f"{value:.3f}" if 0.001 <= value < 10 else f"{value:.3g}"

"""Pictures of the experiment on batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from ...experiments import Report
from ...experiments.batches import PLACES, slope, told
from ...experiments.common import where
from ..style import BLUE, INK, ORANGE, SOFT, clear
from .common import band, colours
from .landscape import contours, path, start

UNDER = 4.0
"""The width of the first line, which others may lie upon."""

ROOM = 0.3
"""The space to the right of the lines for their names, as a share of theirs."""


def draw(report: Report) -> dict[str, Figure]:
    """Loss by epochs and by seconds; paths over the loss; noise of the gradient."""
    return {
        "loss.png": _losses(report),
        "paths.png": _paths(report),
        "noise.png": _noise(report),
    }


def _colours(report: Report) -> dict[str, str]:
    return colours(report.settings["epochs"])


# Loss.


def _losses(report: Report) -> Figure:
    figure = Figure(figsize=(10.5, 4.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, what in zip(panels, ("epochs", "seconds"), strict=True):
        for i, (name, colour) in enumerate(_colours(report).items()):
            found = where(report.numbers["records"], batch_size=name)
            _loss(axes, found, what, colour, linewidth=2 if i else UNDER)
        clear(axes)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_locator(NullLocator())
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * (high / low) ** ROOM)
    panels[0].set_title("Loss after epochs")
    panels[0].set_xlabel("epochs", color=SOFT)
    panels[1].set_title("Loss after seconds")
    panels[1].set_xlabel("seconds", color=SOFT)
    count = len(report.settings["seeds"])
    spread = f"; band: {count} seeds" if count > 1 else ""
    figure.supxlabel(f"loss on all training rows{spread}", fontsize=9.5, color=SOFT)
    return figure


def _loss(
    axes: Axes, records: list[Mapping[str, Any]], what: str, colour: str, linewidth: float
) -> None:
    """From the first epoch on; the runs of one batch size have the same epochs."""
    at = np.median([record[what] for record in records], axis=0)[1:]
    end = band(axes, at, [record["loss"][1:] for record in records], colour, linewidth=linewidth)
    axes.annotate(
        told(records[0]["batch_size"]),
        (float(at[-1]), end),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=colour,
        fontweight="bold",
        fontsize=9.5,
        annotation_clip=False,
    )


def _plain(value: float, _: Any) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


# Paths.


def _paths(report: Report) -> Figure:
    terrain = report.numbers["terrain"]
    figure = Figure(figsize=(9.5, 5.6), layout="constrained")
    axes = figure.add_subplot()
    contours(axes, terrain["map"])
    for i, (name, colour) in enumerate(_colours(report).items()):
        points = terrain["paths"][name]
        path(axes, points, colour, linewidth=1.4 if i else 2.6)
        axes.annotate(
            told(name),
            points[-1],
            xytext=(9, -3),
            textcoords="offset points",
            color=colour,
            fontweight="bold",
        )
    start(axes, (0.0, 0.0))
    axes.annotate("start", (0, 0), xytext=(-8, 7), textcoords="offset points", ha="right")
    axes.set_title("Paths from the same start, over the loss (numbers on the lines)")
    axes.tick_params(length=0)
    full, other = (told(name) for name in (terrain["plane"]))
    axes.set_xlabel(f"distance in weights, from the start to the end of the {full}", color=SOFT)
    axes.set_ylabel(f"across, towards the end of {other}", color=SOFT)
    within = min(terrain["within"].values())
    figure.supxlabel(
        f"a plane through the start and these two ends; at least {within:.0%} of each way lies in "
        "it; the axes have different scales",
        fontsize=9.5,
        color=SOFT,
    )
    return figure


# Noise.


def _noise(report: Report) -> Figure:
    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axes = figure.add_subplot()
    sizes = report.settings["noise_sizes"]
    for place, colour in zip(PLACES, (BLUE, ORANGE), strict=True):
        found = where(report.numbers["noise"], place=place)
        lines = [[r["noise"] for r in where(found, seed=seed)] for seed in report.settings["seeds"]]
        end = band(axes, sizes, lines, colour, marker="o", markersize=5)
        axes.annotate(
            f"{place}\nslope {slope(found):.2f}",
            (sizes[-1], end),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
            annotation_clip=False,
        )
    axes.axhline(1, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        "as much noise as gradient",
        (sizes[0], 1),
        xytext=(0, -12),
        textcoords="offset points",
        color=SOFT,
        fontsize=9,
    )
    clear(axes)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    axes.set_xlabel("rows of the batch", color=SOFT)
    axes.set_title("Noise of the gradient, as a multiple of the full gradient's length")
    return figure

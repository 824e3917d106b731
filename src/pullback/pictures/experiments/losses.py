"""Pictures of the experiment on losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from ...experiments import Report
from ...experiments.common import middle, where
from ...experiments.losses import best_rate, runs_at
from ...experiments.losses_runs import STARTS, WAYS
from ..style import SOFT, clear
from .common import band, colours, label_ends

COLOURS = colours(WAYS)


def draw(report: Report) -> dict[str, Figure]:
    """How large the gradient is; accuracy against updates; updates against learning rate."""
    return {"gradients.png": _gradients(report), "updates.png": _updates(report)}


def _gradients(report: Report) -> Figure:
    curves = report.numbers["slopes"]
    figure = Figure(figsize=(8.2, 4.3), layout="constrained")
    axes = figure.subplots()
    right = np.array(curves["right"])
    log_odds = np.log(right / (1 - right))
    for way, colour in COLOURS.items():
        axes.plot(-log_odds, curves[way], color=colour, linewidth=2.2)
    clear(axes)
    shown = [0.999, 0.99, 0.9, 0.5, 0.1, 0.01, 0.001]
    axes.set_xticks([-math.log(p / (1 - p)) for p in shown], [f"{p:g}" for p in shown])
    axes.margins(x=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(
        "what the right one of two classes is given: from sure and right to sure and wrong"
    )
    axes.set_title("Size of the gradient at a row's logits")
    label_ends(axes, {way: curves[way][0] for way in WAYS}, COLOURS)
    return figure


def _updates(report: Report) -> Figure:
    figure = Figure(figsize=(11.4, 7), layout="constrained")
    above, below = figure.subplots(2, len(STARTS), sharey="row")
    longest = 0.0
    for axes, start in zip(above, STARTS, strict=True):
        longest = max(longest, _accuracy(axes, report, start))
        axes.set_title(f"A {start} start", fontsize=11)
    for axes in above:
        axes.set_xlim(0, longest)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.set_xlabel("updates, at each loss's best rate", color=SOFT, fontsize=9.5)
    above[0].set_ylim(0, 1.03)
    above[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    above[0].set_ylabel("digits right")
    for axes, start in zip(below, STARTS, strict=True):
        _rates(axes, report, start)
        axes.set_xlabel("learning rate", color=SOFT, fontsize=9.5)
    below[0].set_ylabel(f"updates to {report.settings['accuracy']:.0%} right")
    for i, (way, colour) in enumerate(COLOURS.items()):
        above[-1].text(
            0.97,
            0.3 - 0.1 * i,
            way,
            transform=above[-1].transAxes,
            ha="right",
            color=colour,
            weight="bold",
        )
    return figure


def _accuracy(axes: Axes, report: Report, start: str) -> float:
    """The accuracy update by update; returns how many updates are worth showing."""
    records, longest = report.numbers["records"], 1
    for way, colour in COLOURS.items():
        runs = runs_at(records, way, start, best_rate(records, way, start))
        lines = _of_one_length([run["accuracy"] for run in runs])
        band(axes, range(len(lines[0])), lines, colour)
        longest = max(longest, *(run["updates"] or len(run["accuracy"]) for run in runs))
    clear(axes)
    return float(longest)


def _of_one_length(curves: Sequence[Sequence[float]]) -> Any:
    """Curves that go on at their last value."""
    longest = max(map(len, curves))
    return [[*curve, *[curve[-1]] * (longest - len(curve))] for curve in curves]


def _rates(axes: Axes, report: Report, start: str) -> None:
    """Updates to the wanted accuracy against the learning rate, where it was reached."""
    for way, colour in COLOURS.items():
        records = where(report.numbers["records"], way=way, start=start)
        rates = [run["rate"] for run in records[0]["runs"]]
        found = [
            middle([_or_infinity(record["runs"][i]["updates"]) for record in records])
            for i in range(len(rates))
        ]
        shown = [updates if math.isfinite(updates) else math.nan for updates in found]
        axes.plot(rates, shown, color=colour, linewidth=2, marker="o", markersize=4)
    clear(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for line in (axes.xaxis, axes.yaxis):
        line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        line.set_minor_locator(NullLocator())
    rates = report.settings["learning_rates"]
    axes.set_xticks(rates[::2])


def _or_infinity(updates: int | None) -> float:
    return math.inf if updates is None else max(updates, 1)

"""Pictures of the experiment on update rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from ...experiments import Report
from ...experiments.common import middle, where
from ...experiments.optimizers import DIGITS, FACTORS, SOLVER, order_of, with_rates
from ..style import BLUE, INK, ORANGE, SOFT, clear
from .common import PALETTE
from .landscape import contours, path, start

WIDTHS = (3.6, 2.2, 1.1)
TOGETHER = len(WIDTHS)
"""So many paths are drawn on one map, later ones thinner: they may lie upon each other."""

GREEN = PALETTE[2]
RATE_COLOURS = dict(zip(FACTORS, (BLUE, GREEN, ORANGE), strict=True))

QUALITY = LinearSegmentedColormap.from_list("quality", ["#0072B2", "#9CC7E0", "#F4F4F4"])
"""From the best to the worst that did not diverge."""

LOSSES = (1e-3, 1e2)
"""The part of the losses that is worth seeing; knowing nothing is 2.3."""


def draw(report: Report) -> dict[str, Figure]:
    """Paths over the surfaces; what each learning rate reaches; too low, good, too high."""
    return {
        "paths.png": _paths(report),
        "rates.png": _rates(report),
        "digits.png": _digits(report),
    }


# Paths.


def _paths(report: Report) -> Figure:
    rules = [*report.settings["optimizers"], SOLVER]
    groups = [rules[i : i + TOGETHER] for i in range(0, len(rules), TOGETHER)]
    surfaces = report.numbers["surfaces"]
    figure = Figure(figsize=(3.1 * len(groups), 2.75 * len(surfaces) + 0.7), layout="constrained")
    panels = figure.subplots(len(surfaces), len(groups), squeeze=False)
    for row, (problem, terrain) in zip(panels, surfaces.items(), strict=True):
        for axes, group in zip(row, groups, strict=True):
            _map(axes, report, problem, terrain, group)
        row[0].set_ylabel(problem, fontweight="bold")
    for axes, group in zip(panels[0], groups, strict=True):
        _heads(axes, group)
    figure.suptitle(
        "Ways down, each rule at its good learning rate", x=0.01, ha="left", weight="bold", size=13
    )
    return figure


def _map(
    axes: Axes, report: Report, problem: str, terrain: Mapping[str, Any], rules: Sequence[str]
) -> None:
    contours(axes, terrain, labels=False)
    for rule, colour, width in zip(rules, PALETTE, WIDTHS, strict=False):
        points = _good(report, problem, rule)["path"]
        path(axes, points, colour, linewidth=width)
        start(axes, points[0])
    axes.set_xticks([])
    axes.set_yticks([])


def _good(report: Report, problem: str, rule: str) -> Mapping[str, Any]:
    if rule == SOLVER:
        return where(report.numbers["records"], problem=problem, optimizer=rule)[0]
    return with_rates(report.numbers["records"], problem, rule, report.settings)["good"]


def _heads(axes: Axes, rules: Sequence[str]) -> None:
    """The names of the paths above a column of maps, in their colours."""
    for i, (rule, colour) in enumerate(zip(rules, PALETTE, strict=False)):
        axes.annotate(
            rule,
            (i / TOGETHER, 1),
            xytext=(0, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            color=colour,
            weight="bold",
        )


# Learning rates.


def _rates(report: Report) -> Figure:
    problems = [*report.numbers["surfaces"], DIGITS]
    rules = report.settings["optimizers"]
    figure = Figure(figsize=(13.5, 0.36 * len(rules) + 2.1), layout="constrained")
    panels = figure.subplots(1, len(problems), sharey=True)
    for axes, problem in zip(panels, problems, strict=True):
        _quality(axes, report, problem, rules)
        axes.set_title("digits: loss" if problem == DIGITS else f"{problem}: steps", fontsize=10.5)
        axes.set_xlabel("learning rate", color=SOFT, fontsize=9.5)
    panels[0].set_yticks(range(len(rules)), rules)
    figure.suptitle(
        "What each learning rate reaches: the darker the better; x: diverged; framed: the good one",
        x=0.01,
        ha="left",
        weight="bold",
        size=13,
    )
    return figure


def _quality(axes: Axes, report: Report, problem: str, rules: Sequence[str]) -> None:
    """A square for each rule and rate, coloured by the rank among all of the problem."""
    records = [
        record
        for record in where(report.numbers["records"], problem=problem)
        if record["learning_rate"] is not None
    ]
    rates = sorted({record["learning_rate"] for record in records})
    ranks = _ranks(records)
    image = np.full((len(rules), len(rates)), math.nan)
    for record, rank in zip(records, ranks, strict=True):
        x, y = rates.index(record["learning_rate"]), rules.index(record["optimizer"])
        image[y, x] = rank
        axes.text(x, y, _cell(record), ha="center", va="center", fontsize=6.5, color=_ink(rank))
    axes.imshow(image, cmap=QUALITY, vmin=0, vmax=1, aspect="auto")
    for y, rule in enumerate(rules):
        x = rates.index(_good(report, problem, rule)["learning_rate"])
        axes.add_patch(_frame(x, y))
    axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates], rotation=90, fontsize=8)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _ranks(records: Sequence[Mapping[str, Any]]) -> list[float]:
    """0 for the best, 1 for the worst that did not diverge, NaN for what diverged."""
    orders = [None if None in record["loss"] else order_of(record) for record in records]
    kept = sorted({order for order in orders if order is not None})
    most = max(1, len(kept) - 1)
    return [math.nan if order is None else kept.index(order) / most for order in orders]


def _cell(record: Mapping[str, Any]) -> str:
    if None in record["loss"]:
        return "x"
    if record["steps"] is not None:
        return f"{record['steps']}"
    return f"{middle(record['loss']):.2g}" if record["problem"] == DIGITS else ""


def _ink(rank: float) -> str:
    return "white" if rank < 0.3 else INK


def _frame(x: int, y: int) -> Rectangle:
    return Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=ORANGE, linewidth=1.8)


# Too low, good, too high.


def _digits(report: Report) -> Figure:
    rules = [*report.settings["optimizers"], SOLVER]
    columns = min(6, len(rules))
    rows = -(-len(rules) // columns)
    figure = Figure(figsize=(2.15 * columns + 0.6, 2.3 * rows + 0.8), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes, rule in zip(panels, rules, strict=False):
        _curves(axes, report, rule)
    for axes in panels[len(rules) :]:
        axes.set_axis_off()
    for i, (word, colour) in enumerate(RATE_COLOURS.items()):
        panels[0].text(
            0.97,
            0.95 - 0.13 * i,
            word,
            transform=panels[0].transAxes,
            ha="right",
            va="top",
            color=colour,
            weight="bold",
            fontsize=9.5,
        )
    figure.suptitle(
        "Digits: loss by epochs at a learning rate that is too low, good and too high",
        x=0.01,
        ha="left",
        weight="bold",
        size=13,
    )
    return figure


def _curves(axes: Axes, report: Report, rule: str) -> None:
    """The loss epoch by epoch, of all seeds, until a run diverges."""
    records = report.numbers["records"]
    if rule == SOLVER:
        found = {"good": where(records, problem=DIGITS, optimizer=rule)[0]}
    else:
        found = with_rates(records, DIGITS, rule, report.settings)
    for word, record in found.items():
        for curve in record["curve"]:
            axes.plot(range(len(curve)), curve, color=RATE_COLOURS[word], linewidth=1.6)
    clear(axes)
    axes.set_yscale("log")
    axes.set_ylim(*LOSSES)
    axes.yaxis.set_major_locator(LogLocator(10))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.set_title(rule, fontsize=10.5, pad=5)

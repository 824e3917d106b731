"""Pictures of the experiment on activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from ...experiments import Report
from ...experiments.common import where
from ..style import BLUE, INK, LINE, ORANGE, SOFT, clear
from .common import band, colours, label_ends

COLUMNS = 5
JUMP = 0.2
"""A slope that changes by more than this from one point of the grid to the next has a jump."""


def draw(report: Report) -> dict[str, Figure]:
    """Every activation with its slope; gradients layer by layer; loss against updates."""
    return {
        "activations.png": _curves(report.numbers),
        "gradients.png": _gradients(report),
        "loss.png": _loss(report),
    }


def _curves(numbers: Mapping[str, Any]) -> Figure:
    curves, x = numbers["curves"], numbers["x"]
    rows = -(-(len(curves) + 1) // COLUMNS)
    figure = Figure(figsize=(11, 2.15 * rows + 0.3), layout="constrained")
    panels = list(figure.subplots(rows, COLUMNS, sharex=True, sharey=True).flat)
    for axes, (name, curve) in zip(panels, curves.items(), strict=False):
        _curve(axes, name, x, curve)
    spare = panels[len(curves) :]
    for axes in spare:
        axes.set_axis_off()
    _key(spare[0])
    figure.suptitle(
        "Activations and their derived slopes", x=0.01, ha="left", weight="bold", size=13
    )
    return figure


def _curve(axes: Axes, name: str, x: Any, curve: Mapping[str, Any]) -> None:
    clear(axes)
    axes.grid(visible=False)
    axes.axhline(0, color=LINE, linewidth=0.8, zorder=0)
    axes.axvline(0, color=LINE, linewidth=0.8, zorder=0)
    axes.plot(x, curve["value"], color=BLUE, linewidth=2)
    axes.plot(x, _broken(curve["slope"]), color=ORANGE, linewidth=2)
    if "lowest_slope" in curve:
        low, high = curve["lowest_slope"], curve["highest_slope"]
        axes.fill_between(x, low, high, color=ORANGE, alpha=0.25, linewidth=0)
    axes.set_xlim(-4, 4)
    axes.set_ylim(-1.9, 2.6)
    axes.set_title(name, fontsize=10, pad=4).set_in_layout(False)


def _broken(slope: Any) -> Any:
    """The slope with a gap in front of each jump, which is no steep part of the line."""
    jumps = np.flatnonzero(np.abs(np.diff(slope)) > JUMP)
    broken = np.array(slope, dtype=float)
    broken[jumps] = np.nan
    return broken


def _key(axes: Axes) -> None:
    lines = [
        ("the activation", BLUE, "bold"),
        ("its derived slope", ORANGE, "bold"),
        ("pale: where a random", SOFT, "normal"),
        ("slope may lie in training", SOFT, "normal"),
    ]
    for i, (text, colour, weight) in enumerate(lines):
        axes.text(
            0.04,
            0.85 - 0.14 * i,
            text,
            transform=axes.transAxes,
            color=colour,
            weight=weight,
            fontsize=10,
        )


def _gradients(report: Report) -> Figure:
    def panel(axes: Axes, depth: int) -> dict[str, float]:
        return {
            name: band(
                axes,
                range(depth, 0, -1),
                [r["gradient_norms"][::-1] for r in _records(report, name, depth)],
                colour,
            )
            for name, colour in colours(report.settings["activations"]).items()
        }

    figure, panels = _one_panel_per_depth(report, panel)
    panels[0].set_ylabel("gradient norm")
    for axes, depth in zip(panels, report.settings["depths"], strict=True):
        axes.set_xlim(max(depth, 2), 1)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    figure.suptitle(
        "Gradient of each layer's weights before the first update",
        x=0.01,
        ha="left",
        weight="bold",
        size=13,
    )
    figure.supxlabel(
        f"layer, as the gradient flows: from the last to the first  {_seeds(report)}",
        fontsize=9.5,
        color=SOFT,
    )
    return figure


def _loss(report: Report) -> Figure:
    def panel(axes: Axes, depth: int) -> dict[str, float]:
        ends = {}
        for name, colour in colours(report.settings["activations"]).items():
            found = [r for r in _records(report, name, depth) if not r["diverged"]]
            if found:
                ends[name] = band(axes, found[0]["updates"], [r["loss"] for r in found], colour)
        return ends

    figure, panels = _one_panel_per_depth(report, panel)
    panels[0].set_ylabel("loss on the training digits")
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        axes.margins(x=0)
    figure.suptitle("Loss against updates", x=0.01, ha="left", weight="bold", size=13)
    figure.supxlabel(f"updates  {_seeds(report)}", fontsize=9.5, color=SOFT)
    return figure


def _one_panel_per_depth(report: Report, panel: Any) -> tuple[Figure, list[Axes]]:
    """Panels side by side on one logarithmic scale; lines are labelled at the last one's."""
    depths = report.settings["depths"]
    figure = Figure(figsize=(2.6 * len(depths) + 1.8, 4.6), layout="constrained")
    panels = list(figure.subplots(1, len(depths), sharey=True, squeeze=False)[0])
    ends: dict[str, float] = {}
    for axes, depth in zip(panels, depths, strict=True):
        ends = panel(axes, depth)
        clear(axes)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(f"{depth} layers", fontsize=10.5, color=INK)
    label_ends(panels[-1], ends, colours(report.settings["activations"]))
    return figure, panels


def _seeds(report: Report) -> str:
    seeds = len(report.settings["seeds"])
    return "" if seeds == 1 else f"(line: median of {seeds} seeds; band: all)"


def _records(report: Report, name: str, depth: int) -> list[Mapping[str, Any]]:
    return where(report.numbers["records"], activation=name, depth=depth)

"""Pictures of the experiment on labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ...experiments import Report
from ...experiments.common import where
from ...experiments.labels import CODINGS, NUMBER
from ..style import BLUE, LINE, ORANGE, SOFT, clear
from .common import PALETTE

CORNERS = np.array([[0.0, 0.0], [0.5, np.sqrt(3) / 2], [1.0, 0.0]])
"""Where the three one-hot rows are drawn: an equilateral triangle."""

TITLES = {
    CODINGS[0]: "Class number, L2:\na line",
    CODINGS[1]: "One-hot, L2:\na plane",
    CODINGS[2]: "One-hot,\ncross-entropy:\nthe simplex",
}


def draw(report: Report) -> dict[str, Figure]:
    """Three classes gathering in the label space; by how much wrong numbers are wrong."""
    return {"label_space.png": _label_space(report), "mistakes.png": _mistakes(report)}


def _label_space(report: Report) -> Figure:
    gathering = [r for r in report.numbers["gathering"] if "points" in r]
    moments = sorted(report.settings["moments"])
    names = [str(name) for name in report.settings["three_classes"]]
    figure = Figure(figsize=(2.3 * len(moments) + 1.6, 6.4), layout="constrained")
    panels = figure.subplots(
        3, len(moments), squeeze=False, gridspec_kw={"height_ratios": [0.62, 1, 1]}
    )
    for row, coding in zip(panels, CODINGS, strict=True):
        for axes, moment in zip(row, moments, strict=True):
            axes.set_axis_off()
            for record in where(gathering, coding=coding, updates=moment):  # none if it diverged
                (_on_line if coding == NUMBER else _in_triangle)(axes, record, names)
        row[0].text(
            -0.12,
            0.5,
            TITLES[coding],
            transform=row[0].transAxes,
            ha="right",
            va="center",
            weight="bold",
            fontsize=10,
        )
    for axes, moment in zip(panels[0], moments, strict=True):
        axes.set_title("at the start" if moment == 0 else f"{moment} updates", fontsize=10.5)
    figure.suptitle(
        f"Held-out digits {', '.join(names)} in the label space while a network learns them",
        x=0.01,
        ha="left",
        weight="bold",
        size=13,
    )
    return figure


def _on_line(axes: Axes, record: Mapping[str, Any], names: Sequence[str]) -> None:
    """Points on the line of numbers, a strip for each class so that they can be told apart."""
    axes.set_xlim(-0.75, 2.75)
    axes.set_ylim(-1, 2.4)
    points, classes = np.array(record["points"])[:, 0], np.array(record["classes"])
    for number, name in enumerate(names):
        axes.axvline(number, color=LINE, linewidth=1, zorder=0)
        axes.text(number, -0.5, name, color=PALETTE[number], weight="bold", ha="center", va="top")
        own = points[classes == number]
        height = 2 - number + 0.6 * np.linspace(-0.5, 0.5, len(own))
        axes.scatter(own, height, s=9, color=PALETTE[number], alpha=0.7, linewidth=0)


def _in_triangle(axes: Axes, record: Mapping[str, Any], names: Sequence[str]) -> None:
    """Outputs as points of the plane through the three one-hot rows, the nearest ones."""
    axes.set_aspect("equal")
    axes.set_xlim(-0.42, 1.42)
    axes.set_ylim(-0.36, 1.24)
    axes.fill(*CORNERS.T, facecolor="#F6F6F6", edgecolor=LINE, linewidth=1, zorder=0)
    outputs = np.array(record["points"])
    weights = outputs + (1 - outputs.sum(axis=1, keepdims=True)) / 3
    points, classes = weights @ CORNERS, np.array(record["classes"])
    for number, (name, corner) in enumerate(zip(names, CORNERS, strict=True)):
        own = points[classes == number]
        axes.scatter(own[:, 0], own[:, 1], s=9, color=PALETTE[number], alpha=0.7, linewidth=0)
        x, y = corner + 0.55 * (corner - CORNERS.mean(axis=0))
        axes.text(x, y, name, color=PALETTE[number], weight="bold", ha="center", va="center")


def _mistakes(report: Report) -> Figure:
    figure = Figure(figsize=(9.2, 3.9), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, coding, colour in zip(panels, CODINGS, (ORANGE, BLUE), strict=False):
        found = where(report.numbers["records"], coding=coding, numbering=0)
        offsets, shares = _offsets([r["confusion"] for r in found])
        clear(axes)
        axes.bar(offsets, np.where(offsets == 0, 0, shares), color=colour, width=0.8)
        right = float(shares[offsets == 0][0])
        axes.set_title(f"{'One-hot' if coding != NUMBER else 'Class number'}: {right:.1%} right")
        axes.set_xticks(range(-9, 10, 3), [f"{i:+d}" if i else "right" for i in range(-9, 10, 3)])
        axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[0].set_ylabel("share of the held-out digits")
    figure.supxlabel("by how much the answered number is wrong", fontsize=9.5, color=SOFT)
    return figure


def _offsets(confusions: Sequence[Any]) -> tuple[Any, Any]:
    """How often an answer is off by -9 ... 9, as shares."""
    counts = np.sum(confusions, axis=0)
    classes = len(counts)
    offsets = np.arange(1 - classes, classes)
    return offsets, np.array([np.trace(counts, k) for k in offsets]) / np.sum(counts)

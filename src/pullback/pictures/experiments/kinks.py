"""The picture of the kinks: ReLU, and the slopes that spellings of it have at 0."""

from __future__ import annotations

from matplotlib.figure import Figure

from ...experiments import Report
from ...experiments.kinks import RECORDED
from ..style import BLUE, ORANGE, SOFT


def draw(report: Report) -> dict[str, Figure]:
    """kinks.png: a short line with each slope through the origin."""
    figure = Figure(figsize=(9.0, 4.8), layout="constrained")
    axes = figure.add_subplot()
    here = [(text, slope, BLUE) for text, slope in report.numbers["relu"].items()]
    there = [(f"{text}  ({where})", slope, ORANGE) for text, where, slope in RECORDED]
    entries = [*here, *there]
    for row, (_, slope, colour) in enumerate(reversed(entries)):
        axes.plot([0, slope], [row, row], color=colour, linewidth=2)
        axes.plot([slope], [row], "o", color=colour, markersize=8)
        axes.annotate(f"{slope:g}", (slope, row), (8, -4), textcoords="offset points", color=colour)
    axes.set_yticks(range(len(entries)), [text for text, _, _ in reversed(entries)])
    axes.set_xlim(-0.05, 1.15)
    axes.set_xticks([0, 0.5, 1])
    axes.set_xlabel("slope at x = 0")
    axes.set_title("relu'(0): derived here, recorded elsewhere")
    axes.grid(axis="x", color="#E5E5E5")
    axes.tick_params(length=0, colors=SOFT)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return {"kinks.png": figure}

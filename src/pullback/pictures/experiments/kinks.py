"""The picture of the kinks: the slopes at 0 of the same two functions in several spellings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...experiments import Report
from ...experiments.kinks import RECORDED, RECORDED_CROSS_ENTROPIES
from ..style import BLUE, INK, LINE, ORANGE, SOFT

TRUE = -0.5
"""The slope of the cross-entropy at z = 0 for y = 1."""

Recorded = Sequence[tuple[str, str, float]]


def draw(report: Report) -> dict[str, Figure]:
    """kinks.png: a line as long as each slope."""
    figure = Figure(figsize=(9.0, 7.2), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(14, 7))
    _slopes(above, report.numbers["relu"], RECORDED)
    above.set_title("Slope of ReLU at 0")
    above.set_xlim(-0.05, 1.15)
    above.set_xticks([0, 0.5, 1])
    _slopes(below, report.numbers["cross_entropy"], RECORDED_CROSS_ENTROPIES)
    below.set_title("Slope of cross-entropy at z = 0, y = 1")
    below.set_xlim(-1.75, 0.1)
    below.set_xticks([-1.5, -1, TRUE, 0])
    below.axvline(TRUE, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    figure.suptitle(
        "Slopes at 0: derived here in blue, recorded elsewhere in red; the true one broken",
        x=0.01,
        ha="left",
        fontsize=10.5,
        color=SOFT,
    )
    return {"kinks.png": figure}


def _slopes(axes: Axes, derived: Mapping[str, float], recorded: Recorded) -> None:
    here = [(text, slope, BLUE) for text, slope in derived.items()]
    there = [(f"{text}  ({where})", slope, ORANGE) for text, where, slope in recorded]
    entries = [*here, *there][::-1]
    for row, (_, slope, colour) in enumerate(entries):
        axes.plot([0, slope], [row, row], color=colour, linewidth=2)
        axes.plot([slope], [row], "o", color=colour, markersize=7)
        beyond, side = ((8, -4), "left") if slope >= 0 else ((-8, -4), "right")
        axes.annotate(
            f"{slope:g}", (slope, row), beyond, textcoords="offset points", color=colour, ha=side
        )
    axes.set_yticks(range(len(entries)), [text for text, _, _ in entries])
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=SOFT)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)

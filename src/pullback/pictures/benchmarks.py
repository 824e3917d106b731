"""Pictures of a benchmark: how many times as long each engine takes, and how time grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..benchmarks import Report, Task
from .experiments.common import PALETTE
from .style import INK, LINE, SOFT, clear

COLOURS = {
    name: PALETTE[i]
    for i, name in enumerate(
        ("native", "pytorch", "jax", "scikit-learn", "autograd", "onnxruntime", "reference")
    )
} | {"jax-run": "#8CD3BC"}  # paler than jax
"""Each engine keeps its colour in every picture."""


def ratios_figure(report: Report) -> Figure:
    """A line for each workload: a dot for each engine, at how many times as long it takes.

    What is required over an engine is a small tick of its colour.
    """
    tasks = [task for task in report.tasks if task.base is not None]
    figure = Figure(figsize=(10, 1.6 + 0.42 * max(1, len(tasks))), layout="constrained")
    axes = figure.subplots()
    for place, task in enumerate(reversed(tasks)):
        axes.axhline(place, color=LINE, linewidth=0.8, zorder=0)
        _dots(axes, place, task)
    axes.set_yticks(range(len(tasks)), [f"{t.name}\n{t.title}" for t in reversed(tasks)])
    axes.tick_params(axis="y", labelsize=7.5)
    axes.set_xscale("log")
    axes.axvline(1, color=SOFT, linewidth=1, zorder=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}x"))
    axes.set_title("How many times as long each takes (1x: this project)")
    clear(axes)
    axes.grid(False, axis="y")
    shown = {timed.engine for task in tasks for timed in task.engines if timed.rounds}
    for name, colour in COLOURS.items():
        if name in shown:
            axes.plot([], [], "o", color=colour, label=name)
    axes.plot([], [], "|", color=INK, markersize=10, label="required")
    axes.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _dots(axes: Axes, place: int, task: Task) -> None:
    for timed in task.engines:
        ratio, required = task.ratio(timed.engine), task.required.get(timed.engine)
        colour = COLOURS.get(timed.engine, INK)
        if ratio is not None and task.base is not None:
            low, high = (value / task.base.median for value in (timed.least, timed.most))
            axes.plot([low, high], [place, place], color=colour, alpha=0.4, linewidth=3)
            axes.plot(ratio, place, "o", color=colour, markersize=6)
        if required is not None:
            axes.plot(required, place, "|", color=colour, markersize=14, markeredgewidth=2)


def growth_figure(points: Sequence[dict[str, Any]]) -> Figure:
    """Time of a row and memory against each size, on logarithmic axes; a line for each engine."""
    names = list(dict.fromkeys(point["axis"] for point in points))
    figure = Figure(figsize=(3.4 * max(1, len(names)), 6.4), layout="constrained")
    above, below = figure.subplots(2, max(1, len(names)), squeeze=False, sharex="col", sharey="row")
    for upper, lower, name in zip(above, below, names, strict=False):
        here = [point for point in points if point["axis"] == name]
        _lines(upper, here, lambda point: 1e6 * point["seconds"] / point["rows"])
        _lines(lower, [p for p in here if p["bytes"]], lambda point: point["bytes"] / 2**20)
        lower.set_xlabel(name)
    above[0].set_ylabel("microseconds for a row")
    below[0].set_ylabel("megabytes besides the data")
    above[0].set_title("Time")
    below[0].set_title("Memory")
    above[-1].legend(frameon=False, fontsize=8.5)
    return figure


def _lines(axes: Axes, points: Sequence[dict[str, Any]], height: Any) -> None:
    for engine in dict.fromkeys(point["engine"] for point in points):
        here = sorted((p for p in points if p["engine"] == engine), key=lambda p: p["value"])
        heights = [max(height(point), 1e-6) for point in here]
        colour = COLOURS.get(engine, INK)
        axes.plot([p["value"] for p in here], heights, "o-", color=colour, label=engine)
    axes.set_xscale("log")
    axes.set_yscale("log")
    values = sorted({point["value"] for point in points})
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    clear(axes)

"""Pictures of the experiment on initial weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from ...experiments import Report
from ...experiments.common import KNOWING_NOTHING, where
from ...experiments.initializers import starts
from ..style import INK, SOFT, clear
from .common import band, colours, label_ends

SIGNALS = (1e-30, 1e30)
LOSSES = (1e-2, 1e1)
"""The parts of the axes that are worth seeing."""


def draw(report: Report) -> dict[str, Figure]:
    """What survives the layers; what is learned; whether units become different."""
    return {
        "signals.png": _signals(report),
        "loss.png": _loss(report),
        "units.png": _units(report),
    }


def _colours(report: Report) -> dict[str, str]:
    return colours(starts(report.settings))


def _signals(report: Report) -> Figure:
    activations, depth = report.settings["activations"], max(report.settings["depths"])
    figure = Figure(figsize=(4.3 * len(activations) + 1.4, 6.6), layout="constrained")
    panels = figure.subplots(2, len(activations), squeeze=False, sharex=True, sharey=True)
    rows = (("deviations", "deviation of each\nlayer's sums"), ("gradient_norms", "gradient norm"))
    for row, (what, label) in zip(panels, rows, strict=True):
        for axes, activation in zip(row, activations, strict=True):

            def values(record: Mapping[str, Any], what: str = what) -> Any:
                found = np.array(record[what], dtype=float)
                return np.where(found > 0, found, np.nan)

            ends = _lines(axes, report, activation, depth, range(1, depth + 1), values)
            axes.set_ylim(*SIGNALS)
            axes.yaxis.set_major_locator(LogLocator(10, numticks=7))
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        label_ends(row[-1], ends, _colours(report))
        row[0].set_ylabel(label)
    for axes, activation in zip(panels[0], activations, strict=True):
        axes.set_title(f"{activation}, {depth} layers", fontsize=10.5, color=INK)
    figure.suptitle(
        "Before the first update: the signal, and the gradient of each layer's weights",
        x=0.01,
        ha="left",
        weight="bold",
        size=13,
    )
    figure.supxlabel("layer (what is exactly 0 is not drawn)", fontsize=9.5, color=SOFT)
    return figure


def _loss(report: Report) -> Figure:
    settings = report.settings
    cases = [(a, depth) for a in settings["activations"] for depth in settings["depths"]]
    figure = Figure(figsize=(2.7 * len(cases) + 1.4, 4.2), layout="constrained")
    panels = figure.subplots(1, len(cases), squeeze=False, sharex=True, sharey=True)[0]
    epochs = range(settings["epochs"] + 1)
    for axes, (activation, depth) in zip(panels, cases, strict=True):

        def losses(record: Mapping[str, Any]) -> Any:
            found = np.full(len(epochs), np.nan)
            found[: len(record["loss"])] = record["loss"]
            return found

        ends = _lines(axes, report, activation, depth, epochs, losses)
        axes.axhline(KNOWING_NOTHING, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_ylim(*LOSSES)
        axes.yaxis.set_major_locator(LogLocator(10))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.set_title(f"{activation}, {depth} layers", fontsize=10.5, color=INK)
    label_ends(panels[-1], ends, _colours(report))
    figure.suptitle(
        "Loss on the training digits, by epochs", x=0.01, ha="left", weight="bold", size=13
    )
    figure.supxlabel("epochs (broken line: knowing nothing)", fontsize=9.5, color=SOFT)
    return figure


def _lines(
    axes: Axes,
    report: Report,
    activation: str,
    depth: int,
    x: Any,
    values: Callable[[Mapping[str, Any]], Any],
) -> dict[str, float]:
    """A line with a band for each start; returns where those end that can be seen."""
    ends = {}
    for start, colour in _colours(report).items():
        found = where(report.numbers["records"], activation=activation, depth=depth, start=start)
        end = band(axes, x, [values(record) for record in found], colour)
        if np.isfinite(end):
            ends[start] = end
    clear(axes)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.margins(x=0)
    return ends


def _units(report: Report) -> Figure:
    """The first layer's weights as images: all one image where the symmetry did not break."""
    settings = report.settings
    activation, depth = settings["activations"][0], min(settings["depths"])
    found = where(report.numbers["records"], activation=activation, depth=depth)
    records = [record for record in found if "units" in record]
    columns = len(records[0]["units"])
    figure = Figure(figsize=(columns + 1.5, 1.05 * len(records) + 0.8), layout="constrained")
    panels = figure.subplots(len(records), columns, squeeze=False)
    for row, record in zip(panels, records, strict=True):
        units = np.array(record["units"])
        largest = float(np.max(np.abs(units))) or 1.0
        for axes, unit in zip(row, units, strict=True):
            axes.imshow(unit.reshape(8, 8), cmap="RdBu_r", vmin=-largest, vmax=largest)
            axes.set_xticks([])
            axes.set_yticks([])
            for side in axes.spines.values():
                side.set_visible(False)
        row[0].set_ylabel(
            f"{record['start']}\n{record['distinct']} of {settings['units']}",
            rotation=0,
            ha="right",
            va="center",
            fontsize=9.5,
        )
    figure.suptitle(
        f"Weights of {columns} units of the first of {depth} layers after training, and how many "
        "units differ",
        x=0.01,
        ha="left",
        weight="bold",
        size=12,
    )
    return figure

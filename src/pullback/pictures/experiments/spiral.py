"""The pictures of the spiral: decision regions, and the loss over the epochs."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from ...experiments import Report
from ...experiments.spiral import EXTENT
from ..style import BLUE, ORANGE, SOFT, clear

GREEN = "#009E73"
TITLES = {"linear": "Linear softmax", "network": "One hidden layer"}


def draw(report: Report) -> dict[str, Figure]:
    """regions.png and losses.png."""
    return {"regions.png": _regions(report), "losses.png": _losses(report)}


def _regions(report: Report) -> Figure:
    figure = Figure(figsize=(9.0, 4.95), layout="constrained")
    numbers = report.numbers
    points, labels = np.array(numbers["points"]["x"]), np.array(numbers["points"]["label"])
    colours = (BLUE, ORANGE, GREEN)
    for place, (name, regions) in enumerate(numbers["regions"].items(), start=1):
        axes = figure.add_subplot(1, 2, place)
        axes.imshow(
            regions,
            origin="lower",
            extent=(-EXTENT, EXTENT, -EXTENT, EXTENT),
            cmap=ListedColormap(colours),
            alpha=0.22,
            interpolation="nearest",
            vmin=0,
            vmax=2,
        )
        for label, colour in enumerate(colours):
            chosen = points[labels == label]
            axes.plot(chosen[:, 0], chosen[:, 1], ".", color=colour, markersize=5)
        accuracy = numbers["results"][name][0]["accuracy"]
        axes.set_title(f"{TITLES[name]}: {accuracy:.0%} right")
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
    return figure


def _losses(report: Report) -> Figure:
    figure = Figure(figsize=(9.0, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for name, colour in (("linear", ORANGE), ("network", BLUE)):
        for number, result in enumerate(report.numbers["results"][name]):
            losses = result["losses"]
            epochs = [int(epoch) for epoch in losses]
            axes.plot(epochs, list(losses.values()), color=colour, alpha=1 if not number else 0.4)
        axes.annotate(
            TITLES[name],
            (epochs[-1], list(losses.values())[-1]),
            (6, 5),
            textcoords="offset points",
            color=colour,
            weight="bold",
        )
    axes.set_xscale("log")
    axes.set_xlim(right=axes.get_xlim()[1] * 4)
    axes.set_xlabel("full-batch steps", color=SOFT)
    axes.set_title("Loss with penalty, a line for each seed")
    clear(axes)
    return figure

"""What the first layer looks for: the weights of each unit, laid out as the image they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from ..errors import printable
from ..models import Model
from .style import INK, SOFT

MOST_TILES = 40
COLUMNS = 8
COLOURS = "RdBu"
BLANK = "#E6E6E6"
STRONGEST = 99.8
"""Percentile of the absolute weights at which the colour scale ends; a stray one is cut."""


def weights_figure(
    model: Model, image_shape: tuple[int, int], is_used: Any, names: Sequence[Any]
) -> Figure:
    """A tile per unit of the first layer, all on one colour scale that is white at 0.

    The units that matter most stand first: the size of a unit's weights times the size of the
    weights that use it. A linear model has one unit per output, in their order.

    Args:
        model: A model whose first layer is dense.
        image_shape: (rows, columns) of its inputs.
        is_used: Per input whether it ever varies in training; the weights of the others are
            still their first random ones and are not shown.
        names: What the model's outputs are called.
    """
    weights = np.where(np.asarray(is_used)[:, None], model.params["W1"], np.nan)
    order, titles = _units(model, weights, names)
    tiles = weights.T[order].reshape(len(order), *image_shape)
    limit = float(np.nanpercentile(np.abs(tiles), STRONGEST)) if np.any(is_used) else 1.0
    limit = limit or 1.0
    columns = min(COLUMNS, len(order)) if len(order) != 10 else 5
    gap = max(1, round(image_shape[1] / 8)) * (1 if not titles else 2)
    picture, is_tile = _mosaic(tiles, columns, gap)

    height, width = picture.shape
    figure = Figure(figsize=(9.2, 1.1 + 7.7 * height / width), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    colours = colormaps[COLOURS].with_extremes(bad=BLANK)
    shades = colours(0.5 + picture / (2 * limit))
    shades[~is_tile] = 1.0
    axes.imshow(shades, interpolation="nearest")
    for title, (top, left) in zip(titles, _places(tiles, columns, gap), strict=False):
        axes.text(left + image_shape[1] / 2 - 0.5, top - 0.9, title, ha="center", va="bottom")
    axes.set_title(_headline(model, len(order)))
    _colour_bar(figure, axes, limit)
    if not np.all(is_used):
        note = "grey: pixels that are the same in every training image"
        figure.supxlabel(note, fontsize=9.5, color=SOFT)
    return figure


def _units(model: Model, weights: Any, names: Sequence[Any]) -> tuple[Any, list[str]]:
    """Which units are shown, in which order, and what stands above each."""
    following = model.params.get("W2")
    if following is None:
        shown = names[:MOST_TILES]
        return np.arange(len(shown)), [printable(name)[:12] for name in shown]
    squares = np.nansum(np.square(weights, dtype=np.float64), axis=0)
    use = np.sqrt(squares) * np.linalg.norm(following.astype(np.float64), axis=1)
    return np.argsort(-use, kind="stable")[:MOST_TILES], []


def _places(tiles: Any, columns: int, gap: int) -> list[tuple[int, int]]:
    """The upper left corner of each tile."""
    count, rows, width = tiles.shape
    return [
        (gap + (i // columns) * (rows + gap), (i % columns) * (width + gap)) for i in range(count)
    ]


def _mosaic(tiles: Any, columns: int, gap: int) -> tuple[Any, Any]:
    """All tiles in one array, and where in it they are."""
    count, rows, width = tiles.shape
    lines = -(-count // columns)
    picture = np.zeros((gap + lines * (rows + gap) - gap, columns * (width + gap) - gap))
    is_tile = np.zeros(picture.shape, bool)
    for tile, (top, left) in zip(tiles, _places(tiles, columns, gap), strict=True):
        picture[top : top + rows, left : left + width] = tile
        is_tile[top : top + rows, left : left + width] = True
    return np.ma.masked_invalid(picture), is_tile


def _colour_bar(figure: Figure, axes: Any, limit: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(-limit, limit), cmap=COLOURS)
    bar = figure.colorbar(scale, ax=axes, shrink=0.6, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_ticks([-limit, 0, limit], labels=[f"{-limit:.2g}", "0", f"{limit:.2g}"])
    bar.ax.tick_params(length=0, labelcolor=INK)
    bar.set_label("weight", color=SOFT)


def _headline(model: Model, shown: int) -> str:
    units = model.params["W1"].shape[1]
    if "W2" not in model.params:
        return "The weights of each class" if model.classes else "The weights of each output"
    which = f"its {units} units" if shown == units else f"the {shown} most used of {units} units"
    return f"What the first layer looks for: {which}"

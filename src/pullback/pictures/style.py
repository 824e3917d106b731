"""How every picture looks: a light page, few lines, colours that colour-blind people can tell."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..storage import write_atomic

# Okabe and Ito's palette, "Color Universal Design" (2008).
BLUE, ORANGE = "#0072B2", "#D55E00"
INK, SOFT, LINE = "#222222", "#666666", "#D9D9D9"

DOTS_PER_INCH = 150

SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
}

# Building its font cache for the first time is no news for the user of a command line.
logging.getLogger("matplotlib").setLevel(logging.ERROR)


def save(path: Path, draw: Callable[[], Figure]) -> None:
    """Draw a figure in the house style, whatever the user's matplotlibrc says, and write it.

    Raises:
        StorageError: When the file cannot be written.
    """
    picture = io.BytesIO()
    with style.context(["default", SETTINGS]):
        figure = draw()
        FigureCanvasAgg(figure)
        figure.savefig(picture, format="png", dpi=DOTS_PER_INCH)
    write_atomic(path, picture.getvalue())


def clear(axes: Axes) -> None:
    """Leave the left and lower border only, with faint lines to read values by."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)

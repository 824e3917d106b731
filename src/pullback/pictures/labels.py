"""Which labels were found and which were missed: right answers in blue, mistakes in orange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .confusion import draw_counts, shades, short_name
from .style import SOFT

MOST_LABELS = 40

COLUMNS = (
    "holds,\nfound",
    "holds,\nmissed",
    "does not hold,\nbut predicted",
    "does not hold,\nleft out",
)
IS_RIGHT = (True, False, False, True)


def labels_figure(truth: Any, predicted: Any, names: Sequence[Any]) -> Figure:
    """Four squares per label: how many rows have it or not, and were taken so or not.

    A square's colour is its share of the rows that have the label, or have it not.

    Args:
        truth: Booleans of shape (rows, labels).
        predicted: The same.
        names: Of the labels; the first `MOST_LABELS` are shown.
    """
    count = min(len(names), MOST_LABELS)
    truth, predicted = truth[:, :count], predicted[:, :count]
    pairs = (truth & predicted, truth & ~predicted, ~truth & predicted, ~truth & ~predicted)
    counts = np.stack([np.sum(pair, axis=0) for pair in pairs], axis=1)
    having = np.repeat([[True, True, False, False]], count, axis=0)
    total = np.where(having, counts[:, :2].sum(axis=1)[:, None], counts[:, 2:].sum(axis=1)[:, None])
    is_right = np.repeat([IS_RIGHT], count, axis=0)

    figure = Figure(figsize=(7.6, 2.0 + 0.5 * count), layout="constrained")
    axes = figure.subplots()
    colours = shades(counts / np.maximum(total, 1), is_right)
    draw_counts(axes, counts, colours, is_right)
    axes.set_aspect("auto")
    axes.set_xticks(range(4), COLUMNS)
    axes.set_yticks(range(count), [short_name(name) for name in names[:count]])
    rows = len(truth)
    all_right = int(np.sum(np.all(truth == predicted, axis=1)))
    axes.set_title(
        f"Test rows: {all_right:,} of {rows:,} right in every label ({all_right / rows:.1%})"
    )
    if len(names) > count:
        note = f"the first {count} of {len(names)} labels"
        figure.supxlabel(note, fontsize=9.5, color=SOFT)
    return figure

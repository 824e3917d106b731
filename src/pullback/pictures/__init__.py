"""Pictures of a run: curves, predictions, and the first layer's weights where inputs are images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..training import Run
from ..training.results import OfLabels, OfNumbers, SetResult, confusion_matrix

MOST_CLASSES = 1000


def save_pictures(
    folder: Path,
    run: Run,
    results: Mapping[str, SetResult],
    names: Sequence[Any],
    summed: bool,
    X: Any,
    image_shape: tuple[int, int] | None,
) -> None:
    """Write curves.png; for images weights.png; and how the test rows were predicted.

    That is confusion.png for classes, labels.png for labels that hold or not, predictions.png for
    numbers.

    Args:
        folder: An existing folder.
        run: A finished run that was watched on rows of its own.
        results: On each set of rows; "test" among them, and "validation" where it was watched.
        names: What classes, labels or target columns are called.
        summed: Whether the loss is a sum over rows.
        X: The training rows.
        image_shape: (rows, columns) of the inputs; None where they are no images.

    Raises:
        StorageError: When a file cannot be written.
    """
    from .confusion import confusion_figure
    from .curves import curves_figure
    from .labels import labels_figure
    from .predictions import predictions_figure
    from .style import save
    from .weights import weights_figure

    test = results["test"]
    watched = "validation" if "validation" in results else "test"
    of = " of labels" if isinstance(test, OfLabels) else ""
    save(folder / "curves.png", lambda: curves_figure(run.history, watched, summed, of))
    if isinstance(test, OfNumbers):
        numbers = test.truth, test.predicted, names, test.by_column.r2
        save(folder / "predictions.png", lambda: predictions_figure(*numbers))
    elif isinstance(test, OfLabels):
        save(folder / "labels.png", lambda: labels_figure(test.truth, test.predicted, names))
    elif len(names) <= MOST_CLASSES:
        counts = confusion_matrix(test.truth, test.predicted, len(names))
        save(folder / "confusion.png", lambda: confusion_figure(counts, list(names)))
    if image_shape is not None:
        is_used = np.ptp(X, axis=0) > 0
        save(folder / "weights.png", lambda: weights_figure(run.model, image_shape, is_used, names))

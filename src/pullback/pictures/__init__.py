"""Pictures of a run: curves, confusion, and the first layer's weights where inputs are images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..training import Run
from ..training.results import SetResult, confusion_matrix

MOST_CLASSES = 1000


def save_pictures(
    folder: Path,
    run: Run,
    test: SetResult,
    reduction: str,
    X: Any,
    image_shape: tuple[int, int] | None,
) -> None:
    """Write curves.png, confusion.png and, for images, weights.png.

    Args:
        folder: An existing folder.
        run: A finished classification run.
        test: Its results on the test rows.
        reduction: Of the loss, "mean" or "sum".
        X: The training rows.
        image_shape: (rows, columns) of the inputs; None where they are no images.

    Raises:
        StorageError: When a file cannot be written.
    """
    from .confusion import confusion_figure
    from .curves import curves_figure
    from .style import save
    from .weights import weights_figure

    classes = run.model.classes
    assert classes is not None
    save(folder / "curves.png", lambda: curves_figure(run.history, reduction))
    if len(classes) <= MOST_CLASSES:
        counts = confusion_matrix(test.truth, test.predicted, len(classes))
        save(folder / "confusion.png", lambda: confusion_figure(counts, classes.labels.tolist()))
    if image_shape is not None:
        is_used = np.ptp(X, axis=0) > 0
        save(folder / "weights.png", lambda: weights_figure(run.model, image_shape, is_used))

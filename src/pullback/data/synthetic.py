"""Data sets that are made, not measured."""

from __future__ import annotations

import numpy as np

from .dataset import Dataset


def spiral(rows: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Points on as many arms as there are classes, wound around each other.

    On arm j the radius grows evenly from 0 to 1 while the angle grows from 4 j to 4 (j + 1), with
    normal noise; the point is (r sin t, r cos t).

    Args:
        rows: Points of each class, at least 1.
        classes: Arms, at least 2.
        noise: Standard deviation of the angle, in radians.
        seed: Of the noise.

    Returns:
        rows * classes points with two columns, and labels 0 to classes - 1.

    Example:
        >>> from pullback.data.synthetic import spiral
        >>> spiral().X.shape
        (300, 2)

    Source: Stanford's CS231n, "Putting it together: minimal neural network case study".
    """
    random = np.random.RandomState(seed)
    points = []
    for arm in range(classes):
        radius = np.linspace(0.0, 1.0, rows)
        angle = np.linspace(arm * 4, (arm + 1) * 4, rows) + random.randn(rows) * noise
        points.append(np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1))
    X = np.concatenate(points).astype(np.float32)
    return Dataset("spiral", X, np.repeat(np.arange(classes), rows), ("x", "y"))

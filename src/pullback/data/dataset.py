"""A data set: features, labels or numbers to learn, and perhaps a held-out set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to learn from, checked when it is made: shapes and dtypes fit each other.

    Attributes:
        name: what the data set is called.
        X: float32 of shape (n, d), n >= 1, d >= 1; the values are as they were read, not scaled.
        y: labels of shape (n,); or, as the targets of a regression and for several labels a row,
            numbers of shape (n, k).
        feature_names: d distinct names, in the order of the columns of X.
        image_shape: (rows, columns) where each row of X is an image, with rows * columns == d.
        X_test: float32 of shape (m, d), or None: no rows are held out yet.
        y_test: labels of shape (m,), or numbers of shape (m, k), when X_test is there.
        target_names: what the columns of y are called; k of them where y holds numbers, one or
            none where it holds labels.

    Raises:
        DataError: the parts do not fit each other.

    Example:
        >>> X, y = np.zeros((4, 2), np.float32), np.array([0, 0, 1, 1])
        >>> Dataset("tiny", X, y, ("a", "b")).X.shape
        (4, 2)
    """

    name: str
    X: NDArray[np.float32]
    y: NDArray[Any]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, int] | None = None
    X_test: NDArray[np.float32] | None = None
    y_test: NDArray[Any] | None = None
    target_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_rows("X", self.X, "y", self.y)
        width = self.X.shape[1]
        if len(self.feature_names) != width:
            raise DataError(f"X has {width} columns but {len(self.feature_names)} feature names.")
        if len(set(self.feature_names)) != width:
            raise DataError("The feature names must be distinct.")
        if self.image_shape is not None and self.image_shape[0] * self.image_shape[1] != width:
            raise DataError(f"X has {width} columns, which is no image of {self.image_shape}.")
        if self.y.ndim == 2 and len(self.target_names) != self.y.shape[1]:
            names = len(self.target_names)
            raise DataError(f"y has the shape {self.y.shape} but {names} target names.")
        if (self.X_test is None) != (self.y_test is None):
            raise DataError("X_test and y_test come together: give both or neither.")
        if self.X_test is not None and self.y_test is not None:
            _check_rows("X_test", self.X_test, "y_test", self.y_test)
            if self.X_test.shape[1] != width:
                raise DataError(f"X has {width} columns but X_test has {self.X_test.shape[1]}.")
            if self.y.shape[1:] != self.y_test.shape[1:]:
                raise DataError(f"y has the shape {self.y.shape}, y_test {self.y_test.shape}.")


def split(dataset: Dataset, share: float, seed: int) -> Dataset:
    """Hold out a share of the rows, class by class, so that both sets have the same mixture.

    The held-out set has round(share * n) rows where the classes allow it: every class gives its
    share, rounded down or up, and keeps at least one training row. Where y holds numbers, there
    are no classes: the rows are drawn from all. Rows keep their order.

    Args:
        dataset: a data set; one that has its own held-out set is returned unchanged.
        share: the part to hold out, 0 < share < 1.
        seed: at least 0; the same seed holds out the same rows.

    Returns:
        A data set whose X and y are the training rows and whose X_test and y_test the others.

    Raises:
        DataError: share or seed is outside its range, or so few rows would leave one set empty.

    Example:
        >>> X, y = np.zeros((8, 1), np.float32), np.array([0, 1] * 4)
        >>> split(Dataset("tiny", X, y, ("a",)), share=0.25, seed=0).y_test
        array([0, 1])
    """
    if dataset.X_test is not None:
        return dataset
    classes = dataset.y if dataset.y.ndim == 1 else np.zeros(len(dataset.y))
    held_out = held_out_rows(classes, share, seed, "held-out")
    return replace(
        dataset,
        X=dataset.X[~held_out],
        y=dataset.y[~held_out],
        X_test=dataset.X[held_out],
        y_test=dataset.y[held_out],
    )


def held_out_rows(y: NDArray[Any], share: float, seed: int, what: str) -> NDArray[np.bool_]:
    """Which rows a share holds out, class by class; see `split`.

    Args:
        y: labels of shape (n,); all the same where there are no classes.
        share: the part to hold out, 0 < share < 1.
        seed: at least 0.
        what: what the share is called in messages.

    Returns:
        A mask of shape (n,), true for the rows that are held out.

    Raises:
        DataError: share or seed is outside its range, or so few rows would leave a set empty.

    Example:
        >>> int(held_out_rows(np.zeros(10), 0.2, 0, "validation").sum())
        2
    """
    if not 0.0 < share < 1.0:
        raise DataError(f"The {what} share must be between 0 and 1, both excluded; got {share}.")
    if seed < 0:
        raise DataError(f"The seed must be at least 0; got {seed}.")
    held_out = _choose(y, share, np.random.default_rng(seed))
    if not held_out.any():
        raise DataError(
            f"A {what} share of {share} of {len(y)} rows holds out no row: give a larger share or "
            "more rows."
        )
    return held_out


def _choose(y: NDArray[Any], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    _, class_of, counts = np.unique(y, return_inverse=True, return_counts=True)
    held_out = np.zeros(len(y), dtype=np.bool_)
    for index, quota in enumerate(_quotas(counts, share)):
        rows = np.flatnonzero(class_of == index)
        held_out[rng.permutation(rows)[:quota]] = True
    return held_out


def _quotas(counts: NDArray[np.intp], share: float) -> NDArray[np.intp]:
    """Rows to hold out of each class: the shares rounded down, the rest to the largest remainders.

    Rounding each class for itself would hold out nothing of many small classes.
    """
    exact: NDArray[np.floating[Any]] = counts * share
    quotas: NDArray[np.intp] = np.floor(exact).astype(np.intp)
    missing = round(share * int(counts.sum())) - int(quotas.sum())
    by_remainder = np.argsort(quotas - exact, kind="stable")
    open_classes = [int(i) for i in by_remainder if quotas[i] < counts[i] - 1]
    for index in open_classes[: max(missing, 0)]:
        quotas[index] += 1
    return quotas


def _check_rows(
    name: str, features: NDArray[np.float32], label_name: str, labels: NDArray[Any]
) -> None:
    if features.ndim != 2 or features.dtype != np.float32:
        found = f"{features.dtype} of shape {features.shape}"
        raise DataError(f"{name} must be float32 of shape (rows, features), not {found}.")
    if 0 in features.shape:
        raise DataError(f"{name} is empty: its shape is {features.shape}.")
    if labels.shape[:1] != features.shape[:1] or labels.ndim > 2 or 0 in labels.shape:
        rows = len(features)
        raise DataError(
            f"{name} has {rows} rows, so {label_name} must have the shape ({rows},) or "
            f"({rows}, columns), not {labels.shape}."
        )

"""The data sets that scikit-learn ships: small, real and there without a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.data.dataset import Dataset
from pullback.errors import DataError, MissingExtraError, nearest

NUMBERS = {"diabetes": ("progression",)}
"""The sets whose targets are numbers, and what these are called."""

BUILTIN = ("digits", "iris", "wine", "breast_cancer", *NUMBERS)


def load_builtin(name: str) -> Dataset:
    """Load a data set that scikit-learn ships.

    Args:
        name: "digits" (1797 images of 8 x 8, values 0..16, ten classes), "iris" (150 rows, 4
            features, centimetres), "wine" (178 rows, 13 features), "breast_cancer" (569 rows,
            30 features) or "diabetes" (442 rows, 10 features, to predict a number: how far the
            disease has come a year later, 25 to 346).

    Returns:
        X float32 with the values as they are, no held-out set. y is int64 in 0..9 for digits,
        float64 of shape (442, 1) for diabetes, the names of the classes (strings) for the others;
        image_shape is (8, 8) for digits.

    Raises:
        DataError: no built-in data set has this name.
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> iris = load_builtin("iris")
        >>> iris.X.shape, str(iris.y[0]), iris.feature_names[0]
        ((150, 4), 'setosa', 'sepal length (cm)')

    Source: scikit-learn's `sklearn.datasets`, "Toy datasets".
    """
    if name not in BUILTIN:
        raise DataError(
            f"There is no built-in data set {name!r}: allowed are {', '.join(BUILTIN)}."
            + nearest(name, list(BUILTIN))
        )
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingExtraError(
            "The built-in data sets need scikit-learn: pip install 'pullback[sklearn]'."
        ) from error
    bunch = getattr(datasets, f"load_{name}")()
    return Dataset(
        name=name,
        X=np.asarray(bunch.data).astype(np.float32),
        y=_targets(name, bunch),
        feature_names=tuple(str(feature) for feature in bunch.feature_names),
        image_shape=(8, 8) if name == "digits" else None,
        target_names=NUMBERS.get(name, ()),
    )


def _targets(name: str, bunch: Any) -> NDArray[Any]:
    if name in NUMBERS:
        return np.asarray(bunch.target, dtype=np.float64)[:, None]
    labels = np.asarray(bunch.target, dtype=np.int64)
    return labels if name == "digits" else np.asarray(bunch.target_names).astype(np.str_)[labels]

"""How good a model is on a set of rows, as a whole and class by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn
from ..losses import Loss
from ..models import Model


@dataclass(frozen=True)
class SetResult:
    """A model's results on one set of rows.

    Attributes:
        loss: The loss over the whole set, mean or sum as in training.
        truth: Class indices of shape (rows,).
        predicted: The predicted ones.
    """

    loss: float
    truth: Any
    predicted: Any

    @property
    def rows(self) -> int:
        """How many rows the set has."""
        return len(self.truth)

    @property
    def accuracy(self) -> float:
        """The share of rows predicted right."""
        return float(np.mean(self.truth == self.predicted))


@dataclass(frozen=True)
class ClassResult:
    """One class of a set.

    Attributes:
        label: The class.
        precision: Of the rows predicted as it, the share that are it; 0 where none was predicted.
        recall: Of its rows, the share that was predicted as it; 0 where it has none.
        f1: The harmonic mean of the two.
        rows: How many rows it has.
    """

    label: Any
    precision: float
    recall: float
    f1: float
    rows: int


def evaluate(model: Model, loss: Loss, X: Any, y: Any) -> SetResult:
    """The model's results on rows X with labels y."""
    assert model.classes is not None
    outputs = model.outputs(X)
    truth = model.classes.encode(y)
    value = loss(outputs, nn.one_hot(truth, len(model.classes)))
    return SetResult(float(value), truth, np.argmax(outputs, axis=1))


def per_class(truth: Any, predicted: Any, labels: Any) -> list[ClassResult]:
    """Precision, recall and F1 of each class.

    Args:
        truth: Class indices of shape (rows,).
        predicted: The same.
        labels: The classes that the indices stand for.

    Example:
        >>> import numpy as np
        >>> result = per_class(np.array([0, 0, 1]), np.array([0, 1, 1]), ["cat", "dog"])
        >>> result[1]
        ClassResult(label='dog', precision=0.5, recall=1.0, f1=0.6666666666666666, rows=1)
    """
    count = len(labels)
    rows = np.bincount(truth, minlength=count)
    found = np.bincount(predicted, minlength=count)
    right = np.bincount(truth[truth == predicted], minlength=count)
    precision, recall = right / np.maximum(found, 1), right / np.maximum(rows, 1)
    f1 = 2 * right / np.maximum(rows + found, 1)
    columns = (precision.tolist(), recall.tolist(), f1.tolist(), rows.tolist())
    return [ClassResult(*values) for values in zip(labels, *columns, strict=True)]


def worst(results: list[ClassResult], count: int) -> list[ClassResult]:
    """The classes with the lowest F1, in the order of the classes; all where there are few."""
    chosen = sorted(range(len(results)), key=lambda i: results[i].f1)[:count]
    return [results[i] for i in sorted(chosen)]


def confusion_matrix(truth: Any, predicted: Any, classes: int) -> Any:
    """How often class i (row) was predicted as class j (column).

    Args:
        truth: Class indices of shape (rows,).
        predicted: The same.
        classes: How many classes.

    Returns:
        int64 counts of shape (classes, classes).

    Example:
        >>> import numpy as np
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
        array([[1, 1],
               [0, 1]])
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts

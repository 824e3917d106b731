"""How good a model is on a set of rows: as a whole, and by class, label or target column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engines.blas import one_blas_thread
from ..engines.reference import executable
from ..models import Model
from .metrics import NumberScores, variance


@dataclass(frozen=True)
class SetResult:
    """A model's results on one set of rows.

    Attributes:
        loss: The loss over the whole set, mean or sum as in training.
        truth: What is true of each row.
        predicted: What was predicted, of the same shape.
    """

    loss: float
    truth: Any
    predicted: Any

    @property
    def rows(self) -> int:
        """How many rows the set has."""
        return len(self.truth)

    @property
    def scores(self) -> dict[str, float]:
        """How good the predictions are as a whole, by the name that a person reads."""
        raise NotImplementedError


class OfClasses(SetResult):
    """Results where each row has one class: indices of shape (rows,)."""

    @property
    def accuracy(self) -> float:
        """The share of rows predicted right."""
        return float(np.mean(self.truth == self.predicted))

    @property
    def scores(self) -> dict[str, float]:
        """The accuracy."""
        return {"accuracy": self.accuracy}


class OfLabels(SetResult):
    """Results where several labels may hold: booleans of shape (rows, labels)."""

    @property
    def scores(self) -> dict[str, float]:
        """The share of rows that are right in every label, of labels that are right, and F1.

        They are scikit-learn's accuracy_score, 1 - hamming_loss, and f1_score(average="macro",
        zero_division=0).
        """
        right = self.truth == self.predicted
        return {
            "all labels right": float(np.mean(np.all(right, axis=1))),
            "label accuracy": float(np.mean(right)),
            "mean F1": float(np.mean([label.f1 for label in self.by_label()])),
        }

    def by_label(self, names: Sequence[Any] | None = None) -> list[ClassResult]:
        """Precision, recall and F1 of each label; they are numbered where names are None."""
        names = range(self.truth.shape[1]) if names is None else names
        rows, found = np.sum(self.truth, axis=0), np.sum(self.predicted, axis=0)
        return _class_results(names, rows, found, np.sum(self.truth & self.predicted, axis=0))


class OfNumbers(SetResult):
    """Results where targets are numbers of shape (rows, columns), in the unit of the data."""

    @property
    def by_column(self) -> NumberScores:
        """The scores of each column."""
        error = np.asarray(self.predicted, np.float64) - self.truth
        absolute, squared = np.mean(np.abs(error), axis=0), np.mean(error**2, axis=0)
        return NumberScores.of(absolute, squared, variance(self.truth))

    @property
    def scores(self) -> dict[str, float]:
        """R^2, mean absolute and root mean squared error; of several columns the mean R^2 alone.

        A mean of errors over columns would add up numbers of different units.
        """
        told = list(self.by_column.told().values())
        if self.truth.shape[1] > 1:
            return {"mean R^2": told[0]}
        return dict(zip(NUMBER_WORDS, told, strict=True))


NUMBER_WORDS = ("R^2", "mean absolute error", "root mean squared error")
"""What a person reads for the scores of numbers, in the order of `NumberScores`."""


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


def scored(predicted: Any, truth: Any, loss: float = math.nan) -> SetResult:
    """Predictions beside what is true: of classes, labels or numbers, as their dtype says.

    Args:
        predicted: Class indices of shape (rows,), booleans or numbers of shape (rows, columns).
        truth: The same; of booleans also numbers, which hold above a half, and of class indices
            also shares of the classes, of which the largest counts.
        loss: The loss over the whole set.

    Example:
        >>> import numpy as np
        >>> scored(np.array([0, 1, 1]), np.array([0, 1, 0])).scores
        {'accuracy': 0.6666666666666666}
    """
    if predicted.dtype.kind == "b":
        return OfLabels(loss, np.asarray(truth) > 0.5, predicted)
    truth = np.argmax(truth, axis=1) if np.ndim(truth) > predicted.ndim else truth
    return (OfNumbers if predicted.dtype.kind == "f" else OfClasses)(loss, truth, predicted)


def evaluate(model: Model, X: Any, y: Any) -> SetResult:
    """The model's results on rows X with labels or numbers y."""
    targets = model.targets_of(y)
    run = executable(model.programs["loss"])
    with one_blas_thread():
        loss = float(run(model.rows_of(X), targets, dict(model.params)))
    truth = targets if model.classes is not None else np.asarray(y, np.float64)
    return compared(model, X, truth.reshape(targets.shape), loss)


def compared(model: Model, X: Any, truth: Any, loss: float = math.nan) -> SetResult:
    """The model's predictions for rows X beside their targets, encoded as by `targets_of`."""
    predicted = model.predict(X)
    return scored(
        predicted if model.classes is None else model.classes.encode(predicted), truth, loss
    )


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
    return _class_results(labels, rows, found, np.bincount(truth[truth == predicted], None, count))


def _class_results(labels: Any, rows: Any, found: Any, right: Any) -> list[ClassResult]:
    """Results from the rows of each class, those predicted as it, and those that are both."""
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

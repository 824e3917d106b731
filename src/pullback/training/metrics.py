"""Metrics: what is told of a model beside its loss, as NumPy functions of outputs and targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from .totals import wide

Metric = Callable[[Any, Any], Any]
"""(outputs, targets), both (rows, columns) -> one number per row; the mean over rows is told."""

NUMBERS = ("r2", "mean_absolute_error", "root_mean_squared_error")
"""What is told of targets that are numbers."""

OWN_COLUMNS = ("epoch", "loss", "penalty", "learning_rate", "seconds", "samples_per_second")


def accuracy(outputs: Any, targets: Any) -> Any:
    """1 where the largest output is at the largest target, else 0: (rows,)."""
    return np.argmax(outputs, axis=1) == np.argmax(targets, axis=1)


def label_accuracy(outputs: Any, targets: Any) -> Any:
    """The share of a row's labels that the signs of its logits get right: (rows,)."""
    return np.mean(np.where((outputs > 0) == (targets > 0.5), 1.0, 0.0), axis=1)


@dataclass(frozen=True)
class NumberScores:
    """How near predicted numbers are to the true ones, column by column.

    Attributes:
        r2: 1 - mean((y_pred - y)^2) / var(y), the share of the targets' variance that is
            explained: 1 at best, 0 for a guess of their mean, below 0 for worse; NaN for a column
            that does not vary. It is scikit-learn's r2_score, which gives a constant column 1 or
            0 instead of NaN.
        mean_absolute_error: mean(|y_pred - y|), in the unit of the column.
        root_mean_squared_error: sqrt(mean((y_pred - y)^2)), in the unit of the column.
    """

    r2: Any
    mean_absolute_error: Any
    root_mean_squared_error: Any

    @classmethod
    def of(cls, absolute: Any, squared: Any, variance: Any, unit: Any = 1.0) -> NumberScores:
        """The scores of a set.

        Args:
            absolute: The mean of |y_pred - y| of each column, (columns,).
            squared: The mean of (y_pred - y)^2 of each column, (columns,).
            variance: Of the true numbers, as `variance` gives it.
            unit: What the errors and targets were divided by, per column or for all.
        """
        return cls(1 - squared / variance, absolute * unit, np.sqrt(squared) * unit)

    def told(self) -> dict[str, Any]:
        """The mean over the columns of each score, by name; r2 over those that vary.

        Scores of several epochs at once, (epochs, columns), have a mean each.
        """
        r2 = self.r2
        if np.isnan(r2).any():
            # A column varies or not, whatever the epoch. (Rows in order: other sums, other bits.)
            varying = ~np.isnan(r2.reshape(-1, r2.shape[-1])[0])
            r2 = np.ascontiguousarray(r2[..., varying]) if varying.any() else r2
        scores = r2, self.mean_absolute_error, self.root_mean_squared_error
        return dict(zip(NUMBERS, map(_mean, scores), strict=True))


def variance(values: Any) -> Any:
    """Of each column, float64 (columns,): NaN for one that does not vary, which has no r2."""
    found = np.var(values, axis=0, dtype=np.float64)
    return np.where(found > 0, found, np.nan)


def _mean(values: Any) -> Any:
    """np.mean of the last axis; that takes several microseconds, as a step of a small net does."""
    return wide(np.add.reduce(values, axis=-1) / values.shape[-1])


def is_of_numbers(loss: Any, classification: bool) -> bool:
    """Whether targets are numbers or counts, which `NumberScores` tells of."""
    return not classification and loss.targets in ("numbers", "counts")


def chosen_metrics(metrics: Any, loss: Any, classification: bool) -> dict[str, Metric]:
    """The metrics of a run: what is asked for, and accuracy where there are labels.

    What is told of numbers (`NumberScores`) needs no metric: the programs sum the errors.

    Args:
        metrics: Functions by name, or None.
        loss: The loss; what it takes as targets decides what accuracy means.
        classification: Whether the targets are class labels.

    Raises:
        UsageError: When it is no such mapping, or a name is taken.
    """
    standard: dict[str, Metric] = {}
    if classification or loss.targets == "distribution":
        standard["accuracy"] = accuracy
    elif loss.targets == "fractions":
        standard["accuracy"] = label_accuracy
    if metrics is None:
        return standard
    if not isinstance(metrics, Mapping):
        raise UsageError(
            f"metrics={metrics!r}: it must be a dict of NumPy functions (outputs, targets) by name."
        )
    for name, metric in metrics.items():
        taken = name in OWN_COLUMNS or name in standard or name in NUMBERS
        ours = str(name).startswith("validation_")  # what columns of validation rows are called
        if not isinstance(name, str) or not name.isidentifier() or taken or ours:
            raise UsageError(f"metrics: {name!r} cannot be the name of a metric.")
        if not callable(metric):
            raise UsageError(f"metrics: {name} must be a NumPy function (outputs, targets).")
    return standard | dict(metrics)

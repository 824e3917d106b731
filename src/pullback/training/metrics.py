"""Metrics: what is told of a model beside its loss, as NumPy functions of outputs and targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import UsageError

Metric = Callable[[Any, Any], Any]
"""(outputs, targets), both (rows, columns) -> one number per row; the mean over rows is told."""

OWN_COLUMNS = ("epoch", "loss", "penalty", "learning_rate", "seconds", "samples_per_second")


def accuracy(outputs: Any, targets: Any) -> Any:
    """1 where the largest output is at the largest target, else 0: (rows,)."""
    return np.argmax(outputs, axis=1) == np.argmax(targets, axis=1)


def label_accuracy(outputs: Any, targets: Any) -> Any:
    """The share of a row's labels that the signs of its logits get right: (rows,)."""
    return np.mean(np.where((outputs > 0) == (targets > 0.5), 1.0, 0.0), axis=1)


def chosen_metrics(metrics: Any, loss: Any, classification: bool) -> dict[str, Metric]:
    """The metrics of a run: what is asked for, and accuracy where there are labels.

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
        taken = name in OWN_COLUMNS or name in standard
        if not isinstance(name, str) or not name.isidentifier() or taken:
            raise UsageError(f"metrics: {name!r} cannot be the name of a metric.")
        if not callable(metric):
            raise UsageError(f"metrics: {name} must be a NumPy function (outputs, targets).")
    return standard | dict(metrics)

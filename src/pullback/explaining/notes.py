"""The network that is explained when nothing else is asked for: two layers, squared error."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..differentiate import grad
from ..optim import SGD
from ..program import UPDATE
from ..tracing import in_stage, trace
from .subject import Subject, subject_at, without_lines

SIZES = {"N": 64, "D": 1000, "H": 100, "C": 10}
"""Rows, input columns, hidden units, outputs."""

_ARRAYS = {"x": "N D", "y": "N C", "W1": "D H", "W2": "H C"}


def two_layer(x: Any, y: Any, W1: Any, W2: Any) -> Any:
    """The squared error of a network with one hidden layer, summed over rows and outputs."""
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    loss = np.sum((y_pred - y) ** 2)
    return loss


def training_step(x: Any, y: Any, W1: Any, W2: Any, learning_rate: Any) -> tuple[Any, Any]:
    """The weights after one step of gradient descent on the mean over the samples of a batch."""
    weights = {"W1": W1, "W2": W2}
    gradients = grad(two_layer, wrt=["W1", "W2"])(x, y, W1, W2)
    with in_stage(W1, UPDATE):
        means = [gradient / x.shape[0] for gradient in gradients]
        numbers = {"learning_rate": learning_rate}
        moved, _ = SGD().update(dict(zip(weights, means, strict=True)), {}, weights, numbers)
    W1, W2 = moved.values()
    return W1, W2


def notes_subject(wrt: Any = None, seed: int = 0) -> Subject:
    """The two-layer network at standard normal inputs, targets and weights.

    Args:
        wrt: As for `subject_at`; W1 and W2 when None.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    values = {
        name: random.normal(size=[SIZES[axis] for axis in axes.split()])
        for name, axes in _ARRAYS.items()
    }
    program = without_lines(trace(two_layer, **_ARRAYS))
    step = trace(training_step, **_ARRAYS, learning_rate="float")
    return subject_at(program, (), values, wrt=wrt or ["W1", "W2"], step=step)

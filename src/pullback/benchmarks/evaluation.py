"""The judge between engines: the loss of all rows, in float64 NumPy, written by hand.

No engine has a part in it, so that none can err unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .workload import Workload

EPSILON = 1e-5
"""Of batch normalization, in every engine."""


def outputs(work: Workload, X: Any, layers: list[dict[str, Any]]) -> Any:
    """What a network gives for rows, with the batch statistics of all of them; no dropout.

    Args:
        work: What the network is.
        X: Numbers of shape (rows, columns).
        layers: Of each layer W, b, gamma, beta, as far as it has them.

    Returns:
        float64 of shape (rows, outputs).
    """
    h = np.asarray(X, np.float64)
    for number, layer in enumerate(layers, start=1):
        wide = {name: np.asarray(value, np.float64) for name, value in layer.items()}
        h = h @ wide["W"]
        h = h + wide["b"] if "b" in wide else h
        if number == len(layers):
            return h
        if "gamma" in wide:
            standard = (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + EPSILON)
            h = wide["gamma"] * standard + wide["beta"]
        if work.activation == "relu":
            h = np.maximum(h, 0)
        elif work.activation == "tanh":
            h = np.tanh(h)
    raise AssertionError("a network has a layer")


def mean_loss(work: Workload, X: Any, y: Any, layers: list[dict[str, Any]]) -> float:
    """The loss of all rows: their mean, or their sum where the workload sums."""
    z = outputs(work, X, layers)
    if work.loss == "cross-entropy":
        z = z - z.max(axis=1, keepdims=True)
        rows = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), y]
    elif work.loss == "squared-error":
        rows = ((z - y) ** 2).sum(axis=1)
    else:
        rows = (np.sqrt(1 + (z - y) ** 2) - 1).sum(axis=1)
    return float(rows.sum() if work.sums else rows.mean())

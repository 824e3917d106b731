"""Programs whose equations are examined: the golden ones, training steps, a user's own network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from golden_programs import PROGRAMS

import pullback as pb


def block(h: Any, W: Any, b: Any) -> Any:
    z = h @ W + b
    return np.tanh(z)


def shared(x: Any, y: Any, W: Any, b: Any, V: Any) -> Any:
    """A loop with shared weights, a helper function and a loss of one's own."""
    h = x
    for _ in range(3):
        h = block(h, W, b)
    y_pred = h @ V
    error = np.abs(y_pred - y)
    near = np.where(error < 1, 0.5 * error**2, error - 0.5)
    return near.mean() + 0.01 * (W**2).sum()


def descent(x: Any, y: Any, W1: Any, W2: Any, eta: Any) -> Any:
    """One step of gradient descent on a mean loss over a mini-batch."""

    def loss(W1: Any, W2: Any) -> Any:
        h = np.maximum(x @ W1, 0)
        y_pred = h @ W2
        return np.mean(np.sum((y_pred - y) ** 2, axis=1))

    dW1, dW2 = pb.grad(loss, wrt=["W1", "W2"])(W1, W2)
    return {"W1": W1 - eta * dW1, "W2": W2 - eta * dW2}


def training_step(*layers: Any, optimizer: Any, loss: Any) -> pb.Program:
    network = pb.nn.Sequential(*layers)
    x = np.linspace(-1.0, 1.0, 24).reshape(8, 3)
    classes = isinstance(loss, pb.losses.CrossEntropy)
    y = np.arange(8) % 2 if classes else x[:, :1] ** 2
    settings = {"loss": loss, "optimizer": optimizer, "batch_size": 4, "dtype": "f8"}
    return pb.training.prepare(network, x, y, **settings).step


def _classifier() -> pb.Program:
    layers = (pb.nn.Dense(5), pb.nn.ReLU(), pb.nn.Dense(2))
    return training_step(*layers, optimizer=pb.optim.SGD(0.1), loss=pb.losses.CrossEntropy())


def _normalised() -> pb.Program:
    layers = (pb.nn.Dense(5), pb.nn.BatchNorm(), pb.nn.LeakyReLU(0.01), pb.nn.Dense(1))
    return training_step(*layers, optimizer=pb.optim.Adam(0.01), loss=pb.losses.SquaredError())


SHARED = {"x": "N D", "y": "N C", "W": "D D", "b": "D", "V": "D C"}
DESCENT = {"x": "N D", "y": "N C", "W1": "D H", "W2": "H C", "eta": "float"}

MORE: dict[str, Callable[[], pb.Program]] = {
    "shared": lambda: pb.grad(pb.trace(shared, **SHARED), wrt=["W", "b", "V"]),
    "descent": lambda: pb.trace(descent, **DESCENT),
    "classifier_step": _classifier,
    "normalised_step": _normalised,
}
EVERY = {**PROGRAMS, **MORE}

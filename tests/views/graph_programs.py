"""Programs whose pictures are tested: small networks with forks, masks, moves and many layers."""

from __future__ import annotations

from typing import Any

import numpy as np

import pullback as pb


def two_layers(x: Any, y: Any, W1: Any, W2: Any) -> Any:
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


TWO_LAYERS = {"x": "N D", "y": "N C", "W1": "D H", "W2": "H C"}


def two_layer_gradient() -> pb.Program:
    return pb.grad(pb.trace(two_layers, **TWO_LAYERS), wrt=["W1", "W2"])


def two_layer_values() -> dict[str, Any]:
    random = np.random.default_rng(0)
    shapes = {"x": (4, 5), "y": (4, 2), "W1": (5, 3), "W2": (3, 2)}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}


def five_children(x: Any) -> Any:
    a = np.tanh(x)
    b = np.exp(-x)
    c = np.maximum(x, 0)
    return np.sum(a * b) + np.sum(c * x) + np.mean(x)


def batch_norm(x: Any, gamma: Any, beta: Any, y: Any, epsilon: Any) -> Any:
    mean = np.mean(x, axis=0)
    variance = np.var(x, axis=0)
    x_hat = (x - mean) / np.sqrt(variance + epsilon)
    out = gamma * x_hat + beta
    return np.mean((out - y) ** 2)


def shared_weights(x: Any, labels: Any, W: Any, b: Any, V: Any) -> Any:
    h1 = np.maximum(x @ W + b, 0)
    h2 = np.maximum(h1 @ W + b, 0)
    logits = h2 @ V
    p = pb.nn.softmax(logits)
    y = pb.nn.one_hot(labels, 3)
    return -np.mean(np.sum(y * np.log(p), axis=1))


def residual_loop(x: Any, W: Any) -> Any:
    h = x
    for _ in range(20):
        z = h @ W
        h = np.tanh(z) + h
    return np.mean(h**2)


def deep(params: Any, x: Any) -> Any:
    h = x
    for layer in range(40):
        z = h @ params[f"W{layer}"] + params[f"b{layer}"]
        h = np.tanh(z)
    return np.mean(h**2)


DEEP = {f"W{layer}": "8 8" for layer in range(40)} | {f"b{layer}": "8" for layer in range(40)}


def one_operation(x: Any) -> Any:
    return np.sum(x)


def moves(x: Any, W: Any) -> Any:
    return np.sum(np.tanh(x @ W.T).reshape(-1) ** 2)


def _gradient(function: Any, wrt: Any, **specs: Any) -> pb.Program:
    return pb.grad(pb.trace(function, **specs), wrt=wrt)


PICTURES = {
    "two layers": two_layer_gradient,
    "five children": lambda: _gradient(five_children, "x", x="N"),
    "batch norm": lambda: _gradient(
        batch_norm, ["x", "gamma"], x="N D", gamma="D", beta="D", y="N D", epsilon="float"
    ),
    "shared weights": lambda: _gradient(
        shared_weights, ["W", "b", "V"], x="N 4", labels="i8 N", W="4 4", b="4", V="4 3"
    ),
    "loop": lambda: _gradient(residual_loop, "W", x="N D", W="D D"),
    "deep": lambda: _gradient(deep, "params", params=DEEP, x="N 8"),
    "one operation": lambda: _gradient(one_operation, "x", x="N"),
    "moves": lambda: _gradient(moves, ["x", "W"], x="4 3", W="2 3"),
}

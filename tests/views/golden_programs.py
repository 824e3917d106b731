"""The programs whose emitted source is kept in `golden`, one text file each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pullback as pb
from pullback import losses
from pullback.dims import evaluate
from pullback.primitives import fused

SHAPES = {"x": "N D", "y": "N C", "W1": "D H", "W2": "H C"}


def forward(x: Any, y: Any, W1: Any, W2: Any) -> Any:
    """The two-layer network of the README."""
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


def in_place(x: Any, y: Any, w1: Any, w2: Any) -> Any:
    """The program of the notes, which sets the negative entries to zero."""
    h = x.dot(w1)
    h_relu = h.copy()
    h_relu[h < 0] = 0
    y_pred = h_relu.dot(w2)
    loss = np.square(y_pred - y).sum()
    return loss


def written_twice(x: Any, w1: Any) -> Any:
    h = x.dot(w1)
    h[h < 0] = 0
    h += 1
    h *= h
    return h.sum()


def hard_labels(x: Any, W: Any, b: Any, labels: Any) -> Any:
    z = x @ W + b
    y = fused.one_hot(labels, classes=10, dtype=np.dtype("f8"))
    log_p = fused.log_softmax(z, axis=1)
    return -np.mean(np.sum(y * log_p, axis=1))


def soft_targets(x: Any, W: Any, b: Any, y: Any) -> Any:
    z = x @ W + b
    log_p = fused.log_softmax(z, axis=1)
    return -np.mean(np.sum(y * log_p, axis=1))


def with_labels(loss: losses.Loss) -> Callable[..., Any]:
    """A linear classifier of class numbers under a loss."""

    def classifier(x: Any, W: Any, b: Any, labels: Any) -> Any:
        logits = x @ W + b
        y = pb.nn.one_hot(labels, 10)
        return loss(logits, y)

    return classifier


def with_targets(loss: losses.Loss) -> Callable[..., Any]:
    """A linear model under a loss, of targets about which nothing is known."""

    def model(x: Any, W: Any, b: Any, y: Any) -> Any:
        outputs = x @ W + b
        return loss(outputs, y)

    return model


def with_declared_targets(loss: losses.Loss) -> Callable[..., Any]:
    """A linear classifier of soft targets, declared to sum to 1, under a loss."""

    def classifier(x: Any, W: Any, b: Any, soft: Any) -> Any:
        logits = x @ W + b
        y = pb.nn.distribution(soft)
        return loss(logits, y)

    return classifier


def weighted(x: Any, W: Any, b: Any, labels: Any, weights: Any) -> Any:
    logits = x @ W + b
    y = pb.nn.one_hot(labels, 10)
    return losses.CrossEntropy()(logits, y, weights)


def penalized(W1: Any, W2: Any) -> Any:
    penalty = losses.L2(0.1)(W1) + losses.ElasticNet(0.01, 0.1)(W2)
    return penalty


def normalised(x: Any, gamma: Any, beta: Any, y: Any, epsilon: Any) -> Any:
    mean = np.mean(x, axis=0)
    variance = np.var(x, axis=0)
    x_hat = (x - mean) / np.sqrt(variance + epsilon)
    out = gamma * x_hat + beta
    return np.mean((out - y) ** 2)


def dense(x: Any, W: Any, b: Any) -> Any:
    z = x @ W
    return z + b


def with_helper(x: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    hidden = np.tanh(dense(x, W1, b1))
    logits = dense(hidden, W2, b2)
    return np.sum(fused.sigmoid(logits))


def pieces(x: Any, y: Any) -> Any:
    left = x[:, :2]
    rest = x[:, 2:]
    joined = np.concatenate([rest, left * y], axis=1)
    rows = np.concatenate([joined, joined[1:]], axis=0)
    return np.sum(np.tanh(rows)) / x.shape[0]


def captured(x: Any) -> Any:
    return np.sum(np.abs(x * SCALE))


SCALE = np.array([1.0, -2.0, 0.5])

TWO_LAYERS = {"x": "N D", "W1": "D H", "b1": "H", "W2": "H C", "b2": "C"}
CLASSIFIER = {"x": "N D", "W": "D 10", "b": "10"}
NORMAL = {"x": "N D", "gamma": "D", "beta": "D", "y": "N D", "epsilon": "float"}
NOTES = {"x": "N D", "y": "N C", "w1": "D H", "w2": "H C"}


def _of_loss(loss: losses.Loss, model: Any, **targets: str) -> Callable[[], pb.Program]:
    return _gradient(model(loss), ["W", "b"], **CLASSIFIER, **targets)


def _gradient(function: Any, wrt: Any, **specs: Any) -> Callable[[], pb.Program]:
    return lambda: pb.grad(pb.trace(function, **specs), wrt=wrt)


PROGRAMS: dict[str, Callable[[], pb.Program]] = {
    "forward": lambda: pb.trace(forward, **SHAPES),
    "grad_forward": _gradient(forward, ["W1", "W2"], **SHAPES),
    "value_and_grad_forward": lambda: pb.value_and_grad(
        pb.trace(forward, **SHAPES), wrt=["W1", "W2"]
    ),
    "grad_forward_in_float32": _gradient(
        forward, ["W1", "W2"], **{name: f"f4 {shape}" for name, shape in SHAPES.items()}
    ),
    "grad_in_place": _gradient(in_place, ["w1", "w2"], **NOTES),
    "grad_written_twice": _gradient(written_twice, "w1", x="N D", w1="D H"),
    "grad_hard_labels": _gradient(hard_labels, ["W", "b"], **CLASSIFIER, labels="i8 N"),
    "grad_soft_targets": _gradient(soft_targets, ["W", "b"], **CLASSIFIER, y="N 10"),
    "grad_cross_entropy": _of_loss(losses.CrossEntropy(), with_labels, labels="i8 N"),
    "grad_cross_entropy_smoothed": _of_loss(
        losses.CrossEntropy(label_smoothing=0.1), with_labels, labels="i8 N"
    ),
    "grad_cross_entropy_undeclared": _of_loss(losses.CrossEntropy(), with_targets, y="N 10"),
    "grad_cross_entropy_declared": _of_loss(
        losses.CrossEntropy(), with_declared_targets, soft="N 10"
    ),
    "grad_cross_entropy_weighted": _gradient(
        weighted, ["W", "b"], **CLASSIFIER, labels="i8 N", weights="N"
    ),
    "value_and_grad_relative_entropy": lambda: pb.value_and_grad(
        pb.trace(with_declared_targets(losses.RelativeEntropy()), **CLASSIFIER, soft="N 10"),
        wrt=["W", "b"],
    ),
    "grad_relative_entropy": _of_loss(losses.RelativeEntropy(), with_declared_targets, soft="N 10"),
    "grad_binary_cross_entropy": _of_loss(losses.BinaryCrossEntropy(), with_targets, y="N 10"),
    "grad_huber": _of_loss(losses.Huber(), with_targets, y="N 10"),
    "grad_log_cosh": _of_loss(losses.LogCosh(), with_targets, y="N 10"),
    "grad_poisson": _of_loss(losses.Poisson(), with_targets, y="N 10"),
    "value_and_grad_penalties": lambda: pb.value_and_grad(
        pb.trace(penalized, W1="D H", W2="H C"), wrt=["W1", "W2"]
    ),
    "grad_normalised": _gradient(normalised, ["x", "gamma", "beta"], **NORMAL),
    "grad_with_helper": _gradient(with_helper, ["W1", "b1", "W2", "b2"], **TWO_LAYERS),
    "grad_pieces": _gradient(pieces, ["x", "y"], x="N 5", y="float"),
    "grad_captured": _gradient(captured, "x", x="N 3"),
}

SIZES = {"N": 4, "D": 3, "H": 5, "C": 2}


def values_for(program: pb.Program, seed: int = 0) -> list[Any]:
    """Arrays (and numbers) for the arguments of a program."""
    random = np.random.default_rng(seed)
    values: list[Any] = []
    declared = {e.inputs[0] for e in program.equations if e.primitive.name == "distribution"}
    for var in program.argument_inputs:
        shape = tuple(evaluate(dim, SIZES) for dim in var.aval.shape)
        if var.aval.dtype.kind == "i":
            values.append(random.integers(0, 3, size=shape))
        else:
            value = random.uniform(0.5, 1.5, size=shape) * random.choice([-1, 1], size=shape)
            if var in declared:
                value = np.abs(value) / np.sum(np.abs(value), axis=-1, keepdims=True)
            values.append(0.5 if var.aval.weak else np.asarray(value, var.aval.dtype))
    return values


if __name__ == "__main__":
    for name, program in PROGRAMS.items():
        print(f"# {name}\n{program().to_numpy()}")

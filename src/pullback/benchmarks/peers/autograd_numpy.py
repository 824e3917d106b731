"""autograd: a NumPy loop whose gradient is taped anew in each step."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import value_and_grad

from ..workload import Case, Workload
from .protocol import Predict, Train, Trained

MOST_PARAMETERS = 10_000
"""It is measured on small networks alone, where the tape is what takes the time."""

BETA1, BETA2, SMALL = 0.9, 0.999, 1e-8


class Autograd:
    """`autograd.value_and_grad` and an update rule in NumPy."""

    def version(self) -> str:
        """Of autograd."""
        return version("autograd")

    def flavours(self, work: Workload) -> tuple[str, ...]:
        """One, for small networks."""
        able = work.parameters <= MOST_PARAMETERS and work.loss != "pseudo-huber"
        return ("",) if able and not work.batch_norm and not work.dropout else ()

    def trainer(self, case: Case, flavour: str) -> Train:
        """A loop over slices; parameters are one list, moved in place."""
        work = case.workload
        gradient_of = value_and_grad(_loss(work))
        cuts = [slice(i, i + work.batch) for i in range(0, work.rows, work.batch)]
        targets = case.y
        if work.loss == "cross-entropy":
            targets = np.eye(work.widths[-1], dtype=np.float32)[case.y]
        batches = [(case.X[cut], targets[cut]) for cut in cuts]

        def train(epochs: int) -> Trained:
            params = [value.copy() for layer in case.layers for value in layer.values()]
            m, v = ([np.zeros_like(w) for w in params] for _ in range(2))
            seconds, count = [], 0
            for _ in range(epochs):
                started, total = time.perf_counter(), 0.0
                for x, y in batches:
                    loss, gradient = gradient_of(params, x, y)
                    total += loss
                    count += 1
                    if work.rule == "adam":
                        _adam(params, gradient, m, v, count, work.rate)
                    else:
                        for w, g in zip(params, gradient, strict=True):
                            w -= work.rate * g
                seconds.append(time.perf_counter() - started)
            values = iter(params)
            return Trained(seconds, [{kind: next(values) for kind in a} for a in case.layers])

        return train

    def predictor(self, case: Case) -> Predict:
        """Not measured: it is NumPy itself."""
        raise NotImplementedError


def _loss(work: Workload) -> Callable[..., Any]:
    per_layer = 2 if work.bias else 1
    activate = {"relu": lambda x: anp.maximum(x, 0), "tanh": anp.tanh, "none": lambda x: x}

    def loss(params: Any, x: Any, y: Any) -> Any:
        for i in range(0, len(params), per_layer):
            x = anp.dot(x, params[i])
            x = x + params[i + 1] if work.bias else x
            x = activate[work.activation](x) if i + per_layer < len(params) else x
        if work.loss == "cross-entropy":
            largest = anp.max(x, axis=1, keepdims=True)
            log_sum = anp.log(anp.sum(anp.exp(x - largest), axis=1, keepdims=True))
            return -anp.sum((x - largest - log_sum) * y) / len(x)
        squares = anp.sum((x - y) ** 2)
        return squares if work.sums else squares / len(x)

    return loss


def _adam(params: Any, gradient: Any, m: Any, v: Any, count: int, rate: float) -> None:
    size = rate / (1 - BETA1**count)
    root = (1 - BETA2**count) ** 0.5
    for w, g, mean, square in zip(params, gradient, m, v, strict=True):
        mean *= BETA1
        mean += (1 - BETA1) * g
        square *= BETA2
        square += (1 - BETA2) * g * g
        w -= size * mean / (np.sqrt(square) / root + SMALL)


def engine(name: str) -> Autograd:
    """The engine."""
    return Autograd()

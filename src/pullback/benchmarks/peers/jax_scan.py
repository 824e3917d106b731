"""JAX: an epoch, or a whole run, is one jitted `lax.scan` over the batches, its state donated."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..evaluation import EPSILON
from ..workload import SEED, Case, Workload
from .protocol import Predict, Train, Trained

BETA1, BETA2, SMALL = 0.9, 0.999, 1e-8
"""Of Adam, in every engine."""


class Jax:
    """`jax.jit` over `lax.scan`.

    Args:
        whole_runs: Whether a call does a whole run, whose losses are known at its end.
    """

    def __init__(self, whole_runs: bool) -> None:
        self.whole_runs = whole_runs

    def version(self) -> str:
        """Of jax."""
        return str(jax.__version__)

    def flavours(self, work: Workload) -> tuple[str, ...]:
        """Whether a call does one epoch, and tells its loss, or all of them.

        Where an epoch is one step, there is nothing to scan over but epochs.
        """
        if self.whole_runs:
            return ("run",)
        return ("run", "epoch") if work.batch >= work.rows else ("epoch",)

    def trainer(self, case: Case, flavour: str) -> Train:
        """The compiled epoch, or a scan over it; a last batch with fewer rows is a step behind.

        Of a whole run the mean is the time of each epoch; it is compiled before the clock starts.
        """
        work = case.workload
        X, y = jnp.asarray(case.X), jnp.asarray(case.y)
        whole = work.rows // work.batch if work.batch < work.rows else 0
        cut = whole * work.batch
        full: Any = ()
        if whole:
            full = tuple(a[:cut].reshape(whole, work.batch, *a.shape[1:]) for a in (X, y))
        rest = (X[cut:], y[cut:])
        step = _step(work)

        def epoch(state: Any, full: Any, rest: Any) -> Any:
            state, losses = lax.scan(step, state, full) if whole else (state, jnp.zeros(0))
            total = losses.sum()
            if cut < work.rows:
                state, last = step(state, rest)
                total = total + last
            return state, total

        def run(state: Any, full: Any, rest: Any, epochs: int) -> Any:
            return lax.scan(lambda state, _: epoch(state, full, rest), state, length=epochs)

        compiled = jax.jit(epoch, donate_argnums=0)
        whole_run = jax.jit(run, static_argnums=3, donate_argnums=0)
        runs = cache(lambda epochs: whole_run.lower(_start(case), full, rest, epochs).compile())

        def epoch_by_epoch(epochs: int) -> Trained:
            state = _start(case)
            seconds = []
            for _ in range(epochs):
                started = time.perf_counter()
                state, total = compiled(state, full, rest)
                float(total)
                seconds.append(time.perf_counter() - started)
            return Trained(seconds, _layers(state))

        def at_once(epochs: int) -> Trained:
            state, all_epochs = _start(case), runs(epochs)
            started = time.perf_counter()
            state, totals = all_epochs(state, full, rest)
            np.asarray(totals)
            seconds = [(time.perf_counter() - started) / epochs] * epochs
            return Trained(seconds, _layers(state))

        return at_once if flavour == "run" else epoch_by_epoch

    def predictor(self, case: Case) -> Predict:
        """The jitted network and the largest output's place."""
        work, layers = case.workload, jax.tree.map(jnp.asarray, case.layers)
        compiled = jax.jit(lambda layers, x: jnp.argmax(_outputs(work, layers, x, None), axis=1))

        def predict(X: Any) -> Any:
            return np.asarray(compiled(layers, X))

        return predict


def _layers(state: Any) -> Any:
    return jax.tree.map(np.asarray, jax.block_until_ready(state[0]))


def _start(case: Case) -> Any:
    layers = jax.tree.map(jnp.array, case.layers)
    key = jax.random.key(SEED) if case.workload.dropout else None
    if case.workload.rule != "adam":
        return layers, (), 0, key
    zeros = (jax.tree.map(jnp.zeros_like, layers), jax.tree.map(jnp.zeros_like, layers))
    return layers, zeros, jnp.zeros((), jnp.int32), key


def _step(work: Workload) -> Callable[[Any, Any], tuple[Any, Any]]:
    def loss_of(layers: Any, x: Any, y: Any, key: Any) -> Any:
        z = _outputs(work, layers, x, key)
        if work.loss == "cross-entropy":
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))
        if work.loss == "pseudo-huber":
            return jnp.mean(jnp.sum(jnp.sqrt(1.0 + (z - y) ** 2) - 1.0, axis=1))
        squares = jnp.sum((z - y) ** 2, axis=1)
        return jnp.sum(squares) if work.sums else jnp.mean(squares)

    def step(state: Any, batch: Any) -> tuple[Any, Any]:
        layers, kept, count, key = state
        drawn = None
        if key is not None:
            key, drawn = jax.random.split(key)
        loss, gradient = jax.value_and_grad(loss_of)(layers, *batch, drawn)
        if work.rule != "adam":
            layers = jax.tree.map(lambda w, g: w - work.rate * g, layers, gradient)
            return (layers, kept, count, key), loss
        count = count + 1
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, kept[0], gradient)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, kept[1], gradient)
        size = work.rate / (1 - BETA1**count)
        root = 1 / jnp.sqrt(1 - BETA2**count)
        layers = jax.tree.map(
            lambda w, m, v: w - size * m / (jnp.sqrt(v) * root + SMALL), layers, m, v
        )
        return (layers, (m, v), count, key), loss

    return step


def _outputs(work: Workload, layers: Any, x: Any, key: Any) -> Any:
    for number, layer in enumerate(layers, start=1):
        x = x @ layer["W"]
        x = x + layer["b"] if "b" in layer else x
        if number == len(layers):
            break
        if "gamma" in layer:
            standard = (x - x.mean(axis=0)) * lax.rsqrt(x.var(axis=0) + EPSILON)
            x = layer["gamma"] * standard + layer["beta"]
        x = {"relu": jax.nn.relu, "tanh": jnp.tanh, "none": lambda x: x}[work.activation](x)
        if key is not None:
            key, drawn = jax.random.split(key)
            kept = jax.random.bernoulli(drawn, 1 - work.dropout, x.shape)
            x = jnp.where(kept, x / (1 - work.dropout), 0.0)
    return x


def engine(name: str) -> Jax:
    """The engine "jax", or "jax-run"."""
    return Jax(whole_runs=name == "jax-run")

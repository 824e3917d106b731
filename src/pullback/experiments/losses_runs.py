"""The starts of the experiment on losses, and the runs from each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..differentiate import grad
from ..losses import CrossEntropy, SquaredError
from ..nn import Dense, ReLU, Sequential, Softmax, one_hot, softmax
from ..optim import SGD, Adam
from ..training import Callback, Prepared, Training, prepare
from .common import trained
from .signals import norm, observer

GOOD, BAD, WRONG = "good", "bad", "confidently wrong"
STARTS = (GOOD, BAD, WRONG)


@dataclass(frozen=True)
class Way:
    """A loss and what it is a loss of.

    Attributes:
        loss: The loss.
        ending: Layers behind the last Dense layer.
        teacher: The way whose training makes the good and the wrong start of this one.
    """

    loss: Any
    ending: tuple[Any, ...]
    teacher: str


ENTROPY, OF_PROBABILITIES, OF_OUTPUTS = (
    "cross-entropy",
    "L2 of probabilities",
    "L2 of plain outputs",
)

WAYS: Mapping[str, Way] = {
    ENTROPY: Way(CrossEntropy(), (), ENTROPY),
    OF_PROBABILITIES: Way(SquaredError(), (Softmax(),), ENTROPY),
    OF_OUTPUTS: Way(SquaredError(), (), OF_OUTPUTS),
}


class StopAtAccuracy(Callback):
    """Ends a run once its training accuracy is reached."""

    def __init__(self, accuracy: float) -> None:
        self.accuracy = accuracy

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """Stop when the accuracy is there, after the first update at the earliest."""
        if record["epoch"] and record["accuracy"] >= self.accuracy:
            training.stop("the accuracy is reached")


def _prepared(
    way: str,
    X: Any,
    y: Any,
    seed: int,
    settings: Mapping[str, Any],
    optimizer: Any,
    updates: int,
    params: Mapping[str, Any] | None = None,
) -> Prepared:
    """A full-batch run of so many updates, from other parameters than its own if given."""
    prepared = prepare(
        Sequential(Dense(settings["units"]), ReLU(), Dense(10), *WAYS[way].ending),
        X,
        y,
        loss=WAYS[way].loss,
        task="classification",
        optimizer=optimizer,
        batch_size="full",
        epochs=updates,
        scaling="standard",
        seed=seed,
    )
    if params is None:
        return prepared
    return replace(prepared, problem=replace(prepared.problem, params=dict(params)))


def parameters_of(
    teacher: str, start: str, X: Any, y: Any, seed: int, settings: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Parameters to start from.

    A good start has learned the right labels for a while, a bad one is random, a confidently
    wrong one has learned by heart that each digit is the next one.
    """
    rule, updates = Adam(0.01), settings["wrong_start_updates"]
    if start == BAD:
        return _prepared(teacher, X, y, seed, settings, rule, 1).problem.params
    labels = (y + 1) % 10 if start == WRONG else y
    stop = [] if start == WRONG else [StopAtAccuracy(settings["good_start_accuracy"])]
    run, _ = trained(_prepared(teacher, X, labels, seed, settings, rule, updates), stop)
    return run.model.params


def measured(
    way: str,
    start: str,
    seed: int,
    params: Mapping[str, Any],
    X: Any,
    y: Any,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The start as this loss sees it, and a run from it at each learning rate."""

    def at_rate(rate: float, updates: int) -> Prepared:
        return _prepared(way, X, y, seed, settings, SGD(rate), updates, params)

    runs = []
    for rate in settings["learning_rates"]:
        prepared = at_rate(rate, settings["most_updates"] + 1)
        run, diverged = trained(prepared, [StopAtAccuracy(settings["accuracy"])])
        # With all rows in a batch, the record of an update tells what was before it.
        curve = [round(float(record["accuracy"]), 5) for record in run.history[1:]]
        reached = bool(curve) and curve[-1] >= settings["accuracy"]
        runs.append(
            {
                "rate": rate,
                "updates": len(curve) - 1 if reached else None,
                "diverged": diverged,
                "accuracy": curve,
            }
        )
    begun = at_rate(1.0, 1)
    return {
        "way": way,
        "start": start,
        "seed": seed,
        "gradient_norm": norm(observer(begun)(params).gradients),
        **_at_logits(way, begun),
        "runs": runs,
    }


def _at_logits(way: str, prepared: Prepared) -> dict[str, float]:
    """What comes out of the last Dense layer at the start, and the loss's derivative there."""
    problem = prepared.problem
    plain = Sequential(
        *problem.network.layers[: len(problem.network.layers) - len(WAYS[way].ending)]
    )
    z, _ = plain.apply(dict(problem.params), {}, prepared.rows, training=False)
    labels = prepared.targets
    found = _row_gradients(way, z, one_hot(labels, 10, z.dtype))
    given = z if way == OF_OUTPUTS else softmax(z)
    return {
        "loss": float(np.mean(WAYS[way].loss.rows(_ended(way, z), one_hot(labels, 10, z.dtype)))),
        "right": float(np.mean(np.argmax(z, axis=1) == labels)),
        "given": float(np.median(given[np.arange(len(z)), labels])),
        "output_gradient": float(np.mean(np.linalg.norm(found, axis=1))),
    }


def _ended(way: str, z: Any) -> Any:
    """Logits behind the layers that follow them."""
    for layer in WAYS[way].ending:
        z, _ = layer.apply({}, {}, z, training=False)
    return z


def _row_gradients(way: str, z: Any, y: Any) -> Any:
    """The derived gradient of each row's loss with respect to its logits."""
    return grad(lambda z: np.sum(WAYS[way].loss.rows(_ended(way, z), y)))(z)


def slopes() -> dict[str, list[float]]:
    """Of one row of two classes: the gradient's norm against what the right class is given."""
    log_odds = np.linspace(-9.0, 9.0, 73)
    right = softmax(np.stack([log_odds, np.zeros_like(log_odds)], axis=1))
    y = np.tile([1.0, 0.0], (len(right), 1))
    found = {"right": right[:, 0].tolist()}
    for way in WAYS:
        z = right if way == OF_OUTPUTS else np.log(right)
        found[way] = np.linalg.norm(_row_gradients(way, z, y), axis=1).tolist()
    return found

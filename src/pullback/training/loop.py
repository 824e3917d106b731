"""The training loop: full batch, mini-batches or one sample at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.batches import batch_slices, epoch_order
from ..data.labels import Classes
from ..engines.blas import one_blas_thread
from ..engines.reference import executable
from ..errors import DataError, TrainingError, UsageError
from ..losses import CrossEntropy, as_loss
from ..models import Model
from ..models.model import layer_names
from ..nn import Sequential
from ..optim import SGD, Optimizer, default_learning_rate, describe_default_rate
from ..program import Program
from . import settings as checks
from .programs import Problem
from .run import Progress, Run

ROWS_AT_ONCE = 4096


def train(
    model: Sequential,
    X: Any,
    y: Any,
    *,
    loss: Any = None,
    optimizer: Optimizer | None = None,
    batch_size: int | str = 32,
    epochs: int = 10,
    seed: int = 0,
    validation: tuple[Any, Any] | None = None,
    scaling: str | None = None,
    task: str = "auto",
    dtype: Any = "float32",
    on_step: Callable[[Progress], None] | None = None,
    info: dict[str, Any] | None = None,
) -> Run:
    """Train a network by gradient descent on w -> mean over the batch's rows of the loss.

    Args:
        model: The layers; the last must give one output per class (or target column).
        X: Finite numbers of shape (rows, columns).
        y: Labels of any kind (ints, strings, bools, floats) of shape (rows,), or for regression
            numbers of shape (rows,) or (rows, columns).
        loss: A loss or a NumPy function (outputs, targets); `CrossEntropy()` when None.
        optimizer: The update rule; `SGD()` when None, whose learning rate follows from loss and
            batch size (`pullback.optim.default_learning_rate`).
        batch_size: Rows per step: "full", or a whole number of at least 1. A last smaller batch
            counts as a mean over the rows present.
        epochs: Passes over the data, at least 1.
        seed: Of the initial weights and the order of rows; same seed, same bits.
        validation: (X, y) that is evaluated after each epoch and never trained on.
        scaling: "standard" brings each column to mean 0 and standard deviation 1, "unit" divides
            by the largest absolute value of the training data; part of the model from then on.
        task: "classification", "regression", or "auto": labels unless y is floating and the
            loss is not on logits.
        dtype: "float32" or "float64".
        on_step: Called after each step.
        info: Plain data that the model keeps: feature_names, image_shape.

    Returns:
        The model, its history, the training step as a program, and all settings.

    Raises:
        UsageError: When a setting is not allowed, before the first step.
        DataError: When the data cannot be used, before the first step.
        TrainingError: When the loss stops being a finite number.

    Example:
        >>> import numpy as np, pullback as pb
        >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        >>> net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(2))
        >>> run = pb.train(net, X, ["no", "yes", "yes", "no"], batch_size="full", epochs=200)
        >>> run.model.predict(X)
        array(['no', 'yes', 'yes', 'no'], dtype='<U3')
    """
    if not isinstance(model, Sequential):
        raise UsageError(f"model={model!r}: it must be a pb.nn.Sequential.")
    chosen_loss = as_loss(CrossEntropy() if loss is None else loss)
    rule: Optimizer = SGD() if optimizer is None else optimizer
    epochs = checks.whole_number("epochs", epochs, 1)
    seed = checks.whole_number("seed", seed, 0)
    kind = checks.floating_dtype(dtype)
    rows = checks.checked_rows(X, kind)
    classes = Classes.of(y) if checks.is_classification(task, chosen_loss, y) else None
    targets = checks.encoded_targets(classes, y, kind, len(rows), "y")
    size = checks.rows_per_step(batch_size, len(rows))
    scale = checks.scaling_of(rows, scaling)

    params, state = model.init(np.random.default_rng(seed), rows.shape[1:])
    problem = Problem(
        network=model,
        loss=chosen_loss,
        optimizer=rule,
        params={name: value.astype(kind) for name, value in params.items()},
        state={name: value.astype(kind) for name, value in state.items()},
        inputs=rows.shape[1],
        classes=None if classes is None else len(classes),
        targets=len(classes) if classes is not None else targets.shape[1],
        dtype=kind,
    )
    rate = rule.learning_rate
    if rate is None:
        rate = default_learning_rate(chosen_loss.default_rates, size, chosen_loss.reduction)
    held_out = None
    if validation is not None:
        held_out = _validation(validation, classes, kind, rows.shape[1], scale)

    loop = _Loop(problem, _scaled(rows, scale), targets, held_out, size, seed, float(rate))
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        history = loop.run(epochs, on_step)
    trained = Model(
        layers=layer_names(model.layers),
        params=loop.params,
        programs=problem.predictions(scale),
        classes=classes,
        inputs=rows.shape[1],
        info={**(info or {}), "loss": type(chosen_loss).__name__},
    )
    settings = {
        "model": str(model),
        "loss": str(chosen_loss),
        "optimizer": type(rule).__name__,
        "learning_rate": float(rate),
        "learning_rate_rule": _rule_text(rule, chosen_loss),
        "batch_size": batch_size,
        "rows_per_step": size,
        "epochs": epochs,
        "seed": seed,
        "scaling": scaling,
        "dtype": str(kind),
        "engine": "reference",
        "rows": len(rows),
        "columns": rows.shape[1],
    }
    return Run(trained, tuple(history), loop.step, settings)


def _rule_text(rule: Optimizer, loss: Any) -> str:
    if rule.learning_rate is not None:
        return "given"
    return describe_default_rate(loss.default_rates, loss.reduction)


def _scaled(rows: Any, scale: checks.Scaling | None) -> Any:
    return rows if scale is None else scale(rows)


def _validation(
    validation: tuple[Any, Any],
    classes: Classes | None,
    dtype: Any,
    columns: int,
    scale: checks.Scaling | None,
) -> tuple[Any, Any]:
    X, y = validation
    rows = checks.checked_rows(X, dtype, "the validation X")
    if rows.shape[1] != columns:
        raise DataError(f"The validation X has {rows.shape[1]} columns, X has {columns}.")
    targets = checks.encoded_targets(classes, y, dtype, len(rows), "the validation y")
    return _scaled(rows, scale), targets


class _Loop:
    """The variables that training changes, and the steps that change them."""

    def __init__(
        self,
        problem: Problem,
        rows: Any,
        targets: Any,
        validation: tuple[Any, Any] | None,
        size: int,
        seed: int,
        rate: float,
    ) -> None:
        self.problem, self.rows, self.targets = problem, rows, targets
        self.validation, self.size, self.seed, self.rate = validation, size, seed, rate
        self.params, self.state = dict(problem.params), dict(problem.state)
        self.rule_state = problem.optimizer.init(problem.params)
        self.step: Program = problem.step()
        self._run_step = executable(self.step).flat
        self._run_evaluation = executable(problem.evaluation()).flat

    def run(
        self, epochs: int, on_step: Callable[[Progress], None] | None
    ) -> list[dict[str, float]]:
        """Train for some epochs; one record each, and one of the start."""
        loss, accuracy = self._evaluate(self.rows, self.targets)
        history = [self._record(0, loss, accuracy, 0.0)]
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            loss, accuracy = self._epoch(epoch, epochs, on_step)
            history.append(self._record(epoch, loss, accuracy, time.perf_counter() - started))
        return history

    def _epoch(
        self, epoch: int, epochs: int, on_step: Callable[[Progress], None] | None
    ) -> tuple[float, float]:
        count = len(self.rows)
        batches = batch_slices(count, self.size)
        order = epoch_order(count, self.seed, epoch) if len(batches) > 1 else None
        total, correct, seen = 0.0, 0, 0
        for step, rows in enumerate(batches, start=1):
            chosen = rows if order is None else order[rows]
            batch = self.rows[chosen]
            result = self._run_step(
                batch,
                self.targets[chosen],
                *self.params.values(),
                *self.state.values(),
                *self.rule_state.values(),
                self.rate,
            )
            loss = float(result["loss"])
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The loss became {loss} at epoch {epoch}, step {step}; try a learning rate "
                    f"below {self.rate:g}, or scale the inputs (scaling='standard')."
                )
            self.params = result["params"]
            self.state = result.get("state", self.state)
            self.rule_state = result.get("rule_state", self.rule_state)
            total += loss if self._sums else loss * len(batch)
            correct += int(result["correct"])
            seen += len(batch)
            if on_step is not None:
                so_far = total if self._sums else total / seen
                on_step(
                    Progress(epoch, epochs, step, len(batches), so_far, self._share(correct, seen))
                )
        return (total if self._sums else total / seen), correct / seen

    @property
    def _sums(self) -> bool:
        return self.problem.loss.reduction == "sum"

    def _share(self, correct: int, rows: int) -> float | None:
        return None if self.problem.classes is None else correct / rows

    def _evaluate(self, rows: Any, targets: Any) -> tuple[float, float]:
        total, correct = 0.0, 0
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            loss, right = self._run_evaluation(
                rows[part], targets[part], *self.params.values(), *self.state.values()
            )
            total += float(loss) if self._sums else float(loss) * len(rows[part])
            correct += int(right)
        return (total if self._sums else total / len(rows)), correct / len(rows)

    def _record(self, epoch: int, loss: float, accuracy: float, seconds: float) -> dict[str, float]:
        record: dict[str, float] = {"epoch": epoch, "loss": loss}
        labelled = self.problem.classes is not None
        if labelled:
            record["accuracy"] = accuracy
        if self.validation is not None:
            record["validation_loss"], share = self._evaluate(*self.validation)
            if labelled:
                record["validation_accuracy"] = share
        rate = len(self.rows) / seconds if seconds else 0.0
        return record | {"seconds": seconds, "samples_per_second": rate}

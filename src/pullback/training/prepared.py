"""Training in two parts: everything that is known before the first step, and the steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..checking import GradientCheck, check_gradients
from ..data.labels import Classes
from ..engines.blas import one_blas_thread
from ..errors import DataError, UsageError
from ..losses import CrossEntropy, as_loss
from ..models import Model
from ..models.model import layer_names
from ..nn import Sequential
from ..optim import SGD, Optimizer, default_learning_rate
from ..optim.sgd import describe_default_rate
from ..program import Program
from . import settings as checks
from .loop import Loop
from .programs import Problem
from .run import Progress, Run


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
    prepared = prepare(
        model,
        X,
        y,
        loss=loss,
        optimizer=optimizer,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        validation=validation,
        scaling=scaling,
        task=task,
        dtype=dtype,
        info=info,
    )
    run = prepared.run(on_step)
    if run.made_it_worse:
        warnings.warn(worse_text(run), stacklevel=2)
    return run


def worse_text(run: Run) -> str:
    """What to tell when training ended with a larger loss than it began with."""
    first, last = run.history[0]["loss"], run.history[-1]["loss"]
    return (
        f"Training made the loss worse, from {first:.4g} to {last:.4g}; try a learning rate below "
        f"{run.settings['learning_rate']:g}, or inputs with scaling 'standard'."
    )


@dataclass(frozen=True)
class Prepared:
    """A training run before its first step: all settings checked, the step derived.

    Attributes:
        problem: Network, loss, update rule and initial values.
        classes: The labels; None for regression.
        rows: The training rows, scaled, of shape (rows, columns).
        targets: Class indices of shape (rows,), or numbers of shape (rows, columns).
        validation: Rows and targets that are evaluated after each epoch; None without.
        scale: How inputs are scaled; None for not at all.
        settings: Every setting, defaults included (plain data).
        info: What the model keeps beside (plain data).
    """

    problem: Problem
    classes: Classes | None
    rows: Any
    targets: Any
    validation: tuple[Any, Any] | None
    scale: checks.Scaling | None
    settings: Mapping[str, Any]
    info: Mapping[str, Any]

    @cached_property
    def step(self) -> Program:
        """The training step: forward, derived backward, update."""
        return self.problem.step()

    def model(
        self, params: Mapping[str, Any] | None = None, state: Mapping[str, Any] | None = None
    ) -> Model:
        """The network with some parameters and state; with the initial ones when None."""
        return Model(
            layers=layer_names(self.problem.network.layers),
            params=dict(self.problem.params if params is None else params),
            programs=self.problem.predictions(
                self.scale, self.problem.state if state is None else state
            ),
            classes=self.classes,
            inputs=self.problem.inputs,
            info=dict(self.info),
        )

    def check(self, rows: int = 8) -> GradientCheck:
        """Check the derived gradient of the loss at the initial parameters.

        Args:
            rows: How many training rows, evenly spread over the data, make up the batch.

        Returns:
            What `pb.check_gradients` found, one variable per parameter.

        Raises:
            GradientError: When the derived gradient is wrong.
        """
        count = min(rows, len(self.rows))
        chosen = np.linspace(0, len(self.rows) - 1, count).round().astype(int)
        batch = (self.rows[chosen], self.targets[chosen])
        problem = self.problem
        return check_gradients(
            problem.loss_program(), *batch, problem.params, problem.state, wrt="params"
        )

    def run(self, on_step: Callable[[Progress], None] | None = None) -> Run:
        """Train; see `train`, whose second half this is."""
        size, seed = self.settings["rows_per_step"], self.settings["seed"]
        rate, epochs = self.settings["learning_rate"], self.settings["epochs"]
        data = (self.rows, self.targets, self.validation)
        loop = Loop(self.problem, self.step, *data, size, seed, rate)
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            history = loop.run(epochs, on_step)
        return Run(
            self.model(loop.params, loop.state), tuple(history), self.step, dict(self.settings)
        )


def prepare(
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
    info: dict[str, Any] | None = None,
) -> Prepared:
    """Everything of a training run that is known before its first step.

    `train(...)` is `prepare(...).run(on_step)`; in between one can print the derived step and
    check its gradient.

    Args:
        model: As all arguments, as for `train`.

    Returns:
        The run, ready to start; running it twice gives the same bits.

    Raises:
        UsageError: When a setting is not allowed.
        DataError: When the data cannot be used.

    Example:
        >>> import numpy as np, pullback as pb
        >>> from pullback.training import prepare
        >>> net = pb.nn.Sequential(pb.nn.Dense(2))
        >>> ready = prepare(net, np.eye(2), ["left", "right"], batch_size="full")
        >>> ready.settings["learning_rate_rule"]
        'min(1 * rows_per_step / 128, 0.5)'
        >>> ready.check().kinks
        {}
    """
    if not isinstance(model, Sequential):
        raise UsageError(f"model={model!r}: it must be a pb.nn.Sequential.")
    chosen_loss = as_loss(CrossEntropy() if loss is None else loss)
    rule: Optimizer = checks.checked_rule(SGD() if optimizer is None else optimizer)
    epochs = checks.whole_number("epochs", epochs, 1)
    seed = checks.checked_seed(seed)
    kind = checks.floating_dtype(dtype)
    rows = checks.checked_rows(X, kind)
    classes = Classes.of(y) if checks.is_classification(task, chosen_loss, y) else None
    targets = checks.encoded_targets(classes, y, kind, len(rows), "y")
    size = checks.rows_per_step(batch_size, len(rows))
    scale = checks.scaling_of(rows, scaling)

    params, state = model.init(np.random.default_rng(seed), rows.shape[1:])
    if not params:
        raise UsageError(
            f"{model} has no parameters to train; add a layer such as pb.nn.Dense(10)."
        )
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
    return Prepared(
        problem=problem,
        classes=classes,
        rows=_scaled(rows, scale),
        targets=targets,
        validation=held_out,
        scale=scale,
        settings=settings,
        info={**(info or {}), "loss": type(chosen_loss).__name__},
    )


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
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise UsageError("validation must be a pair (X, y).")
    X, y = validation
    rows = checks.checked_rows(X, dtype, "the validation X")
    if rows.shape[1] != columns:
        raise DataError(f"The validation X has {rows.shape[1]} columns, X has {columns}.")
    targets = checks.encoded_targets(classes, y, dtype, len(rows), "the validation y")
    return _scaled(rows, scale), targets

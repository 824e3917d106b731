"""Callbacks: watch a run, log it, stop it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UsageError, nearest
from ..optim.settings import FROM_0_BELOW_1, Range

if TYPE_CHECKING:
    from .loop import Training
    from .run import Progress


class Callback:
    """Watches a run; a subclass writes the methods it needs.

    Each method gets the running `Training`, whose `params`, `epoch` and `updates` it may read,
    whose `rate_factor` it may set, and which `stop(reason)` ends after the step or epoch at hand.

    The native engine does many steps in one call. For a callback with the method `on_step` it
    does them one by one, which costs speed; one that need not see each step says so by
    `each_step = False`, and is called about ten times a second, and at the end of each epoch.
    Where rows lie in the same order in each epoch, several epochs are done before the first of
    them is told; then reading `params` in the midst of these does some of their steps again.

    Example:
        >>> import numpy as np, pullback as pb
        >>> class StopAtHalf(pb.training.Callback):
        ...     def on_epoch(self, training, record):
        ...         if record["loss"] < 0.5:
        ...             training.stop("the loss is below a half")
        >>> net = pb.nn.Sequential(pb.nn.Dense(2))
        >>> run = pb.train(net, 9 * np.eye(2), ["left", "right"], epochs=99, batch_size="full",
        ...                callbacks=[StopAtHalf()])
        >>> run.ended
        'the loss is below a half'
    """

    each_step: bool = True
    """Whether `on_step` must be called after each step; False: now and then is enough."""

    def on_begin(self, training: Training) -> None:
        """Before the first step, also of a resumed run."""

    def on_step(self, training: Training, progress: Progress) -> None:
        """After each step."""

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """After each epoch, with its record of the history; epoch 0 is before the first step."""

    def on_end(self, training: Training) -> None:
        """After the last step, also when the run is stopped or fails."""

    def settings(self) -> dict[str, Any]:
        """What it was made with, as plain data; a resumed run must have the same."""
        return {}

    def state(self) -> dict[str, Any]:
        """What a resumed run must know: plain data and arrays, in lists and in dicts by texts."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave to the checkpoint."""


NOTHING = Callback.on_step


@dataclass(frozen=True)
class Watch(Callback):
    """A function of the progress as a callback: called after each step.

    A function with the attribute `each_step = False` is called now and then; see `Callback`.
    """

    function: Callable[[Progress], None]

    @property
    def each_step(self) -> bool:  # type: ignore[override]
        """What the function says of itself."""
        return bool(getattr(self.function, "each_step", True))

    def on_step(self, training: Training, progress: Progress) -> None:
        """Call the function."""
        self.function(progress)


class EarlyStopping(Callback):
    """Stops when a number has not become better for a while, and brings the best weights back.

    Args:
        patience: Epochs without an improvement after which the run ends, at least 1.
        monitor: A column of the history: "validation_loss", "validation_accuracy", "loss", ...
            A name that ends in "loss" or "error" is better when smaller, every other one when
            larger.
        least_improvement: By how much it must be better to count, at least 0.

    Raises:
        UsageError: When a number is out of range; when the run has no such column.

    Example:
        >>> import numpy as np, pullback as pb
        >>> X = np.random.default_rng(0).normal(size=(60, 4))
        >>> net = pb.nn.Sequential(pb.nn.Dense(64), pb.nn.ReLU(), pb.nn.Dense(2))
        >>> run = pb.train(net, X, X[:, 0] + np.sin(9 * X[:, 1]) > 0, validation=0.3, epochs=500,
        ...                callbacks=[pb.training.EarlyStopping(patience=5)])
        >>> run.ended.startswith("validation_loss has not become better for 5 epochs")
        True

    Source: Prechelt, Early stopping, but when? (1998).
    """

    def __init__(
        self,
        patience: int = 10,
        monitor: str = "validation_loss",
        least_improvement: float = 0.0,
    ) -> None:
        _check_monitor("EarlyStopping", monitor)
        _check_patience("EarlyStopping", patience)
        _check_least("EarlyStopping", least_improvement)
        self.patience, self.monitor = patience, monitor
        self.least_improvement = least_improvement
        self.best: dict[str, Any] = {}
        self._compare = _Comparison(monitor, least_improvement)

    def on_begin(self, training: Training) -> None:
        """Forget an earlier run, unless this one goes on."""
        if not training.resumed:
            self.best = {}

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """Keep the weights when they are the best so far; stop after `patience` epochs."""
        value = _monitored("EarlyStopping", self.monitor, record)
        if self._compare.is_better(value, self.best.get("value")):
            self.best = {
                "value": value,
                "epoch": int(record["epoch"]),
                "params": dict(training.params),
                "state": dict(training.state),
            }
        elif record["epoch"] - self.best["epoch"] >= self.patience:
            training.stop(
                f"{self.monitor} has not become better for {self.patience} epochs; "
                f"the best was {self.best['value']:.6g} after epoch {self.best['epoch']}"
            )

    def on_end(self, training: Training) -> None:
        """Bring the best weights back."""
        if self.best:
            training.bring_back(self.best["params"], self.best["state"])

    def settings(self) -> dict[str, Any]:
        """Its arguments."""
        return {
            "patience": self.patience,
            "monitor": self.monitor,
            "least_improvement": self.least_improvement,
        }

    def state(self) -> dict[str, Any]:
        """The best weights and their record."""
        return {"best": self.best}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the best weights so far."""
        self.best = state["best"]


BETWEEN_0_AND_1 = Range("in (0, 1)", lambda x: 0 < x < 1)


class ReduceOnPlateau(Callback):
    """Multiplies the learning rate by a factor when a number has stopped becoming better.

    As `torch.optim.lr_scheduler.ReduceLROnPlateau(threshold_mode="abs", eps=0)` with a patience
    smaller by 1, since that waits for one epoch more; it has no cooldown. The record before the
    first step counts as an epoch. Reductions multiply with the schedule, and a checkpoint keeps
    both the rate and the count of epochs.

    Args:
        factor: In (0, 1).
        patience: Epochs without an improvement before that happens, at least 1.
        monitor: A column of the history; see `EarlyStopping`.
        least_improvement: By how much it must be better to count, at least 0.
        least_factor: No reduction brings their product below this, in [0, 1); PyTorch's min_lr is
            this times the learning rate.

    Raises:
        UsageError: When a number is out of range; when the run has no such column.

    Example:
        >>> import pullback as pb
        >>> pb.training.ReduceOnPlateau(factor=0.5, patience=3).factor
        0.5
    """

    def __init__(
        self,
        factor: float = 0.1,
        patience: int = 5,
        monitor: str = "validation_loss",
        least_improvement: float = 0.0,
        least_factor: float = 1e-4,
    ) -> None:
        factor = BETWEEN_0_AND_1.checked(f"ReduceOnPlateau(factor={factor!r})", factor)
        least_factor = FROM_0_BELOW_1.checked(
            f"ReduceOnPlateau(least_factor={least_factor!r})", least_factor
        )
        _check_monitor("ReduceOnPlateau", monitor)
        _check_patience("ReduceOnPlateau", patience)
        _check_least("ReduceOnPlateau", least_improvement)
        self.factor, self.patience, self.monitor = factor, patience, monitor
        self.least_improvement, self.least_factor = least_improvement, least_factor
        self._compare = _Comparison(monitor, least_improvement)
        self._best: float | None = None
        self._waited = 0

    def on_begin(self, training: Training) -> None:
        """Forget an earlier run, unless this one goes on."""
        if not training.resumed:
            self._best, self._waited = None, 0

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """Reduce the learning rate when `patience` epochs have brought nothing."""
        value = _monitored("ReduceOnPlateau", self.monitor, record)
        if self._compare.is_better(value, self._best):
            self._best, self._waited = value, 0
            return
        self._waited += 1
        if self._waited >= self.patience:
            present = training.rate_factor
            training.rate_factor = min(present, max(present * self.factor, self.least_factor))
            self._waited = 0

    def settings(self) -> dict[str, Any]:
        """Its arguments."""
        return {
            "factor": self.factor,
            "patience": self.patience,
            "monitor": self.monitor,
            "least_improvement": self.least_improvement,
            "least_factor": self.least_factor,
        }

    def state(self) -> dict[str, Any]:
        """The best number so far and the epochs since."""
        return {"best": self._best, "waited": self._waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the count."""
        self._best, self._waited = state["best"], state["waited"]


@dataclass(frozen=True)
class _Comparison:
    monitor: str
    least: float

    def is_better(self, value: float, best: float | None) -> bool:
        if best is None or not math.isfinite(best):
            return True
        smaller = self.monitor.endswith(("loss", "error"))
        gain = best - value if smaller else value - best
        return gain > self.least


def needs_each_step(callback: Callback) -> bool:
    """Whether it has an `on_step` of its own that must be called after each step."""
    return watches_steps(callback) and callback.each_step


def watches_steps(callback: Callback) -> bool:
    """Whether its `on_step` does anything."""
    return getattr(callback.on_step, "__func__", None) is not NOTHING


def as_callbacks(callbacks: Any) -> list[Callback]:
    """Callbacks as a list; a plain function is called with the progress after each step.

    Raises:
        UsageError: When one is neither.
    """
    given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    return [_as_callback(item) for item in given]


def _as_callback(item: Any) -> Callback:
    if isinstance(item, type):
        raise UsageError(f"callbacks: {item.__name__} is none yet; write {item.__name__}().")
    if isinstance(item, Callback):
        return item
    if callable(item):
        return Watch(item)
    raise UsageError(
        f"callbacks: {item!r} is no pb.training.Callback and no function of the progress."
    )


def _monitored(who: str, monitor: str, record: Mapping[str, float]) -> float:
    if monitor not in record:
        hint = "; give train a validation set" if monitor.startswith("validation") else ""
        raise UsageError(
            f"{who}(monitor={monitor!r}): the history of this run has {', '.join(record)}{hint}."
            f"{nearest(monitor, list(record))}"
        )
    return float(record[monitor])


def _check_monitor(who: str, monitor: Any) -> None:
    if not isinstance(monitor, str):
        raise UsageError(
            f"{who}(monitor={monitor!r}): it must name a column of the history, such as "
            "'validation_loss'."
        )


def _check_patience(who: str, patience: Any) -> None:
    if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
        raise UsageError(f"{who}(patience={patience!r}): it must be a whole number of at least 1.")


def _check_least(who: str, least: Any) -> None:
    if not (isinstance(least, int | float) and math.isfinite(least) and least >= 0):
        raise UsageError(f"{who}(least_improvement={least!r}): it must be a number of at least 0.")

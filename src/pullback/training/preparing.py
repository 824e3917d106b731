"""From a network, data and settings to a run that is ready to start."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ..data.batches import batch_slices
from ..data.dataset import held_out_rows
from ..data.labels import Classes
from ..errors import DataError, UsageError
from ..losses import CrossEntropy, as_loss
from ..losses.penalties import as_penalty
from ..nn import Sequential
from ..optim import SGD, Averaged, ClippedByNorm, ClippedByValue
from ..optim.decay import is_weight_matrix
from ..optim.schedule import schedule_over
from . import settings as checks
from .engine import checked_engine
from .metrics import chosen_metrics
from .plan import Plan
from .prepared import Prepared, early_stopping
from .programs import Problem
from .settings import Settings
from .steps import Rows


def prepare(model: Sequential, X: Any, y: Any, **settings: Any) -> Prepared:
    """Everything of a training run that is known before its first step.

    `train(...)` is `prepare(...).run(...)`; in between one can print the derived step and check
    its gradient.

    Args:
        model: The layers; the last must give one output per class (or target column).
        X: As for `train`.
        y: As for `train`.
        **settings: As for `train`, without callbacks, checkpoint, checkpoint_every and resume,
            which `Prepared.run` takes.

    Returns:
        The run, ready to start; running it twice gives the same bits.

    Raises:
        UsageError: When a setting is not allowed.
        DataError: When the data cannot be used.

    Example:
        >>> import numpy as np, pullback as pb
        >>> net = pb.nn.Sequential(pb.nn.Dense(2))
        >>> ready = pb.training.prepare(net, np.eye(2), ["left", "right"], batch_size="full")
        >>> ready.settings["learning_rate_rule"]
        'min(1 * rows_per_step / 128, 0.5)'
        >>> ready.check().kinks
        {}
    """
    if not isinstance(model, Sequential):
        raise UsageError(f"model={model!r}: it must be a pb.nn.Sequential.")
    return _Preparation(model, X, y, _settings(settings)).prepared()


def _settings(given: dict[str, Any]) -> Settings:
    unknown = sorted(set(given) - set(asdict(Settings())))
    if unknown:
        raise UsageError(
            f"There is no setting {unknown[0]!r}; allowed are {', '.join(asdict(Settings()))}."
        )
    return Settings(**given)


class _Preparation:
    """The parts of a run, each made from those before it."""

    def __init__(self, model: Sequential, X: Any, y: Any, given: Settings) -> None:
        self.model, self.given = model, given
        self.loss = as_loss(CrossEntropy() if given.loss is None else given.loss)
        _refuse_probabilities(model, self.loss)
        self.penalty = as_penalty(given.penalty)
        self.rule = _wrapped(
            checks.checked_rule(SGD() if given.optimizer is None else given.optimizer), given
        )
        self.epochs = checks.whole_number("epochs", given.epochs, 1)
        if checks.is_solver(self.rule):
            self.epochs = _iterations(self.rule, self.epochs)
        self.seed = checks.checked_seed(given.seed)
        self.dtype = checks.floating_dtype(given.dtype)
        self.sampling = checks.one_of("sampling", given.sampling, checks.SAMPLINGS)
        self.parts = checks.whole_number("accumulate", given.accumulate, 1)
        checked_engine(given.engine)
        x = checks.checked_rows(X, self.dtype)
        self.info = checks.plain_info(given.info, x.shape[1])
        labelled = checks.is_classification(given.task, self.loss, y)
        self.classes = Classes.of(y) if labelled else None
        rows = Rows(x, self._encoded(y, len(x), "y"))
        weights = checks.row_weights(
            given.sample_weight, given.class_weight, self.classes, rows.labels, self.dtype
        )
        rows = Rows(rows.x, rows.labels, weights)
        self.weighted = weights is not None
        self.rows, self.validation = self._with_validation(rows)
        self.part_rows = checks.rows_per_step(given.batch_size, len(self.rows))
        self.step_rows = min(self.part_rows * self.parts, len(self.rows))
        self.least_rows = self._least_rows()
        self.scale = checks.scaling_of(self.rows.x, given.scaling)
        self.target_scale = self._target_scale()

    def prepared(self) -> Prepared:
        """The run."""
        problem = self._problem()
        rate = self._learning_rate()
        slices = batch_slices(len(self.rows), self.step_rows, self.least_rows)
        return Prepared(
            problem=problem,
            plan=Plan(
                rows=self._scaled(self.rows),
                validation=None if self.validation is None else self._scaled(self.validation),
                step_rows=self.step_rows,
                least_rows=self.least_rows,
                sampling=self.sampling,
                epochs=self.epochs,
                seed=self.seed,
                learning_rate=rate,
                schedule=schedule_over(self.given.schedule, len(slices) * self.epochs),
            ),
            classes=self.classes,
            scale=self.scale,
            given=self._told(rate),
            info={**self.info, "loss": type(self.loss).__name__},
            part_rows=self.part_rows,
            callbacks=tuple(early_stopping(self.given.early_stopping, self.validation is not None)),
        )

    def _encoded(self, y: Any, rows: int, name: str) -> Any:
        return checks.encoded_targets(self.classes, self.loss, y, self.dtype, rows, name)

    def _with_validation(self, rows: Rows) -> tuple[Rows, Rows | None]:
        """The training rows, and those that are held out or given to validate."""
        validation = self.given.validation
        if validation is None:
            return rows, None
        if isinstance(validation, float | np.floating):
            mixture = rows.labels if self.classes is not None else np.zeros(len(rows), int)
            chosen = held_out_rows(mixture, float(validation), self.seed, "validation")
            held_out = rows.chosen(chosen)
            return rows.chosen(~chosen), self._counting_alike(held_out.x, held_out.labels)
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            is_short = validation is None or isinstance(validation, str | int | float)
            shown = repr(validation) if is_short else f"a {type(validation).__name__}"
            raise UsageError(
                f"validation is {shown}; it must be a pair (X, y), or a share of the rows between "
                "0 and 1 such as 0.2."
            )
        x = checks.checked_rows(validation[0], self.dtype, "the validation X")
        columns = rows.x.shape[1]
        if x.shape[1] != columns:
            raise DataError(f"The validation X has {x.shape[1]} columns, X has {columns}.")
        labels = self._encoded(validation[1], len(x), "the validation y")
        return rows, self._counting_alike(x, labels)

    def _counting_alike(self, x: Any, labels: Any) -> Rows:
        """Rows to validate with, each of the weight 1 where training rows have weights."""
        return Rows(x, labels, np.ones(len(x), self.dtype) if self.weighted else None)

    def _target_scale(self) -> checks.Scaling | None:
        scaling = self.given.target_scaling
        if scaling is not None and (self.classes is not None or self.loss.targets != "numbers"):
            what = "class labels" if self.classes is not None else self.loss.targets
            raise UsageError(
                f"target_scaling={scaling!r}: these targets are {what}, which are not scaled."
            )
        return checks.scaling_of(self.rows.labels, scaling, "target_scaling")

    def _least_rows(self) -> int:
        """The fewest rows of a step that every layer can work with."""
        needs = {str(layer): getattr(layer, "least_rows", 1) for layer in self.model.layers}
        layer, least = max(needs.items(), key=lambda item: item[1])
        if self.part_rows < least:
            raise UsageError(
                f"batch_size={self.given.batch_size!r}: {layer} needs at least {least} rows in a "
                f"batch, and {self.part_rows} would be in one."
            )
        return int(least)

    def _problem(self) -> Problem:
        columns = self.rows.x.shape[1]
        params, state = self.model.init(np.random.default_rng(self.seed), (columns,))
        if not params:
            raise UsageError(
                f"{self.model} has no parameters to train; add a layer such as pb.nn.Dense(10)."
            )
        if self.penalty is not None and not any(map(is_weight_matrix, params.values())):
            penalty = checks.name_of(self.penalty)
            raise UsageError(f"penalty={penalty}: {self.model} has no weight matrix.")
        labelled = self.classes is not None
        return Problem(
            network=self.model,
            loss=self.loss,
            optimizer=self.rule,
            params={name: self._initial(name, value) for name, value in params.items()},
            state={name: value.astype(self.dtype) for name, value in state.items()},
            inputs=columns,
            classes=len(self.classes) if self.classes is not None else None,
            targets=len(self.classes) if self.classes is not None else self.rows.labels.shape[1],
            dtype=self.dtype,
            penalty=self.penalty,
            metrics=chosen_metrics(self.given.metrics, self.loss, labelled),
            weighted=self.weighted,
            target_scale=self.target_scale,
        )

    def _initial(self, name: str, value: Any) -> Any:
        """A parameter in the run's dtype, when it is finite; else `UsageError`."""
        with np.errstate(over="ignore"):
            initial = value.astype(self.dtype)
        wrong = initial[~np.isfinite(initial)]
        if wrong.size:
            raise UsageError(
                f"{name} begins with {wrong[0]} in {self.dtype}: initial weights must be finite."
            )
        return initial

    def _scaled(self, rows: Rows) -> Rows:
        x = rows.x if self.scale is None else self.scale(rows.x)
        labels = rows.labels if self.target_scale is None else self.target_scale(rows.labels)
        return Rows(x, labels, rows.weights)

    def _learning_rate(self) -> float | None:
        if checks.is_solver(self.rule):
            return None
        rate = self.rule.learning_rate
        if rate is None:
            rates, reduction = self._default_rates(), self.loss.reduction
            rate = self.rule.default_learning_rate(rates, self.step_rows, reduction)
        return float(rate)

    def _default_rates(self) -> tuple[float, float]:
        """The loss's own; of counts divided by their mean, where that is above 1.

        The second derivative of exp(z) - y z is exp(z), in the end about the mean of y: a step
        that suits counts near 1 leaps to and fro among counts of a hundred.
        """
        at_128, largest = self.loss.default_rates
        if self.loss.targets != "counts" or self.classes is not None:
            return at_128, largest
        mean = max(1.0, float(np.mean(self.rows.labels, dtype=np.float64)))
        return float(f"{at_128 / mean:.3g}"), float(f"{largest / mean:.3g}")

    def _rate_rule(self) -> str:
        if checks.is_solver(self.rule):
            return "found by a line search in each step"
        if self.rule.learning_rate is not None:
            return "given"
        text: str = self.rule.describe_default_rate(self._default_rates(), self.loss.reduction)
        return text

    def _told(self, rate: float | None) -> dict[str, Any]:
        """Every setting as plain data."""
        given = self.given
        return {
            "model": str(self.model),
            "loss": str(self.loss),
            "penalty": None if self.penalty is None else checks.name_of(self.penalty),
            "optimizer": str(self.rule),
            "learning_rate": rate,
            "learning_rate_rule": self._rate_rule(),
            "schedule": None if given.schedule is None else checks.name_of(given.schedule),
            "batch_size": given.batch_size,
            "accumulate": self.parts,
            "rows_per_step": self.step_rows,
            "sampling": self.sampling,
            "epochs": self.epochs,
            "seed": self.seed,
            "scaling": given.scaling,
            "target_scaling": given.target_scaling,
            "metrics": sorted(given.metrics or {}),
            "early_stopping": given.early_stopping,
            "weighted": self.weighted,
            "dtype": str(self.dtype),
            "engine": given.engine,
            "rows": len(self.rows),
            "validation_rows": 0 if self.validation is None else len(self.validation),
            "columns": self.rows.x.shape[1],
        }


def _refuse_probabilities(model: Sequential, loss: Any) -> None:
    """A loss on logits makes probabilities of them itself."""
    last = model.layers[-1]
    if hasattr(loss, "probabilities") and getattr(last, "gives_probabilities", False):
        raise UsageError(
            f"loss={loss} takes logits and makes probabilities of them itself, so the network must "
            f"not end with {last}: leave that layer out."
        )


def _wrapped(rule: Any, given: Settings) -> Any:
    """The update rule with clipping and averaging around it."""
    if checks.is_solver(rule):
        _refuse_with_solver(given)
        return rule
    if given.clip_value is not None:
        rule = ClippedByValue(rule, checks.number_above_zero("clip_value", given.clip_value))
    if given.clip_norm is not None:
        rule = ClippedByNorm(rule, checks.number_above_zero("clip_norm", given.clip_norm))
    if given.average is not None:
        rule = Averaged(rule, checks.share("average", given.average))
    return rule


def _refuse_with_solver(given: Settings) -> None:
    """L-BFGS works on all rows at once and chooses its own steps."""
    standard = Settings()
    for name in ("schedule", "accumulate", "sampling", "clip_value", "clip_norm", "average"):
        if getattr(given, name) != getattr(standard, name):
            raise UsageError(f"{name}={getattr(given, name)!r}: L-BFGS does not use it.")
    if given.batch_size != "full":
        raise UsageError(
            f"batch_size={given.batch_size!r}: L-BFGS works on all rows; write batch_size='full'."
        )


def _iterations(solver: Any, epochs: int) -> int:
    """A solver's limit, which is how many epochs there are at most."""
    limit = int(solver.iterations)
    if epochs not in (Settings().epochs, limit):
        raise UsageError(
            f"epochs={epochs}: L-BFGS counts iterations; write pb.optim.LBFGS(iterations={epochs})."
        )
    return limit

"""What a diagnosis looks at: a network before its training, or one that has been trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import UsageError
from ..losses.losses import LOSSES
from ..models import Model
from ..nn import Sequential, one_hot
from ..optim import SGD
from ..program import Program
from ..training import Prepared, Run, prepare
from ..training.settings import checked_rule, is_solver
from .signals import Signals, signals_of

BATCH = 32


@dataclass(frozen=True)
class Subject:
    """A network with its loss, on given rows.

    Attributes:
        model: The network, as it predicts.
        program: (x, labels, params, ...) -> the loss; as in training while it is untrained.
        X: The rows as they were given.
        y: Their targets, encoded, in the unit of the data.
        x: The rows as the program takes them.
        labels: The targets as the program takes them.
        inputs: The rows as the first layer gets them.
        params: The parameters.
        rest: What the program takes behind the parameters.
        rule: The update rule.
        rate: Its learning rate; None for a solver.
        batch: Rows to look at a step with: all, or where losses are summed, as many as it has.
        chance: The loss of outputs that are all 0, which favour nothing; None where the network
            is trained already, or where outputs of 0 mean something.
    """

    model: Model
    program: Program
    X: Any
    y: Any
    x: Any
    labels: Any
    inputs: Any
    params: Mapping[str, Any]
    rest: tuple[Any, ...]
    rule: Any
    rate: float | None
    batch: int
    chance: float | None = None

    def signals(self, rows: Any = slice(None)) -> Signals:
        """What goes forward and back on some of the rows."""
        flat = [self.x[rows], self.labels[rows], *self.params.values(), *self.rest]
        return signals_of(self.program, flat, self.params)

    def spread(self, count: int) -> Any:
        """So many rows, evenly spread over all of them; all where there are fewer."""
        return np.linspace(0, len(self.x) - 1, min(count, len(self.x))).astype(int)

    @property
    def outputs_name(self) -> str:
        """What the network's outputs are called in the program."""
        outputs = self.model.programs["outputs"]
        return outputs.names[outputs.outputs[0]]  # type: ignore[index]


def subject_of(model: Any, X: Any, y: Any, loss: Any, optimizer: Any, seed: int) -> Subject:
    """What `diagnose` looks at; raises what that says."""
    rule = None if optimizer is None else checked_rule(optimizer)
    if isinstance(model, Sequential):
        stepped = None if rule is None or is_solver(rule) else rule
        model = prepare(model, X, y, loss=loss, optimizer=stepped, seed=seed, batch_size=BATCH)
    if isinstance(model, Prepared):
        return _before(model, X, y, rule)
    if isinstance(model, Run):
        return _after(model.model, X, y, rule, model.settings)
    if isinstance(model, Model):
        return _after(model, X, y, rule, {})
    raise UsageError(f"model={model!r}: it must be a pb.nn.Sequential, a Model or a Run.")


def _before(prepared: Prepared, X: Any, y: Any, rule: Any) -> Subject:
    """Before training: the loss of its step, where BatchNorm takes the mean of the rows at hand."""
    model, problem = prepared.model(), prepared.problem
    rows, targets = _checked(model, X, y)
    x = rows if prepared.scale is None else prepared.scale(rows)
    labels = targets if problem.target_scale is None else problem.target_scale(targets)
    chance = None
    if problem.loss.outputs_name == "logits":
        wanted = labels if model.classes is None else one_hot(labels, len(model.classes))
        chance = float(problem.loss(np.zeros(wanted.shape, x.dtype), wanted))
    return Subject(
        model=model,
        program=replace(problem, penalty=None, weighted=False).loss_program(),
        X=rows,
        y=targets,
        x=x,
        labels=labels,
        inputs=x,
        params=problem.params,
        rest=tuple(problem.state.values()),
        rule=problem.optimizer if rule is None else rule,
        rate=_rate(rule, prepared.plan.learning_rate, model),
        batch=prepared.plan.step_rows if problem.loss.reduction == "sum" else len(x),
        chance=chance,
    )


def _after(model: Model, X: Any, y: Any, rule: Any, settings: Mapping[str, Any]) -> Subject:
    """After training: the loss of the model's predictions."""
    rows, targets = _checked(model, X, y)
    program = model.programs["loss"]
    values = signals_of(program, [rows, targets, *model.params.values()], model.params).values
    return Subject(
        model=model,
        program=program,
        X=rows,
        y=targets,
        x=rows,
        labels=targets,
        inputs=values.get("scaled", rows),
        params=dict(model.params),
        rest=(),
        rule=SGD() if rule is None else rule,
        rate=_rate(rule, None if rule is None else settings.get("learning_rate"), model),
        batch=len(rows),
    )


def _checked(model: Model, X: Any, y: Any) -> tuple[Any, Any]:
    rows, targets = model.rows_of(X), model.targets_of(y)
    if len(rows) != len(targets):
        raise UsageError(f"X has {len(rows)} rows, y has {len(targets)}.")
    return rows, targets


def _rate(rule: Any, known: float | None, model: Model) -> float | None:
    """The learning rate: the rule's own, that of the run, or the default for the loss."""
    if rule is not None and is_solver(rule):
        return None
    for rate in (None if rule is None else rule.learning_rate, known):
        if rate is not None:
            return float(rate)
    named = {made.__name__: made for made in LOSSES.values() if isinstance(made, type)}
    rates = getattr(named.get(str(model.info.get("loss"))), "default_rates", (0.2, 0.01))
    return float((SGD() if rule is None else rule).default_learning_rate(rates, BATCH, "mean"))

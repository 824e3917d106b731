"""The programs of a training run: the step, the evaluation, the prediction.

Network, loss, penalty, metrics and update rule are ordinary NumPy functions; the step is their
trace, with the gradient derived from it. There is no formula for a gradient here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..avals import Aval, Dtype, aval_of
from ..differentiate import value_and_grad
from ..dims import axis, format_shape
from ..errors import ShapeError, UsageError
from ..losses import Loss
from ..losses.penalties import Penalty
from ..losses.targets import shape_of
from ..nn import Sequential, distribution, one_hot
from ..nn.settings import real
from ..optim import Optimizer
from ..optim.decay import is_weight_matrix
from ..program import UPDATE, Program
from ..tracing import in_stage, named, trace_avals
from ..transforms import simplify
from ..trees import flatten, unflatten
from .metrics import Metric, is_of_numbers
from .settings import Scaling, name_of


@dataclass(frozen=True)
class Problem:
    """What is trained: network, loss and update rule for data of known types.

    Attributes:
        network: The layers.
        loss: The loss.
        optimizer: The update rule.
        params: Initial parameters.
        state: Initial state of the layers.
        inputs: Number of input columns.
        classes: Number of classes; None when targets are numbers.
        targets: Number of target columns; the number of classes for classification.
        dtype: float32 or float64.
        penalty: What is added to the loss for each weight matrix; None for nothing.
        metrics: Functions (outputs, targets) -> one number per row, by name; for regression of
            predicted and true values in the unit of the data.
        weighted: Whether rows have weights.
        target_scale: How targets are scaled for training; None for not at all.
    """

    network: Sequential
    loss: Loss
    optimizer: Optimizer
    params: dict[str, Any]
    state: dict[str, Any]
    inputs: int
    classes: int | None
    targets: int
    dtype: Dtype
    penalty: Penalty | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    weighted: bool = False
    target_scale: Scaling | None = None

    def step(self) -> Program:
        """(batch, params, state, rule state, numbers) -> loss, metrics, new values.

        The results "penalty", "state" and "rule_state" are there where there is something in
        them. Metrics are sums over the rows.
        """

        def training_step(
            batch: Any, params: Any, state: Any, rule_state: Any, numbers: Any
        ) -> dict[str, Any]:
            def loss_of(params: Any) -> Any:
                return self._step_loss(batch, params, state, penalized=True)

            (loss, results), gradients = value_and_grad(loss_of, has_aux=True)(params)
            moved = self._moved(loss, gradients, params, rule_state, numbers)
            return _present({"loss": loss, **results, **moved})

        avals = {**self._batch_avals(), **self._variables(), **self._rule_avals()}
        return self._traced(_of_batch(training_step), avals)

    def gradient(self) -> Program:
        """(batch, params, state) -> loss, metrics, state, gradients: a step's first half.

        The penalty is left to the second half, so that it counts once however many batches are
        accumulated. A layer with running statistics sees each batch by itself.
        """

        def gradient_of_batch(batch: Any, params: Any, state: Any) -> dict[str, Any]:
            def loss_of(params: Any) -> Any:
                return self._step_loss(batch, params, state, penalized=False)

            (loss, results), gradients = value_and_grad(loss_of, has_aux=True)(params)
            return _present({"loss": loss, **results, "gradients": gradients})

        avals = {**self._batch_avals(), **self._variables()}
        return self._traced(_of_batch(gradient_of_batch), avals)

    def update(self) -> Program:
        """(gradients, params, rule state, numbers) -> new values: a step's second half."""

        def update(gradients: Any, params: Any, rule_state: Any, numbers: Any) -> dict[str, Any]:
            penalty = None
            if self.penalty is not None:
                penalty, more = value_and_grad(self._penalty)(params)
                gradients = {name: g + more[name] for name, g in gradients.items()}
            first = next(iter(gradients.values()))
            moved = self._moved(first, gradients, params, rule_state, numbers)
            return _present({"penalty": penalty, **moved})

        params = _avals(self.params, self.dtype)
        return self._traced(update, {"gradients": params, "params": params, **self._rule_avals()})

    def loss_program(self) -> Program:
        """(batch, params, state) -> the loss that the step derives its gradient from."""

        def loss(batch: Any, params: Any, state: Any) -> Any:
            return self._step_loss(batch, params, state, penalized=True)[0]

        return self._traced(_of_batch(loss), {**self._batch_avals(), **self._variables()})

    def evaluation(self) -> Program:
        """(batch, params, state) -> loss, without the penalty, and metrics."""

        def evaluate(batch: Any, params: Any, state: Any) -> Any:
            outputs, _ = self._outputs(params, state, batch["x"], training=False)
            targets = self._targets(batch["labels"])
            loss = self._loss(outputs, targets, batch.get("weights"))
            return {"loss": loss, "metrics": self._metrics(outputs, batch["labels"], targets)}

        return self._traced(_of_batch(evaluate), {**self._batch_avals(), **self._variables()})

    def penalty_program(self) -> Program:
        """(params) -> the penalty."""
        return self._traced(self._penalty, {"params": _avals(self.params, self.dtype)})

    def predictions(
        self, scale: Callable[[Any], Any] | None, state: Mapping[str, Any]
    ) -> dict[str, Program]:
        """The model's programs of unscaled rows; see `Model.programs`."""

        def outputs(x: Any, params: Any) -> Any:
            scaled = x if scale is None else named(scale(x), "scaled")
            return self._outputs(params, dict(state), scaled, training=False)[0]

        def probabilities(x: Any, params: Any) -> Any:
            return self.loss.probabilities(outputs(x, params))  # type: ignore[attr-defined]

        def predictions(x: Any, params: Any) -> Any:
            return self._answers(outputs(x, params))

        def loss(x: Any, labels: Any, params: Any) -> Any:
            targets = labels if self.target_scale is None else self.target_scale(labels)
            return self._loss(outputs(x, params), self._targets(targets), None)

        batch = self._batch_avals()
        params = _avals(self.params, self.dtype)
        avals = {"x": batch["x"], "params": params}
        programs = {
            "outputs": self._traced(outputs, avals),
            "predictions": self._traced(predictions, avals),
            "loss": self._traced(
                loss, {"x": batch["x"], "labels": batch["labels"], "params": params}
            ),
        }
        if self.gives_probabilities:
            programs["probabilities"] = self._traced(probabilities, avals)
        return programs

    @property
    def gives_probabilities(self) -> bool:
        """Whether the loss gives its outputs the meaning of probabilities."""
        return hasattr(self.loss, "probabilities")

    @property
    def tells_errors(self) -> bool:
        """Whether the metrics hold the errors of numbers, column by column, as they are scaled."""
        return is_of_numbers(self.loss, self.classes is not None)

    def _answers(self, outputs: Any) -> Any:
        """What outputs mean: a class index, the labels that hold, or numbers."""
        if self.classes is not None or self.loss.targets == "distribution":
            return np.argmax(outputs, axis=1)
        if self.loss.targets == "fractions":
            return outputs > 0
        return self._unscaled(self._predicted(outputs))

    def _predicted(self, outputs: Any) -> Any:
        """Outputs as numbers that compare with the loss's targets."""
        return self.loss.predicted(outputs) if hasattr(self.loss, "predicted") else outputs

    def _unscaled(self, targets: Any) -> Any:
        return targets if self.target_scale is None else self.target_scale.inverse(targets)

    def _traced(self, function: Any, avals: dict[str, Any]) -> Program:
        return simplify(trace_avals(function, avals))

    def _step_loss(self, batch: Any, params: Any, state: Any, penalized: bool) -> tuple[Any, Any]:
        """The loss of a batch, and what else a step tells of it."""
        outputs, new_state = self._outputs(params, state, batch["x"], training=True)
        targets = self._targets(batch["labels"])
        loss = self._loss(outputs, targets, batch.get("weights"))
        penalty = None
        if penalized and self.penalty is not None:
            penalty = named(self._penalty(params), "penalty")
            loss = named(loss + penalty, "penalized_loss")
        metrics = self._metrics(outputs, batch["labels"], targets)
        return loss, _present({"metrics": metrics, "penalty": penalty, "state": new_state})

    def _moved(
        self, like: Any, gradients: Any, params: Any, rule_state: Any, numbers: Any
    ) -> dict[str, Any]:
        with in_stage(like, UPDATE):
            updated, rule_state = self.optimizer.update(gradients, rule_state, params, numbers)
            updated = {name: named(value, name) for name, value in updated.items()}
        return {"params": updated, "rule_state": rule_state}

    def _penalty(self, params: Any) -> Any:
        """The sum over all weight matrices; biases, scales and slopes go free."""
        penalties = [self._penalty_of(W) for W in params.values() if is_weight_matrix(W)]
        return sum(penalties[1:], penalties[0])

    def _penalty_of(self, W: Any) -> Any:
        assert self.penalty is not None
        penalty = real(f"penalty {name_of(self.penalty)}", self.penalty(W), "what it gives")
        if np.ndim(penalty) != 0:
            raise UsageError(
                f"penalty {name_of(self.penalty)}: it must give one number for a weight matrix, "
                f"not {format_shape(shape_of(penalty))}."
            )
        return penalty

    def _outputs(self, params: Any, state: Any, x: Any, training: bool) -> tuple[Any, Any]:
        outputs, new_state = self.network.apply(params, state, x, training=training)
        if outputs.ndim != 2 or outputs.shape[1] != self.targets:
            what = f"{self.classes} classes" if self.classes else f"{self.targets} target columns"
            raise ShapeError(
                f"The network gives outputs of shape {outputs.aval.shape_text} for {what}; "
                f"let its last layer be Dense({self.targets})."
            )
        return named(outputs, self.loss.outputs_name), new_state

    def _targets(self, labels: Any) -> Any:
        """What the loss compares outputs with."""
        if self.classes is not None:
            return named(one_hot(labels, self.classes, self.dtype), "y")
        if self.loss.targets == "distribution":
            return named(distribution(labels), "y")
        return labels

    def _loss(self, outputs: Any, targets: Any, weights: Any) -> Any:
        value = self.loss(outputs, targets, weights)
        if np.ndim(value) != 0:
            raise UsageError(
                f"The loss must give one number per row or one number, not {value.aval.shape_text}."
            )
        return named(value, "loss")

    def _metrics(self, outputs: Any, labels: Any, targets: Any) -> dict[str, Any]:
        sums = {}
        if self.tells_errors:
            outputs = self._predicted(outputs)
            error = named(outputs - targets, "error")
            sums["absolute_error"] = named(np.sum(np.abs(error), axis=0), "absolute_error")
            # A product, so that the line of a squared loss stays as it is written: error ** 2.
            sums["squared_error"] = named(np.sum(error * error, axis=0), "squared_error")
            outputs, targets = self._unscaled(outputs), self._unscaled(targets)
        for name, metric in self.metrics.items():
            if name == "accuracy" and self.classes is not None:
                sums[name] = named(np.sum(np.argmax(outputs, axis=1) == labels), "correct")
            else:
                sums[name] = named(np.sum(self._metric_rows(name, metric, outputs, targets)), name)
        return sums

    @staticmethod
    def _metric_rows(name: str, metric: Metric, outputs: Any, targets: Any) -> Any:
        rows = metric(outputs, targets)
        if np.ndim(rows) != 1:
            raise UsageError(
                f"The metric {name!r} must give one number per row, shape (rows,), not "
                f"{getattr(getattr(rows, 'aval', None), 'shape_text', np.shape(rows))}."
            )
        return rows

    def _batch_avals(self) -> dict[str, Any]:
        rows = axis("N")
        labels = Aval(np.dtype(np.int64), (rows,))
        if self.classes is None:
            labels = Aval(self.dtype, (rows, self.targets))
        avals = {"x": Aval(self.dtype, (rows, self.inputs)), "labels": labels}
        return avals | ({"weights": Aval(self.dtype, (rows,))} if self.weighted else {})

    def _variables(self) -> dict[str, Any]:
        return {
            "params": _avals(self.params, self.dtype),
            "state": _avals(self.state, self.dtype),
        }

    def _rule_avals(self) -> dict[str, Any]:
        numbers = self.optimizer.numbers(1, 1.0)
        return {
            "rule_state": _avals(self.optimizer.init(self.params), self.dtype),
            "numbers": {name: aval_of(float(value)) for name, value in numbers.items()},
        }


def _of_batch(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the parts of its batch as arguments of their own."""

    def of_parts(x: Any, labels: Any, weights: Any = None, **rest: Any) -> Any:
        batch = _present({"x": x, "labels": labels, "weights": weights})
        return function(batch, **rest)

    of_parts.__name__ = function.__name__
    return of_parts


def _present(results: dict[str, Any]) -> dict[str, Any]:
    """Without what is None or empty."""
    return {
        name: value
        for name, value in results.items()
        if value is not None and not (isinstance(value, dict) and not value)
    }


def _avals(values: Any, dtype: Dtype) -> Any:
    leaves, structure = flatten(values)
    return unflatten(structure, [Aval(dtype, np.shape(leaf)) for leaf in leaves])

"""The programs of a training run: the step, the evaluation, the prediction.

Network, loss and update rule are ordinary NumPy functions; the step is their trace, with the
gradient derived from it. There is no formula for a gradient here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..avals import Aval, Dtype, aval_of
from ..differentiate import value_and_grad
from ..dims import axis
from ..errors import ShapeError, UsageError
from ..losses import Loss
from ..nn import Sequential, one_hot
from ..optim import Optimizer
from ..program import UPDATE, Program
from ..tracing import in_stage, named, trace_avals
from ..transforms import simplify


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

    def step(self) -> Program:
        """(batch, params, state, rule state, learning rate) -> loss, correct rows, new values.

        State and rule state are among the results where there are any.
        """
        rule_state = self.optimizer.init(self.params)

        def training_step(
            x: Any, labels: Any, params: Any, state: Any, rule_state: Any, learning_rate: Any
        ) -> Any:
            def loss_of(params: Any) -> Any:
                outputs, new_state = self._outputs(params, state, x, training=True)
                return self._loss(outputs, labels), (self._correct(outputs, labels), new_state)

            (loss, (correct, new_state)), gradients = value_and_grad(loss_of, has_aux=True)(params)
            with in_stage(loss, UPDATE):
                updated, new_rule_state = self.optimizer.update(
                    gradients, rule_state, params, learning_rate
                )
                updated = {name: named(value, name) for name, value in updated.items()}
            result = {"loss": loss, "correct": correct, "params": updated}
            further = {"state": new_state, "rule_state": new_rule_state}
            return result | {name: value for name, value in further.items() if value}

        avals = {
            **self._batch(),
            **self._variables(),
            "rule_state": _avals(rule_state, self.dtype),
            "learning_rate": aval_of(1.0),
        }
        return self._traced(training_step, avals)

    def loss_program(self) -> Program:
        """(batch, params, state) -> the loss that the step derives its gradient from."""

        def loss(x: Any, labels: Any, params: Any, state: Any) -> Any:
            outputs, _ = self._outputs(params, state, x, training=True)
            return self._loss(outputs, labels)

        return self._traced(loss, {**self._batch(), **self._variables()})

    def evaluation(self) -> Program:
        """(batch, params, state) -> loss, number of rows predicted correctly."""

        def evaluate(x: Any, labels: Any, params: Any, state: Any) -> Any:
            outputs, _ = self._outputs(params, state, x, training=False)
            return self._loss(outputs, labels), self._correct(outputs, labels)

        return self._traced(evaluate, {**self._batch(), **self._variables()})

    def predictions(
        self, scale: Callable[[Any], Any] | None, state: Mapping[str, Any]
    ) -> dict[str, Program]:
        """The model's programs: (x, params) -> outputs, and probabilities where they exist."""

        def outputs(x: Any, params: Any) -> Any:
            scaled = x if scale is None else named(scale(x), "scaled")
            return self._outputs(params, dict(state), scaled, training=False)[0]

        def probabilities(x: Any, params: Any) -> Any:
            return self.loss.probabilities(outputs(x, params))  # type: ignore[attr-defined]

        avals = {"x": self._batch()["x"], "params": _avals(self.params, self.dtype)}
        programs = {"outputs": self._traced(outputs, avals)}
        if hasattr(self.loss, "probabilities") and self.classes is not None:
            programs["probabilities"] = self._traced(probabilities, avals)
        return programs

    def _traced(self, function: Any, avals: dict[str, Any]) -> Program:
        return simplify(trace_avals(function, avals))

    def _outputs(self, params: Any, state: Any, x: Any, training: bool) -> tuple[Any, Any]:
        outputs, new_state = self.network.apply(params, state, x, training=training)
        if outputs.ndim != 2 or outputs.shape[1] != self.targets:
            what = f"{self.classes} classes" if self.classes else f"{self.targets} target columns"
            raise ShapeError(
                f"The network gives outputs of shape {outputs.aval.shape_text} for {what}; "
                f"let its last layer be Dense({self.targets})."
            )
        return named(outputs, self.loss.outputs_name), new_state

    def _loss(self, outputs: Any, labels: Any) -> Any:
        targets = labels
        if self.classes is not None:
            targets = named(one_hot(labels, self.classes, self.dtype), "y")
        value = self.loss(outputs, targets)
        if np.ndim(value) != 0:
            raise UsageError(
                f"The loss must give one number per row or one number, not {value.aval.shape_text}."
            )
        return named(value, "loss")

    def _correct(self, outputs: Any, labels: Any) -> Any:
        """How many rows have their largest output at their label; 0 for regression."""
        if self.classes is None:
            return 0
        return named(np.sum(np.argmax(outputs, axis=1) == labels), "correct")

    def _batch(self) -> dict[str, Any]:
        rows = axis("N")
        labels = Aval(np.dtype(np.int64), (rows,))
        if self.classes is None:
            labels = Aval(self.dtype, (rows, self.targets))
        return {"x": Aval(self.dtype, (rows, self.inputs)), "labels": labels}

    def _variables(self) -> dict[str, Any]:
        return {
            "params": _avals(self.params, self.dtype),
            "state": _avals(self.state, self.dtype),
        }


def _avals(values: dict[str, Any], dtype: Dtype) -> dict[str, Aval]:
    return {name: Aval(dtype, np.shape(value)) for name, value in values.items()}

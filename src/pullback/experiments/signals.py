"""How signals go through a network before or after its training, and sizes of gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..diagnosis.signals import Signals, signals_through, with_gradient
from ..diagnosis.units import units_of
from ..optim.decay import is_weight_matrix
from ..training import Prepared


def observer(prepared: Prepared) -> Callable[[Mapping[str, Any]], Signals]:
    """params -> what goes forward and back on all training rows.

    Args:
        prepared: A run before its first step, without penalty and row weights.
    """
    problem = prepared.problem
    rows, state = prepared.plan.rows.flat, problem.state.values()
    program = with_gradient(problem.loss_program(), [*rows, *problem.params.values(), *state])
    return lambda params: signals_through(program, [*rows, *params.values(), *state], params)


def dead_and_saturated(signals: Signals) -> tuple[float, float]:
    """The shares of hidden units that are dead and that are saturated, as a diagnosis has them."""
    layers = units_of(signals)
    if not layers:
        return 0.0, 0.0
    dead, saturated = (
        np.concatenate([getattr(layer, what) for layer in layers]) for what in ("dead", "saturated")
    )
    return float(np.mean(dead)), float(np.mean(saturated))


def norm(value: Any) -> float:
    """The Euclidean norm of an array, or of several in a dict, as one vector."""
    parts = value.values() if isinstance(value, Mapping) else [value]
    return float(np.sqrt(sum(np.sum(np.square(part, dtype=np.float64)) for part in parts)))


def weight_gradient_norms(signals: Signals) -> list[float]:
    """The norm of the gradient of each layer's weight matrix, first layer first."""
    return [norm(value) for value in signals.gradients.values() if is_weight_matrix(value)]

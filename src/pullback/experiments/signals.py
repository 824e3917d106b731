"""How signals go through a network: forward layer by layer, backward as gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..diagnosis.diagnose import FLAT, MOSTLY
from ..differentiate import grad
from ..engines.reference import executable
from ..nn import Sequential
from ..nn.numbering import Place, places
from ..training import Prepared


@dataclass(frozen=True)
class Passage:
    """What went through one layer.

    Attributes:
        place: The layer and its number.
        entered: What it got, (rows, units).
        left: What it gave, (rows, units).
        slopes: The derived slope at each entry for an activation; None for other layers.
    """

    place: Place
    entered: Any
    left: Any
    slopes: Any


def forward(network: Sequential, params: Mapping[str, Any], state: Any, x: Any) -> list[Passage]:
    """Every layer's input and output for some rows, and the slopes of activations.

    Args:
        network: The layers.
        params: Their parameters, as in training.
        state: Their state.
        x: Rows as the network gets them (scaled), (rows, columns).
    """
    return list(_passages(network, dict(params), dict(state), x))


def _passages(network: Sequential, params: Any, state: Any, x: Any) -> Iterator[Passage]:
    for place in places(network.layers):
        own, own_state = place.own(params), place.own(state)

        def layer(x: Any, place: Place = place, own: Any = own, state: Any = own_state) -> Any:
            return place.layer.apply(own, state, x, training=False)[0]

        y = layer(x)
        is_activation = place.names is not None and y.shape == x.shape
        yield Passage(place, x, y, slopes(layer, x) if is_activation else None)
        x = y


def slopes(function: Any, x: Any) -> Any:
    """The derived slope of an entry-by-entry function at each entry of x."""
    return grad(lambda x: np.sum(function(x)))(x)


def dead_and_saturated(passages: list[Passage]) -> tuple[float, float]:
    """The shares of hidden units that are dead, and that are saturated without being dead.

    A dead unit has slope 0 on every row, so nothing flows back to its weights. A saturated one
    has a slope below `FLAT` on `MOSTLY` all rows, as in a diagnosis.
    """
    found = [passage.slopes for passage in passages if passage.slopes is not None]
    if not found:
        return 0.0, 0.0
    dead = np.concatenate([np.all(s == 0, axis=0) for s in found])
    flat = np.concatenate([np.mean(np.abs(s) < FLAT, axis=0) >= MOSTLY for s in found])
    return float(np.mean(dead)), float(np.mean(flat & ~dead))


def gradients(prepared: Prepared, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The derived gradient of the loss over all training rows, by parameter.

    Args:
        prepared: A run before its first step.
        params: Where; at the initial parameters when None.
    """
    problem = prepared.problem
    values = problem.params if params is None else params
    run = executable(problem.gradient())
    result = run(*prepared.plan.rows.flat, dict(values), dict(problem.state))
    found: dict[str, Any] = result["gradients"]
    return found


def norm(value: Any) -> float:
    """The Euclidean norm of an array, or of several in a dict, as one vector."""
    parts = value.values() if isinstance(value, Mapping) else [value]
    return float(np.sqrt(sum(np.sum(np.square(part, dtype=np.float64)) for part in parts)))


def weight_gradient_norms(gradients: Mapping[str, Any]) -> list[float]:
    """The norm of the gradient of each layer's weight matrix, first layer first."""
    return [norm(value) for value in gradients.values() if np.ndim(value) > 1]

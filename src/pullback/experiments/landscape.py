"""The loss as a landscape over the weights: its height on a plane, and paths seen from above."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engines.reference import executable
from ..errors import UsageError
from ..training import Prepared

Params = Mapping[str, Any]

MARGIN = 0.25
"""How far a map reaches beyond the paths on it, as a share of their extent."""


def loss_of(prepared: Prepared) -> Callable[[Params], float]:
    """params -> the loss on all training rows, as prediction sees it, without the penalty."""
    problem = prepared.problem
    evaluate = executable(problem.evaluation()).flat
    rows, state = prepared.plan.rows.flat, problem.state.values()

    def loss(params: Params) -> float:
        return float(evaluate(*rows, *params.values(), *state)["loss"])

    return loss


@dataclass(frozen=True)
class Plane:
    """The plane through three points of the weights, with coordinates along two unit directions.

    Attributes:
        origin: The point with coordinates (0, 0).
        directions: Two orthogonal vectors of length 1, in the parameters' names and shapes.
    """

    origin: Params
    directions: tuple[Params, Params]

    @classmethod
    def through(cls, origin: Params, first: Params, second: Params) -> Plane:
        """The plane through three points; the first lies on the first axis."""
        along = _unit(_minus(first, origin))
        rest = _minus(second, origin)
        across = _minus(rest, _times(along, _inner(rest, along)))
        return cls(origin, (along, _unit(across)))

    def shadow(self, params: Params) -> tuple[float, float]:
        """The coordinates of the point of the plane that is nearest to some parameters."""
        moved = _minus(params, self.origin)
        first, second = (_inner(moved, direction) for direction in self.directions)
        return first, second

    def at(self, first: float, second: float) -> dict[str, Any]:
        """The parameters with these coordinates, in the dtype of the origin."""
        along, across = self.directions
        return {
            name: (value + first * along[name] + second * across[name]).astype(value.dtype)
            for name, value in self.origin.items()
        }

    def share_within(self, params: Params) -> float:
        """How much of the way from the origin lies in the plane: 1 for all of it, 0 for none."""
        moved = _minus(params, self.origin)
        length = np.sqrt(_inner(moved, moved))
        return float(np.hypot(*self.shadow(params)) / length) if length else 1.0


def heights(
    loss: Callable[[Any, Any], float], points: Sequence[Sequence[float]], grid: int
) -> dict[str, Any]:
    """The loss on a square grid around some points.

    Args:
        loss: The height at two coordinates.
        points: Pairs of coordinates that the map must show.
        grid: Points of the grid along each side.

    Returns:
        "x" and "y", `grid` numbers each, and "loss", one row per y.

    Raises:
        UsageError: When the grid has less than two points a side.
    """
    if grid < 2:
        raise UsageError(f"grid={grid}: a map needs at least 2 points along each side.")
    found = np.asarray(points, dtype=float)
    low, high = found.min(axis=0), found.max(axis=0)
    beyond = MARGIN * (high - low)
    x, y = (np.linspace(*ends, grid) for ends in zip(low - beyond, high + beyond, strict=True))
    values = [[loss(a, b) for a in x] for b in y]
    return {"x": x.tolist(), "y": y.tolist(), "loss": values}


def _minus(a: Params, b: Params) -> dict[str, Any]:
    return {name: np.subtract(a[name], b[name], dtype=np.float64) for name in a}


def _times(a: Params, factor: float) -> dict[str, Any]:
    return {name: value * factor for name, value in a.items()}


def _unit(a: Params) -> dict[str, Any]:
    return _times(a, 1 / np.sqrt(_inner(a, a)))


def _inner(a: Params, b: Params) -> float:
    return float(sum(np.vdot(a[name], b[name]) for name in a))

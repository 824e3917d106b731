"""Surfaces over two weights, and update rules that go down on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compiling import compile
from ..differentiate import value_and_grad
from ..engines.reference import executable
from ..optim import LBFGS
from ..trees import flatten

Point = tuple[float, float]

WHOLE = 100
"""So many first steps of a path are kept; later ones farther and farther apart."""


@dataclass(frozen=True)
class Surface:
    """A function of two weights whose smallest value is 0.

    Attributes:
        name: In a word or two.
        height: A NumPy function of an array of shape (2,).
        start: Where descents begin.
        minimum: Where the height is 0.
        view: Two opposite corners of the part that is worth seeing.
    """

    name: str
    height: Callable[[Any], Any]
    start: Point
    minimum: Point
    view: tuple[Point, Point]

    def at(self, x: float, y: float) -> float:
        """The height at a point."""
        return float(self.height(np.array([x, y])))


def surfaces(condition: float, angle: float) -> list[Surface]:
    """A narrow valley along an axis, the same one turned, and Rosenbrock's bent one.

    Args:
        condition: How many times as strongly the valley is curved across as along.
        angle: By which the second valley is turned, in degrees.

    Source: Rosenbrock, An automatic method for finding the greatest or least value of a function
    (1960).
    """
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, across = -8.0, 1.5
    turned = (cos * along - sin * across, sin * along + cos * across)

    def valley(w: Any) -> Any:
        return (w[0] ** 2 + condition * w[1] ** 2) / 2

    def turned_valley(w: Any) -> Any:
        u, v = cos * w[0] + sin * w[1], cos * w[1] - sin * w[0]
        return (u**2 + condition * v**2) / 2

    def rosenbrock(w: Any) -> Any:
        return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2

    return [
        Surface("valley", valley, (along, across), (0.0, 0.0), ((-8.0, -2.0), (2.0, 2.0))),
        Surface("turned valley", turned_valley, turned, (0.0, 0.0), ((-8.0, -5.0), (2.0, 2.0))),
        Surface("bent valley", rosenbrock, (-1.2, 1.0), (1.0, 1.0), ((-1.4, -0.3), (1.3, 1.4))),
    ]


@dataclass(frozen=True)
class Descent:
    """A way down.

    Attributes:
        heights: Before the first step and after each; it ends with the last finite one.
        path: The points, thinned.
        diverged: Whether it ended because the height was no longer finite.
    """

    heights: list[float]
    path: list[Point]
    diverged: bool

    def settled(self, height: float) -> int | None:
        """After how many steps it is below a height for good; None if it never is."""
        above = [step for step, value in enumerate(self.heights) if not value <= height]
        steps = above[-1] + 1 if above else 0
        return None if self.diverged or steps == len(self.heights) else steps


def descend(surface: Surface, rule: Any, steps: int) -> Descent:
    """Steps of an update rule along derived gradients, in one traced program."""

    def step(w: Any, state: Any, numbers: Any) -> Any:
        height, gradient = value_and_grad(surface.height)(w)
        moved, state = rule.update({"w": gradient}, state, {"w": w}, numbers)
        return height, moved["w"], state

    w, rate = np.array(surface.start), rule.learning_rate
    state = rule.init({"w": w})
    compiled: Any = compile(step)
    compiled(w, state, rule.numbers(1, rate))
    flat = executable(compiled.programs[0]).flat
    heights, points = [], []
    with np.errstate(all="ignore"):
        for number in range(1, steps + 2):
            # The height that a step tells is that of the point where it begins.
            height, moved, new = flat(w, *flatten(state)[0], *rule.numbers(number, rate).values())
            if not math.isfinite(height):
                break
            heights.append(float(height))
            points.append((float(w[0]), float(w[1])))
            w, state = moved, new
    return Descent(heights, thinned(points), len(heights) < steps + 1)


def descend_by_lbfgs(surface: Surface, iterations: int) -> tuple[Descent, int]:
    """The way of L-BFGS, and how often it computed height and gradient."""
    derived = value_and_grad(surface.height)
    points, heights = [surface.start], [surface.at(*surface.start)]

    def value_and_gradient(params: Any) -> Any:
        height, gradient = derived(params["w"])
        return height, {"w": gradient}

    def on_iteration(iteration: int, height: float, params: Any) -> None:
        heights.append(height)
        points.append((float(params["w"][0]), float(params["w"][1])))

    solver = LBFGS(iterations=iterations)
    _, report = solver.minimize(value_and_gradient, {"w": np.array(surface.start)}, on_iteration)
    return Descent(heights, points, False), report.evaluations


def thinned(points: list[Point]) -> list[Point]:
    """The first `WHOLE` points, then about as many to the last."""
    if len(points) <= 2 * WHOLE:
        return points
    later = np.geomspace(WHOLE, len(points) - 1, WHOLE).round().astype(int)
    return points[:WHOLE] + [points[i] for i in sorted(set(later.tolist()))]

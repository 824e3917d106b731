"""Other slopes that are as good where a value lies exactly on a kink.

At h = 0 the slope of max(h, 0) may be anything between 0 and 1; `h < 0` and `h <= 0` in a mask
choose differently. A gradient that is the derived one for another such choice is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np

from ..program import Equation, Var
from ..transforms.sweep import Contribution
from .point import Point
from .sweeping import as_floats

MOST_CHOICES = 64
DERIVED = "derived"
SIDES = ("below", "above", "between")


@dataclass(frozen=True, eq=False)
class Choice:
    """One choice of slopes at kinks.

    Attributes:
        values: The forward values, with comparisons decided otherwise where both sides tie.
        cotangents: The cotangents that follow from the choice.
        changed: The equations whose slope is chosen otherwise than the derived program does.
        entries: How many entries lie on those kinks.
    """

    values: dict[Var, Any]
    cotangents: dict[Var, Any]
    changed: tuple[Equation, ...]
    entries: int


def choices(point: Point) -> Iterator[Choice]:
    """The derived choice first, then others at entries exactly on a kink."""
    on_kink = _kinked(point)
    if not on_kink:
        yield _chosen(point, {})
        return
    options = product(*[_sides(equation) for equation in on_kink])
    for sides in islice(options, MOST_CHOICES):
        chosen = dict(zip(on_kink, sides, strict=True))
        choice = _chosen(point, {e: side for e, side in chosen.items() if side != DERIVED})
        loss = point.sweep.value_of(point.forward.outputs[0], choice.values)
        if np.isclose(loss, point.loss, rtol=1e-12):  # else the condition decides a jump
            yield choice


def _sides(equation: Equation) -> tuple[str, ...]:
    """The choices at the kinks of one equation; a condition can only be decided otherwise."""
    return (DERIVED, *SIDES) if equation.out.aval.is_float else (DERIVED, "above")


def _kinked(point: Point) -> list[Equation]:
    """The equations with entries on a kink: piecewise linear ones, and conditions that tie."""
    return [equation for equation in point.forward.equations if np.any(_entries(point, equation))]


def _entries(point: Point, equation: Equation) -> Any:
    """Which entries of an equation's output lie on a kink."""
    operands = [as_floats(point.sweep.value_of(a, point.sweep.values)) for a in equation.inputs]
    shape = np.shape(point.sweep.values[equation.out])
    if not equation.primitive.elementwise:
        return np.zeros(shape, bool)
    if not equation.out.aval.is_float:
        floating = len(operands) == 2 and any(a.aval.is_float for a in equation.inputs)
        return np.broadcast_to(np.equal(*operands) if floating else False, shape)
    if equation.primitive.slopes is None:
        return np.zeros(shape, bool)
    slopes = equation.primitive.slopes(*operands, **equation.params)
    moving = [
        slope.below != slope.above
        for slope, atom in zip(slopes, equation.inputs, strict=True)
        if slope is not None and isinstance(atom, Var) and atom.aval.is_float
    ]
    return np.broadcast_to(np.logical_or.reduce(moving) if moving else False, shape)


def _chosen(point: Point, sides: dict[Equation, str]) -> Choice:
    sweep = point.sweep
    flipped = {
        equation.out: np.logical_xor(sweep.values[equation.out], _entries(point, equation))
        for equation in sides
        if not equation.out.aval.is_float
    }
    values = sweep.forward(flipped) if flipped else sweep.values

    def compute(sent: Contribution, ct: Any) -> Any:
        equation = sent.equation
        side = sides.get(equation) if equation is not None else None
        plain = sweep.contribution(sent, ct, values)
        if equation is None or side is None or equation.primitive.slopes is None:
            return plain
        return _on_side(point, sent, equation, side, ct, plain)

    entries = sum(int(np.count_nonzero(_entries(point, equation))) for equation in sides)
    return Choice(values, sweep.backward(values, compute=compute), tuple(sides), entries)


def _on_side(
    point: Point, sent: Contribution, equation: Equation, side: str, ct: Any, plain: Any
) -> Any:
    """The contribution with the slope of one side at entries on the kink."""
    operands = [as_floats(point.sweep.value_of(a, point.sweep.values)) for a in equation.inputs]
    assert equation.primitive.slopes is not None
    slope = equation.primitive.slopes(*operands, **equation.params)[sent.position]
    if slope is None or np.shape(plain) != np.shape(ct):
        return plain  # a broadcast operand: the derived choice stands
    wanted = {
        "below": slope.below,
        "above": slope.above,
        "between": (slope.below + slope.above) / 2,
    }[side]
    return np.where(slope.below != slope.above, ct * wanted, plain)

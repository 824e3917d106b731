"""How far a right value may lie from the derived one: what rounding can make of it.

Every operation of the forward and the backward pass is disturbed by a random relative error, as
rounding does on a larger scale. How much a gradient moves says how precisely it is known: a sum
of large terms that cancel to zero moves by their size, not by its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Var
from ..transforms.sweep import Contribution
from .point import Point

DISTURBANCE = 1e-9
DRAWS = 2
FLOAT64, FLOAT32 = 1e-7, 2e-5
"""Allowed errors, relative to a gradient's scale: of float64 code, and of float32 code."""


def scales(point: Point) -> dict[Var, float]:
    """For each variable that has a cotangent, the scale that its rounding error is relative to."""
    sweep = point.sweep
    exact = sweep.backward(sweep.values)
    found = {var: _largest(value) for var, value in exact.items()}
    for seed in range(DRAWS):
        moved = _disturbed(point, np.random.default_rng(seed))
        for var, value in moved.items():
            found[var] = max(found[var], _largest(value - exact[var]) / DISTURBANCE)
    return found


def _disturbed(point: Point, random: np.random.Generator) -> dict[Var, Any]:
    """The cotangents when every operation errs a little; branches stay as they are.

    A contribution that reads a comparison is computed from undisturbed values, for an entry on
    the boundary must not change sides.
    """
    sweep = point.sweep

    def change(value: Any) -> Any:
        noise = random.uniform(-1.0, 1.0, np.shape(value))
        return value * (1.0 + DISTURBANCE * noise)

    values: dict[Var, Any] = {**point.forward.defaults, **point.inputs}
    for equation in point.forward.equations:
        operands = [sweep.value_of(atom, values) for atom in equation.inputs]
        if equation.out.aval.is_float and equation.primitive.slopes is None:
            out = equation.primitive.evaluate(*operands, **equation.params)
            values[equation.out] = change(out)
        else:
            values[equation.out] = sweep.values[equation.out]

    def compute(sent: Contribution, ct: Any) -> Any:
        at = sweep.values if sweep.branches(sent) else values
        return change(sweep.contribution(sent, ct, at))

    return sweep.backward(values, compute=compute)


def _largest(value: Any) -> float:
    return float(np.max(np.abs(value), initial=0.0))

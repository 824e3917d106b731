"""Which rule is to blame for a wrong gradient, and where the user wrote its operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import at
from ..program import Equation, Var
from .branches import Branches, rule_operands
from .differences import Along, agrees, slope_at_zero

DIRECTIONS = 3


def blame_text(branches: Branches, random: np.random.Generator, rtol: float) -> str:
    """A sentence that names the primitive, and under it the user's line."""
    found = _to_blame(branches, random, rtol)
    if found is None:
        return "No single rule is to blame; an input may lie outside the function's domain."
    equation, position = found
    name = equation.primitive.name
    return at(f"The rule of {name} is to blame (its input number {position + 1}).", equation.where)


def _to_blame(
    branches: Branches, random: np.random.Generator, rtol: float
) -> tuple[Equation, int] | None:
    """The last equation whose own rule disagrees with its own differences, and which input."""
    for equation in reversed(branches.program.equations):
        rule = equation.primitive.rule
        if rule is None or not equation.out.aval.is_float:
            continue
        operands = [branches.value(atom) for atom in equation.inputs]
        out = branches.values[equation.out]
        cotangent = random.normal(size=np.shape(out))
        parts = rule(cotangent, out, *rule_operands(equation, operands), **equation.params)
        for position, (atom, part) in enumerate(zip(equation.inputs, parts, strict=True)):
            if not isinstance(atom, Var) or not atom.aval.is_float:
                continue
            part = 0.0 if part is None else part
            for _ in range(DIRECTIONS):
                direction = random.normal(size=np.shape(operands[position]))
                along = _local_along(branches, equation, operands, position, cotangent, direction)
                magnitude = float(np.sum(np.abs(cotangent * out)))
                if _is_wrong(along, part * direction, operands[position], magnitude, rtol):
                    return equation, position
    return None


def _is_wrong(along: Along, terms: Any, point: Any, magnitude: float, rtol: float) -> bool:
    analytic, allowed = float(np.sum(terms)), rtol * float(np.linalg.norm(np.ravel(terms)))
    reach = float(np.max(np.abs(point), initial=0.0))
    slope, error = slope_at_zero(along, 1.0, reach, magnitude, analytic, allowed)
    return bool(np.isfinite(slope)) and not agrees(slope, error, analytic, allowed)


def _local_along(
    branches: Branches,
    equation: Equation,
    operands: list[Any],
    position: int,
    cotangent: Any,
    direction: Any,
) -> Along:
    def along(t: float) -> float:
        moved = list(operands)
        moved[position] = moved[position] + t * direction
        try:
            return float(np.sum(cotangent * branches.local(equation, moved)))
        except ValueError:  # moved off the set that the primitive is defined on
            return float("nan")

    return along


def undefined_text(branches: Branches) -> str:
    """The first operation whose result is no finite number, as a sentence."""
    message = "There is no gradient to check where the function is not finite"
    for equation in branches.program.equations:
        out = np.asarray(branches.values[equation.out])
        if out.dtype.kind == "f" and not np.all(np.isfinite(out)):
            entry = [int(i) for i in np.argwhere(~np.isfinite(out))[0]]
            value = out[tuple(entry)]
            name = equation.primitive.name
            return at(f"{message}: {name} gives {value} (entry {entry}).", equation.where)
    return f"{message}: its arguments are not."


def steep_text(branches: Branches) -> str:
    """The first operation whose own slope is no finite number, as a sentence."""
    for equation in branches.program.equations:
        rule = equation.primitive.rule
        if rule is None or not equation.out.aval.is_float:
            continue
        operands = [branches.value(atom) for atom in equation.inputs]
        out = branches.values[equation.out]
        arrays = rule_operands(equation, operands)
        for part in rule(np.ones(np.shape(out)), out, *arrays, **equation.params):
            if part is not None and not np.all(np.isfinite(part)):
                name = equation.primitive.name
                return at(f"{name} has no finite slope at its input.", equation.where)
    return "The slopes of the function are too large for float64."

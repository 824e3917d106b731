"""Which rule is to blame for a wrong gradient, and where the user wrote its operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import at
from ..primitives.custom import with_rule
from ..program import Equation, Var
from .branches import Branches, rule_operands
from .differences import Along, Line, agrees, slope_at_zero
from .own_rules import rule_name

DIRECTIONS = 3


def blame_text(branches: Branches, random: np.random.Generator, rtol: float) -> str:
    """A sentence that names the primitive or the user's function, and under it the user's line."""
    found = _to_blame(branches, random, rtol)
    if found is None:
        return "No single rule is to blame; an input may lie outside the function's domain."
    equation, position = found
    # The first input of a function with a rule of its own is what it computed.
    number = position if equation.primitive is with_rule else position + 1
    name = rule_name(equation)
    return at(f"The rule of {name} is to blame (its input number {number}).", equation.where)


def _to_blame(
    branches: Branches, random: np.random.Generator, rtol: float
) -> tuple[Equation, int] | None:
    """The last equation whose own rule disagrees with its own differences, and which input."""
    for equation in reversed(branches.program.equations):
        if equation.primitive.rule is None or equation.out not in branches.differentiated:
            continue
        rule = _Rule(branches, equation, random, rtol)
        for position, atom in enumerate(equation.inputs):
            if isinstance(atom, Var) and atom.aval.is_float and rule.is_wrong(position):
                return equation, position
    return None


class _Rule:
    """The rule of one equation at the point, with a random cotangent."""

    def __init__(
        self, branches: Branches, equation: Equation, random: np.random.Generator, rtol: float
    ) -> None:
        self.branches, self.equation = branches, equation
        self.random, self.rtol = random, rtol
        self.operands = [branches.value(atom) for atom in equation.inputs]
        self.out = branches.values[equation.out]
        self.cotangent = branches.in_precision(random.normal(size=np.shape(self.out)))
        assert equation.primitive.rule is not None
        operands = rule_operands(equation, self.operands)
        self.parts = equation.primitive.rule(self.cotangent, self.out, *operands, **equation.params)

    def is_wrong(self, position: int) -> bool:
        """Whether its cotangent of one input disagrees with differences in some direction."""
        # Each entry moves in proportion to itself: some may be far larger than others.
        sizes = np.maximum(np.abs(self.operands[position]), 1.0)
        return any(
            self._is_wrong_along(position, sizes * self.random.normal(size=sizes.shape))
            for _ in range(DIRECTIONS)
        )

    def _is_wrong_along(self, position: int, direction: Any) -> bool:
        """On the edge of a domain, whatever leaves it tells nothing; then all entries move up, or
        all down."""
        part = 0.0 if self.parts[position] is None else self.parts[position]
        for tried in _directions(direction):
            terms = np.asarray(part * tried, np.float64)
            expected, allowed = float(np.sum(terms)), self.rtol * float(np.linalg.norm(terms))
            slope, error = slope_at_zero(self._line(position, tried), expected, allowed)
            if np.isfinite(slope):
                return not agrees(slope, error, expected, allowed)
        return False

    def _line(self, position: int, direction: Any) -> Line:
        point = self.operands[position]
        magnitude = float(np.sum(np.abs(self.cotangent * self.out)))
        reach = min(float(np.max(np.abs(point), initial=0.0)), 1.0)
        precision = self.branches.precision
        return Line(self._along(position, direction), 1.0, reach, magnitude, precision)

    def _along(self, position: int, direction: Any) -> Along:
        point = self.operands[position]

        def along(t: float) -> float:
            moved = list(self.operands)
            moved[position] = self.branches.in_precision(point + t * direction)
            try:
                value = self.branches.local(self.equation, moved)
            except ValueError:  # moved off the set that the primitive is defined on
                return float("nan")
            return float(np.sum(np.asarray(self.cotangent * value, np.float64)))

        return along


def _directions(direction: Any) -> Iterator[Any]:
    yield direction
    yield np.abs(direction)
    yield -np.abs(direction)


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
        if rule is None or equation.out not in branches.differentiated:
            continue
        operands = [branches.value(atom) for atom in equation.inputs]
        out = branches.values[equation.out]
        arrays = rule_operands(equation, operands)
        for part in rule(np.ones(np.shape(out)), out, *arrays, **equation.params):
            if part is not None and not np.all(np.isfinite(part)):
                name = rule_name(equation)
                return at(f"{name} has no finite slope at its input.", equation.where)
    return "The slopes of the function are too large for float64."

"""Functions with a VJP rule of their own (`custom_vjp`) at the point of a check.

What such a function computes with is not differentiated; its rule is. So its equations are
evaluated as they are, kinks included. Where the function itself has a kink exactly at the point,
it is replaced by the linear piece that its rule chose, as it is done for primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import GradientError, at
from ..primitive import Literal
from ..primitives.custom import with_rule
from ..program import Equation, Program, Var
from ..tracing.replay import replay
from ..transforms import vjp_program
from .differences import one_sided_slopes
from .precision import DOUBLE, Precision

MOST_JUDGED = 300
"""So many entries of the inputs are moved one by one to judge the slopes at kinks."""

Local = Callable[[Equation, list[Any], bool], Any]
"""local(equation, operands, live): an equation's value; `live` frees entries on a kink."""


def rule_name(equation: Equation) -> str:
    """Whose rule an equation's cotangent goes through: a primitive's, or that of a function."""
    own = equation.primitive is with_rule
    return str(equation.params["name"]) if own else equation.primitive.name


def differentiated(program: Program) -> set[Var]:
    """The values whose cotangents reach an input: all but those inside functions with a rule."""
    reached = {atom for atom in program.outputs if isinstance(atom, Var)}
    for equation in reversed(program.equations):
        if equation.out in reached:
            start = 1 if equation.primitive is with_rule else 0
            reached.update(a for a in equation.inputs[start:] if isinstance(a, Var))
    return reached


def without_own_rules(program: Program) -> Program:
    """The same function, differentiated through: each rule of its own is left out."""
    values: dict[Any, Any] = {}

    def through(atom: Any) -> Any:
        return values.get(atom, atom)

    kept = []
    for equation in program.equations:
        inputs = tuple(map(through, equation.inputs))
        if equation.primitive is with_rule:
            values[equation.out] = inputs[0]
        else:
            kept.append(replace(equation, inputs=inputs))
    if not values:
        return program
    return replace(
        program, equations=tuple(kept), outputs=tuple(map(through, program.outputs)), origin=None
    )


class OwnRule:
    """One call of a function with a rule of its own, at the point.

    Args:
        program: The program that calls it.
        equation: The call: with_rule(value, *inputs).
        values: The values of the program at the point.
        local: Evaluates an equation on its frozen branches.
        precision: Decides steps and tolerances.

    Raises:
        GradientError: When the rule chooses a slope at a kink outside the two one-sided ones.
    """

    def __init__(
        self,
        program: Program,
        equation: Equation,
        values: Mapping[Var, Any],
        local: Local,
        precision: Precision = DOUBLE,
    ) -> None:
        self.equation, self.precision = equation, precision
        self.inside = _inside(program, equation)
        self._values, self._local = values, local
        self.points = [self._value(atom) for atom in equation.inputs]
        self._out = np.asarray(self.points[0])
        self._moving = [
            place
            for place, atom in enumerate(equation.inputs)
            if place and isinstance(atom, Var) and atom.aval.is_float
        ]
        self.on_kink: Any = np.zeros(self._out.shape, bool)

    def find_kinks(self, random: np.random.Generator) -> None:
        """Mark the entries of the value at which the function bends, and judge the rule there."""
        for _ in range(2):
            moves = {i: random.normal(size=np.shape(self.points[i])) for i in self._moving}
            self.on_kink = self.on_kink | self._bent(*self._one_sided(moves))
        if np.any(self.on_kink):
            self._judge(random)

    def value(self, operands: list[Any], live: bool) -> Any:
        """The function's value at other operands; linear where it is on a kink, unless live."""
        exact = self._recomputed(operands)
        if live or not np.any(self.on_kink):
            return exact
        pairs = zip(operands, self.points, strict=True)
        moved = {i: x - x0 for i, (x, x0) in enumerate(pairs) if i in self._moving}
        return np.where(self.on_kink, self._out + self._pushed(moved), exact)

    def _recomputed(self, operands: list[Any]) -> Any:
        value, *inputs = self.equation.inputs
        own = dict(zip(inputs, operands[1:], strict=True))

        def value_of(atom: Any) -> Any:
            return own[atom] if atom in own else self._value(atom)

        for equation in self.inside:
            found = self._local(equation, [value_of(atom) for atom in equation.inputs], True)
            own[equation.out] = found
        return value_of(value)

    def _value(self, atom: Any) -> Any:
        return atom.value if isinstance(atom, Literal) else self._values[atom]

    def _one_sided(self, moves: Mapping[int, Any]) -> tuple[Any, Any]:
        """The slopes of every entry of the value when the inputs move so, on either side."""

        def along(t: float) -> Any:
            moved = list(self.points)
            for place, move in moves.items():
                moved[place] = moved[place] + t * move
            return self._recomputed(moved)

        reach = max((float(np.max(np.abs(self.points[i]), initial=0.0)) for i in moves), default=0)
        return one_sided_slopes(along, self.precision.one_sided * max(1.0, reach))

    def _bent(self, below: Any, above: Any) -> Any:
        return np.abs(above - below) > self._close(below, above)

    def _close(self, below: Any, above: Any) -> Any:
        largest = np.maximum(np.abs(above), np.abs(below))
        return self.precision.close * largest + self.precision.flat * (1 + np.abs(self._out))

    def _pushed(self, moves: Mapping[int, Any]) -> Any:
        """How the rule says that the value moves: the transpose of what it does to a cotangent."""
        rule, places = self.equation.params["rule"], self.equation.params["places"]
        transposed = vjp_program(rule, [rule.inputs[0]])
        given = dict(zip(transposed.inputs, [np.zeros_like(self._out), *self.points], strict=False))
        parts = [(p, a) for p, a in zip(places, rule.outputs, strict=True) if a.aval.is_float]
        extra = transposed.argument_inputs[len(rule.inputs) :]
        for var, (place, atom) in zip(extra, parts, strict=True):
            move = moves.get(place + 1, 0.0)
            given[var] = np.broadcast_to(np.asarray(move, atom.aval.dtype), atom.aval.shape)
        (tangent,) = replay(transposed, given)
        return tangent

    def _judge(self, random: np.random.Generator) -> None:
        for place, entry in self._entries(random):
            unit = np.zeros(np.shape(self.points[place]))
            unit[entry] = 1.0
            below, above = self._one_sided({place: unit})
            bent = self.on_kink & self._bent(below, above)
            chosen, margin = self._pushed({place: unit}), self._close(below, above)
            low, high = np.minimum(below, above) - margin, np.maximum(below, above) + margin
            outside = bent & ~((low <= chosen) & (chosen <= high))
            if np.any(outside):
                here = tuple(int(i) for i in np.argwhere(outside)[0])
                message = (
                    f"The rule of {rule_name(self.equation)} is to blame: it chooses the slope "
                    f"{np.asarray(chosen)[here]:g} at a kink (entry {list(entry)} of its input "
                    f"number {place}), outside its one-sided slopes {np.asarray(below)[here]:.6g} "
                    f"and {np.asarray(above)[here]:.6g}."
                )
                raise GradientError(at(message, self.equation.where))

    def _entries(self, random: np.random.Generator) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Entries of the inputs: all of them, or a sample."""
        sizes = [np.size(self.points[place]) for place in self._moving]
        ends = np.cumsum(sizes)
        total = int(ends[-1])
        sample = random.choice(total, min(total, MOST_JUDGED), replace=False)
        for number in map(int, np.sort(sample)):
            which = int(np.searchsorted(ends, number, side="right"))
            place = self._moving[which]
            flat = number - int(ends[which]) + sizes[which]
            entry = np.unravel_index(flat, np.shape(self.points[place]))
            yield place, tuple(map(int, entry))


def _inside(program: Program, call: Equation) -> tuple[Equation, ...]:
    """The equations by which a function computed its value from its inputs."""
    value, *inputs = call.inputs
    wanted, found = {value}, []
    for equation in reversed(program.equations):
        if equation.out in wanted and equation.out not in inputs:
            found.append(equation)
            wanted.update(equation.inputs)
    return tuple(reversed(found))

"""The reverse sweep: recording the vector-Jacobian products of a program, one equation at a time.

The sweep walks the equations backwards. At each it asks the primitive's rule for the cotangents
of the inputs, undoes broadcasting, and adds up what arrives at each value over all its uses:
the sum over children of the chain rule. No Jacobian is ever built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..avals import Aval
from ..primitive import Literal
from ..program import BACKWARD, Atom, Equation, Program, Var
from ..tracing.builder import Builder
from ..tracing.traced import TracedArray


@dataclass(frozen=True, eq=False)
class Contribution:
    """What one use of a value sends back to it.

    Attributes:
        target: The value of the forward program that receives it.
        equation: The use: an equation that reads the target; None where the target is an output,
            whose cotangent enters from outside.
        position: Which input of the equation the target is.
        cotangent: v J, the cotangent of the equation's output times the Jacobian of that input,
            in the target's shape and dtype.
    """

    target: Var
    equation: Equation | None
    position: int
    cotangent: Atom


@dataclass(frozen=True, eq=False)
class Pull:
    """One step of the sweep: the cotangent of an equation's output goes through its rule.

    Attributes:
        equation: An equation of the forward program.
        cotangent: v: what has arrived at its output, complete.
        contributions: v J for each input that the gradient flows to.
    """

    equation: Equation
    cotangent: Atom
    contributions: tuple[Contribution, ...]


class Sweep:
    """The backward pass of a program, recorded in a builder that holds its equations.

    Args:
        builder: Holds the program's equations; the backward pass is recorded after them.
        program: The forward program.
        wrt: The inputs to which the gradient flows.

    Attributes:
        arrived: The cotangent of each value, over all uses met so far.
        seeds: The cotangents that entered at outputs.
        pulls: The steps taken, in order.
    """

    def __init__(self, builder: Builder, program: Program, wrt: Sequence[Var]) -> None:
        self.builder, self.program, self.wrt = builder, program, wrt
        self.arrived: dict[Var, TracedArray] = {}
        self.seeds: list[Contribution] = []
        self.pulls: list[Pull] = []
        self._active = _depending_on(program, wrt)

    def run(self, cotangents: Sequence[tuple[Atom, TracedArray]]) -> list[TracedArray]:
        """Walk the equations backwards.

        Args:
            cotangents: The cotangent of each output that has one.

        Returns:
            One cotangent per variable in `wrt`, zeros where no path leads to it.
        """
        with self.builder.in_stage(BACKWARD):
            for atom, cotangent in cotangents:
                self.seeds += self._arrive(atom, cotangent)
            for equation in reversed(self.program.equations):
                if equation.out in self.arrived:
                    self._pull(equation)
            return [self._of_input(var) for var in self.wrt]

    def _pull(self, equation: Equation) -> None:
        if equation.primitive.kink:
            self.builder.conventions[equation.primitive.kink] = None
        cotangent = self._named(equation.out)
        contributions = [
            contribution
            for position, part in enumerate(self._parts(equation, cotangent))
            for contribution in self._arrive(equation.inputs[position], part, equation, position)
        ]
        self.pulls.append(Pull(equation, cotangent.atom, tuple(contributions)))

    def _parts(self, equation: Equation, cotangent: TracedArray) -> tuple[Any, ...]:
        """v J for each input, as the primitive's rule has it."""
        rule = equation.primitive.rule
        if rule is None:
            return (None,) * len(equation.inputs)
        inputs = [
            atom.value if isinstance(atom, Literal) else self.builder.wrap(atom)
            for atom in equation.inputs
        ]
        parts = rule(cotangent, self.builder.wrap(equation.out), *inputs, **equation.params)
        return tuple(part for part, _ in zip(parts, equation.inputs, strict=True))

    def _arrive(
        self, atom: Atom, part: Any, equation: Equation | None = None, position: int = 0
    ) -> list[Contribution]:
        """Add a contribution to what has arrived at a value, if the gradient flows there."""
        if not isinstance(atom, Var) or atom not in self._active or part is None:
            return []
        cotangent = in_shape_of(self.builder, part, atom.aval)
        before = self.arrived.get(atom)
        self.arrived[atom] = cotangent if before is None else before + cotangent
        return [Contribution(atom, equation, position, cotangent.atom)]

    def _named(self, var: Var) -> TracedArray:
        cotangent, name = self.arrived[var], self.program.names[var]
        self.builder.mark_cotangent(cotangent.atom, name, f"d{name}" if var.named else None)
        return cotangent

    def _of_input(self, var: Var) -> TracedArray:
        if var in self.arrived:
            return self._named(var)
        from ..primitives.shapes import full

        zeros = {"shape": var.aval.shape, "value": 0.0, "dtype": var.aval.dtype}
        name = self.program.names[var]
        cotangent = self.builder.bind(full, (), zeros)
        self.builder.mark_cotangent(cotangent.atom, name, f"d{name}")
        return cotangent


def in_shape_of(builder: Builder, cotangent: Any, aval: Aval) -> TracedArray:
    """A cotangent in its primal's shape and dtype: broadcasting undone by summing."""
    value: Any = builder.wrap(builder.atom(cotangent))
    extra = tuple(range(value.ndim - aval.ndim))
    if extra:
        value = np.sum(value, axis=extra)
    repeated = tuple(
        axis
        for axis, (dim, wide) in enumerate(zip(aval.shape, value.aval.shape, strict=True))
        if dim == 1 and wide != 1
    )
    if repeated:
        value = np.sum(value, axis=repeated, keepdims=True)
    if value.aval.shape != aval.shape:
        value = np.broadcast_to(value, _traced_shape(builder, aval))
    in_dtype: TracedArray = (
        value if aval.weak or value.dtype == aval.dtype else value.astype(aval.dtype)
    )
    return in_dtype


def _traced_shape(builder: Builder, aval: Aval) -> tuple[Any, ...]:
    from ..tracing.sizes import as_size

    return tuple(as_size(builder, dim) for dim in aval.shape)


def _depending_on(program: Program, wrt: Sequence[Var]) -> set[Var]:
    active = set(wrt)
    for equation in program.equations:
        if equation.out.aval.is_float and any(atom in active for atom in equation.inputs):
            active.add(equation.out)
    return active

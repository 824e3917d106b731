"""Operations such as softmax as the equations of the NumPy expression that they are written as.

Their expression, run on traced values, gives the equations; so there is no second formula. What
is computed twice then (the exponentials of softmax and log-softmax) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..primitive import Literal
from ..program import Atom, Equation, Program, Var
from ..tracing import Builder

WHOLE = frozenset(
    "distribution placed scatter_add scatter_along_axis setitem uniform product_of_others".split()
)
"""Operations with a helper that stay as they are: they write at places, draw, or check."""


@dataclass
class Body:
    """A program on its way to a machine: its equations and what they begin and end with.

    Attributes:
        inputs: One variable per leaf of the arguments, then what was captured.
        equations: In an order in which they can be done.
        outputs: One atom per leaf of the result.
        defaults: Values of what was captured.
        axes: The named axes of the inputs.
    """

    inputs: tuple[Var, ...]
    equations: list[Equation]
    outputs: list[Atom]
    defaults: Mapping[Var, Any]
    axes: list[str]

    @property
    def helpers(self) -> dict[Callable[..., Any], None]:
        """The functions that the equations need beside NumPy's."""
        return dict.fromkeys(helper for e in self.equations for helper in e.primitive.helpers)


def taken_apart(program: Program) -> Body:
    """A program's body, its composite operations taken apart."""
    equations: list[Equation] = []
    known: dict[Hashable, Var] = {}
    instead: dict[Var, Atom] = {}

    def add(equation: Equation) -> None:
        inputs = tuple(instead.get(a, a) if isinstance(a, Var) else a for a in equation.inputs)
        key = _key(equation, inputs)
        if key in known:
            instead[equation.out] = known[key]
            return
        known[key] = equation.out
        equations.append(replace(equation, inputs=inputs))

    for equation in program.equations:
        if not equation.primitive.helpers or equation.primitive.name in WHOLE:
            add(equation)
            continue
        parts, result = _parts(equation)
        for part in parts:
            add(part)
        instead[equation.out] = instead.get(result, result)
    outputs = [instead.get(a, a) if isinstance(a, Var) else a for a in program.outputs]
    return Body(program.inputs, equations, outputs, program.defaults, program.axes)


def _parts(equation: Equation) -> tuple[list[Equation], Var]:
    """The equations that one operation is made of, and their result."""
    builder = Builder(name_values=False)
    inside: dict[Var, Atom] = {}
    operands: list[Any] = []
    for atom in equation.inputs:
        if isinstance(atom, Literal):
            operands.append(atom.value)
        else:
            var = builder.add_input(atom.aval, atom.hint)
            inside[var] = atom
            operands.append(builder.wrap(var))
    value = equation.primitive.evaluate(*operands, **equation.params)
    parts = [
        replace(
            part,
            inputs=tuple(inside.get(a, a) if isinstance(a, Var) else a for a in part.inputs),
            stage=equation.stage,
        )
        for part in builder.equations
    ]
    result = builder.atom(value)
    assert isinstance(result, Var)
    return parts, result


def _key(equation: Equation, inputs: Sequence[Atom]) -> Hashable:
    """Equal for equations that compute the same bits."""
    operands = [
        (type(a.value), str(a.value), repr(a.value)) if isinstance(a, Literal) else a
        for a in inputs
    ]
    params = tuple(sorted(equation.params.items(), key=lambda item: item[0]))
    return equation.primitive.name, tuple(operands), params

"""The values and error signals of a loss on given rows, read off its derived program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..differentiate import grad, value_and_grad
from ..dims import axis_lengths
from ..primitive import Literal
from ..program import Equation, Program, Var
from ..tracing.replay import replay_values
from ..transforms.retype import specialize

_ACTIVATION = re.compile(r"h(\d+)")
_IN_FRONT = ("dropped", "normed", "z")
"""What may stand in front of the activation of the same number, the nearest first."""


@dataclass(frozen=True)
class Slopes:
    """The slopes of one activation.

    Attributes:
        name: The activation's name: h1, h2, ...
        values: The derived slope per row and unit.
        kinked: Whether the activation has pieces, such as ReLU: a slope of exactly 0 is a unit
            that is off, not one that is saturated.
    """

    name: str
    values: Any
    kinked: bool


@dataclass(frozen=True)
class Signals:
    """What went forward and back.

    Attributes:
        values: Every named value of the forward and the backward pass, by name.
        loss: The loss on these rows.
        gradients: Its gradient, by parameter.
        slopes: Of each activation that has a layer in front, the first layer's first.
    """

    values: Mapping[str, Any]
    loss: float
    gradients: Mapping[str, Any]
    slopes: tuple[Slopes, ...]


def slopes_of(function: Callable[[Any], Any], x: Any) -> Any:
    """The derived slope of a function that works entry by entry, at each entry of x."""
    return grad(lambda x: np.sum(function(x)))(x)


def signals_of(program: Program, flat: Sequence[Any], params: Mapping[str, Any]) -> Signals:
    """Run a loss and its derived gradient, and keep every value.

    Args:
        program: A loss with an argument `params`.
        flat: One value per argument input.
        params: Those among them that the gradient is of, by name.
    """
    return signals_through(with_gradient(program, flat), flat, params)


def with_gradient(program: Program, flat: Sequence[Any]) -> Program:
    """The loss and its gradient, for values of these shapes."""
    derived = value_and_grad(program, wrt="params")
    shaped = zip(derived.argument_inputs, flat, strict=True)
    return specialize(
        derived, axis_lengths((var.aval.shape, np.shape(value)) for var, value in shaped)
    )


def signals_through(fixed: Program, flat: Sequence[Any], params: Mapping[str, Any]) -> Signals:
    """What goes through a program that `with_gradient` has made, for values of its shapes."""
    with np.errstate(all="ignore"):
        values = replay_values(fixed, dict(zip(fixed.argument_inputs, flat, strict=True)))
    named = {fixed.names[var]: value for var, value in values.items() if var.named}
    outputs = [atom.value if isinstance(atom, Literal) else values[atom] for atom in fixed.outputs]
    with np.errstate(all="ignore"):
        slopes = tuple(_slopes(fixed, values))
    return Signals(named, float(outputs[0]), dict(zip(params, outputs[1:], strict=True)), slopes)


def _slopes(program: Program, values: Mapping[Var, Any]) -> Iterator[Slopes]:
    """From the equations between each activation and what stands in front of it."""
    made = {program.names[e.out]: i for i, e in enumerate(program.equations) if e.out.named}
    for name, last in made.items():
        match = _ACTIVATION.fullmatch(name)
        if match is None:
            continue
        in_front = [made.get(f"{front}{match[1]}", last) for front in _IN_FRONT]
        first = next((place for place in in_front if place < last), None)
        if first is None:
            continue
        front, behind = program.equations[first].out, program.equations[last].out
        if np.shape(values[front]) != np.shape(values[behind]):
            continue
        between = _dependent(program.equations[first + 1 : last + 1], front)
        known = {var: value for var, value in values.items() if var not in between}

        def activation(x: Any, front: Var = front, behind: Var = behind, known: Any = known) -> Any:
            return replay_values(program, {**known, front: x})[behind]

        kinked = any(e.primitive.kink for e in program.equations if e.out in between)
        yield Slopes(name, np.abs(slopes_of(activation, values[front])), kinked)


def _dependent(equations: Sequence[Equation], source: Var) -> set[Var]:
    """The results of equations that depend on a variable."""
    found = {source}
    for equation in equations:
        if not found.isdisjoint(a for a in equation.inputs if not isinstance(a, Literal)):
            found.add(equation.out)
    return found - {source}

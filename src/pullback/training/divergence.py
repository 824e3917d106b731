"""Where a run diverged: the first operation of a step that gave no finite number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..dims import axis_lengths
from ..engines.reference import executable
from ..primitive import Literal
from ..program import Equation, Program, Var
from ..tracing.replay import replay_values
from ..transforms.retype import specialize
from .steps import Stepper, Variables

AT_THE_START = "nothing was learned yet: look at the data, the initial weights and the loss"
"""What to do when no update has been made that could be to blame."""


@dataclass(frozen=True)
class Failure:
    """The first NaN or infinity of a step.

    Attributes:
        sentence: Which operation made it, and from what.
        stage: "forward", "backward" or "update"; empty when that is not known.
    """

    sentence: str
    stage: str = ""


def all_finite(variables: Variables) -> bool:
    """Whether every entry of every array is a finite number."""
    return all(map(_is_finite, variables.arrays))


def first_failure(stepper: Stepper, *arguments: Any) -> Failure:
    """Which operation of a step made the first NaN or infinity, and from what.

    Args:
        stepper: The step.
        *arguments: What it was called with, all of it finite.
    """
    try:
        replace(stepper, compiled=_watched)(*arguments)
    except _FoundError as found:
        return found.failure
    return Failure("No operation that is looked at by itself gives NaN or infinity.")


def failure_of(program: Program, flat: Sequence[Any], extra: Mapping[str, Any]) -> Failure | None:
    """The first NaN or infinity of a program's run; None when every result is finite.

    Args:
        program: A program.
        flat: One value per argument input.
        extra: Values of inputs with a default, by name.
    """
    shaped = zip(program.argument_inputs, flat, strict=True)
    sizes = axis_lengths((var.aval.shape, np.shape(value)) for var, value in shaped)
    fixed = specialize(program, sizes)
    inputs = dict(zip(fixed.argument_inputs, flat, strict=True))
    inputs |= {var: extra[fixed.names[var]] for var in fixed.defaults if fixed.names[var] in extra}
    for var, value in inputs.items():
        if not _is_finite(value):  # of gradients, which are summed up between two programs
            kind, name = _kind(value), fixed.names[var]
            return Failure(f"The first {kind} is in {name}, the sum over the batches of a step.")
    with np.errstate(all="ignore"):
        values = replay_values(fixed, inputs)
    origin = _origin(fixed, values)
    return None if origin is None else Failure(_sentence(fixed, origin, values), origin.stage)


class _FoundError(Exception):
    """Ends a step at its first failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


def _watched(program: Program) -> Callable[..., Any]:
    """The program, which raises when one of its results is not finite."""

    def run(*flat: Any, **extra: Any) -> Any:
        failure = failure_of(program, flat, extra)
        if failure is not None:
            raise _FoundError(failure)
        return executable(program).flat(*flat, **extra)

    return run


def _is_finite(value: Any) -> bool:
    # The sum of squares is one fast pass without a temporary; where it overflows, look closely.
    return math.isfinite(np.vdot(value, value)) or bool(np.all(np.isfinite(value)))


def _origin(program: Program, values: Mapping[Var, Any]) -> Equation | None:
    """The first operation with finite inputs whose NaN or infinity reaches a result.

    One that a `where` keeps out of every result is no failure.
    """

    def is_wrong(atom: Any) -> bool:
        return isinstance(atom, Var) and not np.all(np.isfinite(values[atom]))

    reaching = {atom for atom in program.outputs if is_wrong(atom)}
    origin = None
    for equation in reversed(program.equations):
        if equation.out in reaching:
            wrong = [atom for atom in equation.inputs if is_wrong(atom)]
            reaching.update(atom for atom in wrong if isinstance(atom, Var))
            origin = origin if wrong else equation
    return origin


def _sentence(program: Program, equation: Equation, values: Mapping[Var, Any]) -> str:
    inputs = [
        f"{program.names[atom]} {_range(values[atom])}"
        for atom in equation.inputs
        if isinstance(atom, Var)
    ]
    numbers = [str(atom) for atom in equation.inputs if isinstance(atom, Literal)]
    of = f" of {' and '.join([*inputs, *numbers])}" if inputs or numbers else ""
    return (
        f"The first {_kind(values[equation.out])} is in {program.names[equation.out]} "
        f"({equation.stage}), made by {equation.primitive.name}{of}."
    )


def _kind(value: Any) -> str:
    return "NaN" if np.any(np.isnan(value)) else "infinity"


def _range(value: Any) -> str:
    array = np.asarray(value)
    low, high = array.min(initial=np.inf), array.max(initial=-np.inf)
    return f"= {low:.4g}" if array.ndim == 0 else f"in [{low:.4g}, {high:.4g}]"

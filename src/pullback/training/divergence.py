"""Where a run diverged: the first operation of a step that gave no finite number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..dims import axis_lengths
from ..primitive import Literal
from ..program import Equation, Program, Var
from ..tracing.replay import replay_values
from ..transforms.retype import specialize
from ..trees import flatten
from .steps import Variables


def all_finite(variables: Variables) -> bool:
    """Whether every entry of every array is a finite number."""
    leaves, _ = flatten([dict(variables.params), dict(variables.state), variables.rule_state])
    return all(bool(np.all(np.isfinite(leaf))) for leaf in leaves)


def first_failure(program: Program, flat: Sequence[Any], extra: Mapping[str, Any]) -> str:
    """Which operation made the first NaN or infinity, and from what.

    Args:
        program: A program without NaN and infinity among its inputs.
        flat: One value per argument input.
        extra: Values of inputs with a default, by name.

    Returns:
        A sentence: the operation, its stage, its output's name, and the range of each input;
        empty when every value is finite.
    """
    shaped = zip(program.argument_inputs, flat, strict=True)
    sizes = axis_lengths((var.aval.shape, np.shape(value)) for var, value in shaped)
    fixed = specialize(program, sizes)
    inputs = dict(zip(fixed.argument_inputs, flat, strict=True))
    inputs |= {var: extra[fixed.names[var]] for var in fixed.defaults if fixed.names[var] in extra}
    with np.errstate(all="ignore"):
        values = replay_values(fixed, inputs)
    origin = _origin(fixed, values)
    return "" if origin is None else _sentence(fixed, origin, values)


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
    out = values[equation.out]
    wrong = np.asarray(out)[~np.isfinite(out)]
    kind = "NaN" if np.any(np.isnan(wrong)) else "infinity"
    inputs = [
        f"{program.names[atom]} {_range(values[atom])}"
        for atom in equation.inputs
        if isinstance(atom, Var)
    ]
    numbers = [str(atom) for atom in equation.inputs if isinstance(atom, Literal)]
    of = f" of {' and '.join([*inputs, *numbers])}" if inputs or numbers else ""
    return (
        f"The first {kind} is in {program.names[equation.out]} ({equation.stage}), "
        f"made by {equation.primitive.name}{of}."
    )


def _range(value: Any) -> str:
    array = np.asarray(value)
    low, high = array.min(initial=np.inf), array.max(initial=-np.inf)
    return f"= {low:.4g}" if array.ndim == 0 else f"in [{low:.4g}, {high:.4g}]"

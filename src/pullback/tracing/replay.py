"""Running a program's equations one by one, on numbers or into a surrounding trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..primitive import Literal
from ..program import Program, Var
from .traced import TracedArray


def replay(
    program: Program, inputs: Mapping[Var, Any], known: Mapping[Var, Any] | None = None
) -> list[Any]:
    """The outputs of a program.

    Args:
        program: A program whose axes have the lengths of the inputs.
        inputs: A number, array or traced value per input; captured arrays may be left out.
        known: Values of variables that need not be computed again.

    Returns:
        One value per output: arrays, or traced values of the innermost trace among the inputs.
    """
    values = replay_values(program, {**(known or {}), **inputs})
    return [atom.value if isinstance(atom, Literal) else values[atom] for atom in program.outputs]


def replay_values(program: Program, given: Mapping[Var, Any]) -> dict[Var, Any]:
    """The value of every variable of a program.

    Args:
        program: A program whose axes have the lengths of the inputs.
        given: A value per input, and of other variables that need not be computed again.

    Returns:
        Arrays, or traced values of the innermost trace among the inputs.
    """
    values: dict[Var, Any] = {**program.defaults, **given}
    traced = [v.builder for v in values.values() if isinstance(v, TracedArray)]
    builder = max(traced, key=lambda candidate: candidate.serial, default=None)

    if builder is not None:
        builder.conventions.update(dict.fromkeys(program.conventions))

    def value_of(atom: Any) -> Any:
        return atom.value if isinstance(atom, Literal) else values[atom]

    for equation in program.equations:
        if equation.out in values:
            continue
        operands = [value_of(atom) for atom in equation.inputs]
        if builder is None:
            values[equation.out] = equation.primitive.evaluate(*operands, **equation.params)
        else:
            out = equation.out
            name = out.hint if out.named else None
            hint = None if out.cotangent_of else name
            with builder.in_stage(equation.stage):
                bound = builder.bind(equation.primitive, operands, equation.params, hint)
            if out.cotangent_of:
                builder.mark_cotangent(bound.atom, out.cotangent_of, name)
            values[out] = bound
    return values

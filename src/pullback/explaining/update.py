"""The update rule of a training step as a program of its own."""

from __future__ import annotations

from types import MappingProxyType

from ..program import UPDATE, Argument, Program, Var
from ..transforms.vjp import tuple_of
from ..trees import LEAF


def update_of(step: Program) -> Program | None:
    """The update of a training step: (gradients, parameters, numbers) -> new values.

    Args:
        step: A program whose last equations are of the stage "update".

    Returns:
        A program of these equations alone; None where there are none.
    """
    equations = tuple(equation for equation in step.equations if equation.stage == UPDATE)
    made = {equation.out for equation in equations}
    results = [
        (atom, name)
        for atom, name in zip(step.outputs, step.output_names, strict=True)
        if atom in made
    ]
    if not results:
        return None
    read = dict.fromkeys(
        atom
        for equation in equations
        for atom in equation.inputs
        if isinstance(atom, Var) and atom not in made
    )
    given = [var for var in read if var not in step.defaults]
    varying = {var: step.defaults[var] for var in read if var in step.defaults}
    return Program(
        name="update",
        inputs=(*given, *varying),
        equations=equations,
        outputs=tuple(atom for atom, _ in results),
        arguments=tuple(Argument(step.names[var], LEAF) for var in given),
        result=tuple_of(len(results)),
        output_names=tuple(name for _, name in results),
        defaults=MappingProxyType(varying),
    )

"""The update rule of a training step, and the gradients that it reads, as a program of its own."""

from __future__ import annotations

from types import MappingProxyType

from ..dims import Dim, Dimension
from ..program import UPDATE, Argument, Equation, Program, Var
from ..transforms.vjp import tuple_of
from ..trees import LEAF


def update_of(step: Program) -> Program | None:
    """The update of a training step: (error signals, parameters, numbers) -> new values.

    Args:
        step: A program whose last equations are of the stage "update".

    Returns:
        A program of the last line of each gradient, which sums over the samples, and of the
        update; None where there is no update.
    """
    equations = _with_gradients(step)
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
    # In the step's order, so that of two inputs of one name the same keeps it.
    inputs = [var for var in step.inputs if var in read]
    given = [var for var in dict.fromkeys([*inputs, *read]) if var not in step.defaults]
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


def samples_axis(update: Program) -> str | None:
    """The named axis that no new value has: that of the samples; None where it is not clear."""
    kept = {axis for atom in update.outputs for dim in atom.aval.shape for axis in _axes(dim)}
    others = [axis for axis in update.axes if axis not in kept]
    return others[0] if len(others) == 1 else None


def _axes(dim: Dimension) -> frozenset[str]:
    return dim.axes if isinstance(dim, Dim) else frozenset()


def _with_gradients(step: Program) -> tuple[Equation, ...]:
    """The equations of the update, and those of each gradient back to the next named values."""
    producers = {equation.out: equation for equation in step.equations}
    chosen = {e.out for e in step.equations if e.stage == UPDATE}
    read = {atom for out in chosen for atom in producers[out].inputs}
    pending = [producers[atom] for atom in read if isinstance(atom, Var) and atom.cotangent_of]
    while pending:
        equation = pending.pop()
        chosen.add(equation.out)
        pending += [
            producers[atom]
            for atom in equation.inputs
            if isinstance(atom, Var) and atom in producers and not atom.named
        ]
    return tuple(equation for equation in step.equations if equation.out in chosen)

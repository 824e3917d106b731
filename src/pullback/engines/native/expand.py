"""Composite operations as equations of simple ones, by tracing their own NumPy expressions.

What `softmax` or `gelu` means is the NumPy expression that it is written as. Run on traced
values, that expression gives the equations from which loops are made, so there is no second
formula, and softmax and log-softmax of the same logits share their exponentials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import PullbackError
from ...primitive import Literal, Primitive
from ...program import Argument, Program
from ...tracing.builder import Builder
from ...transforms import simplify
from ...trees import LEAF
from . import NotCompilable
from .spelling import SPELLED_OUT

MOST_LEVELS = 8
"""How deep operations may be made of others that are made of others."""


def expanded(program: Program, is_simple: Callable[[Primitive], bool]) -> Program:
    """The program with each operation that is not simple replaced by what it is written as.

    Args:
        program: Any program.
        is_simple: Whether an operation needs no replacing.

    Returns:
        A program of the same inputs (one argument each) and outputs, without repeated work.

    Raises:
        NotCompilable: When an operation is neither simple nor made of simple ones; the error
            names the equation.
    """
    for _ in range(MOST_LEVELS):
        program = _once(program, is_simple)
        if all(is_simple(equation.primitive) for equation in program.equations):
            return simplify(program, identities=())
    wrong = next(e for e in program.equations if not is_simple(e.primitive))
    raise NotCompilable(
        f"{program.names[wrong.out]} = {wrong.primitive.name}(...) cannot be compiled: there are "
        "no loops for it."
    )


def _once(program: Program, is_simple: Callable[[Primitive], bool]) -> Program:
    """Each operation replaced by what it is written as."""
    builder = Builder(name_values=False)
    values: dict[Any, Any] = {}
    for var in program.inputs:
        values[var] = builder.wrap(builder.add_input(var.aval, program.names[var]))
    for equation in program.equations:
        operands = [
            atom.value if isinstance(atom, Literal) else values[atom] for atom in equation.inputs
        ]
        name = program.names[equation.out]
        with builder.in_stage(equation.stage):
            try:
                value = _applied(builder, equation.primitive, operands, equation.params, is_simple)
            except (PullbackError, TypeError, ValueError) as error:
                raise NotCompilable(
                    f"{name} = {equation.primitive.name}(...) cannot be compiled: {error}"
                ) from error
        value = builder.wrap(builder.atom(value))
        builder.suggest(value.atom, name)
        values[equation.out] = value
    outputs = [atom if isinstance(atom, Literal) else values[atom].atom for atom in program.outputs]
    arguments = [Argument(program.names[var], LEAF) for var in program.inputs]
    names = [None] * len(outputs)
    whole, _ = builder.finish(program.name, outputs, arguments, program.result, names)
    return whole


def _applied(
    builder: Builder, primitive: Primitive, operands: list[Any], params: Any, is_simple: Any
) -> Any:
    if is_simple(primitive):
        return builder.bind(primitive, operands, params)
    before = len(builder.equations)
    spelled_out = SPELLED_OUT.get(primitive.name)
    if spelled_out is None:
        value = primitive.evaluate(*operands, **params)
    else:
        value = spelled_out(*operands, **params)
    if any(equation.primitive is primitive for equation in builder.equations[before:]):
        raise NotCompilable("there are no loops for it.")
    return value

"""Parts of emitted NumPy source: an equation, the body of a function, the line of a value."""

from __future__ import annotations

import ast
from typing import Any

from ..dims import Dim
from ..formula import Manner, layout, plain
from ..formula.build import symbol
from ..primitive import Literal, Source, text_of_constant
from ..program import Equation, Program, Var
from ..views.equations import equations


def equation_source(program: Program, equation: Equation) -> str:
    """An equation as one assignment: h_relu = np.maximum(h, 0). Axes stand by their names."""
    arguments = [
        atom.source() if isinstance(atom, Literal) else Source(program.names[atom])
        for atom in equation.inputs
    ]
    expression = equation.primitive.emit(arguments, equation.params, _text_of)
    return f"{program.names[equation.out]} = {expression.text}"


def _text_of(value: Any) -> str:
    if isinstance(value, Dim):
        return str(value)
    if isinstance(value, tuple) and any(isinstance(item, Dim) for item in value):
        inner = ", ".join(map(_text_of, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return text_of_constant(value)


def body_of(program: Program) -> str:
    """What a program's function does: its lines, or the expression alone if it is one."""
    text = program.to_numpy()
    statements = _function(text).body[1:]
    lines = text.splitlines()[statements[0].lineno - 1 :]
    body = "\n".join(line.removeprefix("    ") for line in lines)
    return body.removeprefix("return ") if len(statements) == 1 else body


def formula_text(program: Program) -> str:
    """What a program with one result computes, as mathematics in Unicode."""
    lines = equations(program)
    if not lines:
        (var,) = program.outputs
        assert isinstance(var, Var)
        name = var.cotangent_of or program.names[var]
        return plain(layout(symbol(name, var.aval.shape, bar=bool(var.cotangent_of)), Manner()).box)
    *before, result = lines
    return "; ".join([*(line.text() for line in before), result.text_sides()[2]])


def assigned_lines(text: str) -> dict[str, int]:
    """The line, from 1, on which an emitted function assigns each of its names."""
    assigned = (node for node in _function(text).body if isinstance(node, ast.Assign))
    return {ast.unparse(node.targets[0]): node.lineno for node in assigned}


def function_text(text: str) -> str:
    """The function of an emitted module, without imports, helpers and captured arrays."""
    return "\n".join(text.splitlines()[_function(text).lineno - 1 :])


def _function(text: str) -> ast.FunctionDef:
    """The function itself, which stands behind the helpers that it needs."""
    *_, function = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    return function

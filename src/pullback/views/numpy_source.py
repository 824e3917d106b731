"""Program -> NumPy source that reads as a careful person would write it.

Values that the user's code named, and their cotangents, get a line each; a value used once
moves into the line that uses it. The text is the same on every run, holds no line numbers or
paths, and needs NumPy alone: what NumPy lacks stands above the function as a short helper.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..avals import Aval, dtype_code
from ..primitive import text_of_constant
from ..program import Atom, Program, Var, unique_names
from ..trees import Structure
from .lines import LONGEST_LINE, Lines

LARGEST_WRITTEN_ARRAY = 100
"""Captured arrays with more entries are parameters without a default."""

_UNTYPED = re.compile(r"  # type: ignore\[no-untyped-(def|call)\]")
"""Marks for our own type checker, which nobody else needs to read."""


def to_numpy(program: Program) -> str:
    """The program as the text of a Python module with one public function."""
    return _Printer(program).module()


class _Printer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.lines = Lines(program)
        self.names = self.lines.names

    def module(self) -> str:
        """Imports, captured arrays, helpers, the function."""
        body = self._body()
        parts = ["import numpy as np\n", *self._helpers(), *self._captured_arrays()]
        parts.append("\n".join([self._signature(), self._docstring(), *body]) + "\n")
        return "\n\n".join(part for part in parts)

    def _body(self) -> list[str]:
        stages = {equation.stage for equation in self.lines.equations}
        lines: list[tuple[str, str]] = []
        stage = ""
        for equation, source in self.lines.written():
            if equation.stage != stage and len(stages) > 1:
                stage = equation.stage
                lines.append((f"    # {stage}", ""))
            lines.append(
                (f"    {self.names[equation.out]} = {source.text}", equation.out.aval.shape_text)
            )
        lines += [(line, "") for line in self._return_lines()]
        return _with_margin(lines)

    # The frame.

    def _signature(self) -> str:
        parameters = []
        for var in self.program.inputs:
            name = self.names[var]
            if var.aval.weak and var in self.program.defaults:
                parameters.append(f"{name}={text_of_constant(self.program.defaults[var])}")
                continue
            parameters.append(f"{name}={name}" if self._written(var) else name)
        head = f"def {function_name(self.program)}("
        line = f"{head}{', '.join(parameters)}):"
        if len(line) <= LONGEST_LINE:
            return line
        rows = textwrap.wrap(", ".join(parameters), LONGEST_LINE - 4)
        return "\n".join([head, *(f"    {row}" for row in rows), "):"])

    def _docstring(self) -> str:
        inputs = [f"{self.names[var]}: {_aval_text(var)}" for var in self.program.inputs]
        lines = textwrap.wrap("; ".join(inputs) + ".", LONGEST_LINE - 4)
        for convention in self.program.conventions:
            lines += textwrap.wrap(f"Kink of {convention}.", LONGEST_LINE - 4)
        if len(lines) == 1 and len(lines[0]) <= LONGEST_LINE - 10:
            return f'    """{lines[0]}"""'
        return "\n".join([f'    """{lines[0]}', *(f"    {line}" for line in lines[1:]), '    """'])

    def _return_lines(self) -> list[str]:
        leaves = iter(self.program.outputs)
        text = _container(self.program.result, leaves, lambda atom: self.lines.atom(atom).text)
        if self.program.result.kind == "tuple" and len(self.program.outputs) > 1:
            text = text.removeprefix("(").removesuffix(")")
        line = f"    return {text}"
        result = self.program.result
        if len(line) <= LONGEST_LINE or result.kind != "dict":
            return [line]
        leaves = iter(self.program.outputs)
        parts = (
            _container(child, leaves, lambda atom: self.lines.atom(atom).text)
            for child in result.children
        )
        items = zip(result.keys, parts, strict=True)
        return ["    return {", *(f"        {key!r}: {part}," for key, part in items), "    }"]

    def _helpers(self) -> Iterator[str]:
        seen = set()
        for equation in self.program.equations:
            for helper in equation.primitive.helpers:
                if helper not in seen:
                    seen.add(helper)
                    text = inspect.getsource(helper)
                    yield _UNTYPED.sub("", text)

    def _captured_arrays(self) -> Iterator[str]:
        lines = [
            f"{self.names[var]} = {_array_text(value)}"
            for var, value in self.program.defaults.items()
            if self._written(var)
        ]
        if lines:
            yield "\n".join(lines) + "\n"

    def _written(self, var: Var) -> bool:
        value = self.program.defaults.get(var)
        return isinstance(value, np.ndarray) and value.size <= LARGEST_WRITTEN_ARRAY


def _array_text(value: Any) -> str:
    dtype = text_of_constant(value.dtype)
    if value.size == 0:
        return f"np.zeros({text_of_constant(value.shape)}, dtype={dtype})"
    return f"np.array({_list_text(value)}, dtype={dtype})"


def _list_text(value: Any) -> str:
    """Nested lists of numbers as Python text; infinities and NaN by their NumPy names."""
    if np.ndim(value):
        return f"[{', '.join(map(_list_text, value))}]"
    return text_of_constant(value[()])


def function_name(program: Program) -> str:
    """The name of the emitted function: the program's, made a name of its own."""
    plain = program.name.replace("<lambda>", "f")
    hint = "".join(c for c in plain if c.isalnum() or c == "_")
    hint = hint if hint.isidentifier() else f"f_{hint}"
    var = Var(Aval(np.dtype(float)), hint, named=True)
    return unique_names([var], program.helper_names)[var]


def _aval_text(var: Var) -> str:
    if var.aval.weak:
        return str(var.aval)
    return f"{dtype_code(var.aval.dtype)} {var.aval.shape_text}"


def _with_margin(lines: list[tuple[str, str]]) -> list[str]:
    """The lines with their shapes in one column to the right."""
    longest = [len(code) for code, margin in lines if margin and len(code) <= LONGEST_LINE - 20]
    width = max(longest, default=0)
    return [f"{code:<{width}}  # {margin}" if margin else code for code, margin in lines]


def _container(structure: Structure, leaves: Iterator[Atom], text_of: Any) -> str:
    if structure.kind == "leaf":
        return str(text_of(next(leaves)))
    parts = [_container(child, leaves, text_of) for child in structure.children]
    if structure.kind == "dict":
        items = (f"{key!r}: {part}" for key, part in zip(structure.keys, parts, strict=True))
        return "{" + ", ".join(items) + "}"
    if structure.kind == "list":
        return f"[{', '.join(parts)}]"
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"

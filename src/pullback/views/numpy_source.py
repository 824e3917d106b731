"""Program -> NumPy source that reads as a careful person would write it.

Values that the user's code named, and their cotangents, get a line each; a value used once
moves into the line that uses it. The text is the same on every run, holds no line numbers or
paths, and needs NumPy alone: what NumPy lacks stands above the function as a short helper.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..avals import Aval, dtype_code
from ..primitive import text_of_constant
from ..program import Program, Var, unique_names
from ..trees import LEAF, Structure, format_path
from .lines import LONGEST_LINE, Lines

LARGEST_WRITTEN_ARRAY = 100
"""Captured arrays with more entries are parameters without a default."""

_UNTYPED = re.compile(r"  # type: ignore\[no-untyped-(def|call)\]")
"""Marks for our own type checker, which nobody else needs to read."""


def to_numpy(program: Program) -> str:
    """The program as the text of a Python module with one public function."""
    printer = FunctionPrinter(program)
    captured = [f"{printer.names[var]} = {array_text(value)}" for var, value in printer.written()]
    arrays = ["\n".join(captured) + "\n"] if captured else []
    return "\n\n".join(["import numpy as np\n", *helpers_of(program), *arrays, printer.function()])


@dataclass(frozen=True)
class Frame:
    """What a printed function shares with the rest of its module.

    Attributes:
        name: The function's name; the program's own where it is empty.
        taken: Names of the module, which its values must not have.
        captured: The module's name of each captured array that it holds; None where it holds the
            small ones, under the names that they have in the function.
        containers: Whether the parameters are those of the traced function (params) rather than
            their leaves (W1, b1).
    """

    name: str = ""
    taken: frozenset[str] = frozenset()
    captured: Mapping[Var, str] | None = None
    containers: bool = False


class FunctionPrinter:
    """Prints one program as one function.

    Args:
        program: Any program.
        frame: What it shares with its module.
    """

    def __init__(self, program: Program, frame: Frame | None = None) -> None:
        self.program = program
        self.frame = frame or Frame()
        wholes = [a for a in program.arguments if self.frame.containers and a.structure != LEAF]
        taken = self.frame.taken | program.helper_names
        hints = [Var(Aval(np.dtype(float)), argument.name, named=True) for argument in wholes]
        named = unique_names(hints, taken)
        self.wholes = {a.name: named[hint] for a, hint in zip(wholes, hints, strict=True)}
        self.lines = Lines(program, self.frame.taken | set(self.wholes.values()))
        self.names = self.lines.names

    def function(self) -> str:
        """Signature, docstring and body."""
        body = self._body()
        parts = [self._signature(), self._docstring(), *self._unpacking(), *body]
        return "\n".join(parts) + "\n"

    def written(self) -> list[tuple[Var, Any]]:
        """The captured arrays that stand in the module, with their values."""
        return [item for item in self.program.defaults.items() if self._written(item[0])]

    def parameters(self) -> list[str]:
        """The names of the parameters without a default."""
        names, leaves = [], iter(self.program.argument_inputs)
        for argument in self.program.arguments:
            inner = [self.names[next(leaves)] for _ in range(argument.structure.size)]
            whole = self.wholes.get(argument.name)
            names += inner if whole is None else [whole]
        return names

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
        parameters = [*self.parameters(), *map(self._captured_parameter, self.program.defaults)]
        head = f"def {self.frame.name or function_name(self.program)}("
        line = f"{head}{', '.join(parameters)}):"
        if len(line) <= LONGEST_LINE:
            return line
        rows = textwrap.wrap(", ".join(parameters), LONGEST_LINE - 4)
        return "\n".join([head, *(f"    {row}" for row in rows), "):"])

    def _captured_parameter(self, var: Var) -> str:
        name = self.names[var]
        if var.aval.weak:
            return f"{name}={text_of_constant(self.program.defaults[var])}"
        held = (self.frame.captured or self.names)[var] if self._written(var) else None
        return name if held is None else f"{name}={held}"

    def _unpacking(self) -> list[str]:
        """Lines that take the leaves out of containers: W1 = params["W1"]."""
        leaves, lines = iter(self.program.argument_inputs), []
        for argument in self.program.arguments:
            for path in argument.structure.paths():
                var, whole = next(leaves), self.wholes.get(argument.name)
                if whole is not None:
                    lines.append(f"    {self.names[var]} = {format_path(whole, path)}")
        return lines

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
        text = container_text(self.program.result, leaves, lambda atom: self.lines.atom(atom).text)
        if self.program.result.kind == "tuple" and len(self.program.result.children) > 1:
            text = text.removeprefix("(").removesuffix(")")
        line = f"    return {text}"
        result = self.program.result
        if len(line) <= LONGEST_LINE or result.kind != "dict":
            return [line]
        leaves = iter(self.program.outputs)
        parts = (
            container_text(child, leaves, lambda atom: self.lines.atom(atom).text)
            for child in result.children
        )
        items = zip(result.keys, parts, strict=True)
        return ["    return {", *(f"        {key!r}: {part}," for key, part in items), "    }"]

    def _written(self, var: Var) -> bool:
        value = self.program.defaults[var]
        if self.frame.captured is not None:
            return var in self.frame.captured
        return isinstance(value, np.ndarray) and value.size <= LARGEST_WRITTEN_ARRAY


def helpers_of(*programs: Program) -> list[str]:
    """The source of each function that programs need beside NumPy, once."""
    equations = [equation for program in programs for equation in program.equations]
    helpers = dict.fromkeys(helper for e in equations for helper in e.primitive.helpers)
    return list(map(helper_text, helpers))


def helper_text(helper: Callable[..., Any]) -> str:
    """The source of such a function, without marks for our type checker."""
    return _UNTYPED.sub("", inspect.getsource(helper))


def array_text(value: Any) -> str:
    """An array as NumPy source, exactly."""
    dtype = text_of_constant(value.dtype)
    if value.size == 0:
        return f"np.zeros({text_of_constant(value.shape)}, dtype={dtype})"
    return f"np.array({_list_text(value)}, dtype={dtype})"


def _list_text(value: Any) -> str:
    """Nested lists of numbers as Python text; infinities and NaN by their NumPy names."""
    if np.ndim(value):
        return f"[{', '.join(map(_list_text, value))}]"
    return text_of_constant(value[()])


def function_name(program: Program, taken: Set[str] = frozenset()) -> str:
    """The name of the emitted function: the program's, made a name of its own."""
    plain = program.name.replace("<lambda>", "f")
    hint = "".join(c for c in plain if c.isalnum() or c == "_")
    hint = hint if hint.isidentifier() else f"f_{hint}"
    var = Var(Aval(np.dtype(float)), hint, named=True)
    return unique_names([var], program.helper_names | taken)[var]


def _aval_text(var: Var) -> str:
    if var.aval.weak:
        return str(var.aval)
    return f"{dtype_code(var.aval.dtype)} {var.aval.shape_text}"


def _with_margin(lines: list[tuple[str, str]]) -> list[str]:
    """The lines with their shapes in one column to the right."""
    longest = [len(code) for code, margin in lines if margin and len(code) <= LONGEST_LINE - 20]
    width = max(longest, default=0)
    return [f"{code:<{width}}  # {margin}" if margin else code for code, margin in lines]


def container_text(
    structure: Structure, leaves: Iterator[Any], text_of: Callable[[Any], str] = str
) -> str:
    """A container as source, each leaf as its text."""
    if structure.kind == "leaf":
        return text_of(next(leaves))
    parts = [container_text(child, leaves, text_of) for child in structure.children]
    if structure.kind == "dict":
        items = (f"{key!r}: {part}" for key, part in zip(structure.keys, parts, strict=True))
        return "{" + ", ".join(items) + "}"
    if structure.kind == "list":
        return f"[{', '.join(parts)}]"
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"

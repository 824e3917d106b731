"""Program -> one Python file that needs NumPy alone: forward, backward, and a check of itself.

Run as a script, the file compares its backward pass with differences of its forward pass.
"""

from __future__ import annotations

import base64
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from ..errors import UsageError
from ..program import FORWARD, Origin, Program, Var, unique_names
from ..tracing.replay import replay
from ..transforms import gradient_program, vjp_program
from ..transforms.retype import specialize
from ..trees import LEAF, Path, Structure, leaves_in
from . import selfcheck
from .lines import LONGEST_LINE
from .numpy_source import (
    LARGEST_WRITTEN_ARRAY,
    Frame,
    FunctionPrinter,
    array_text,
    container_text,
    function_name,
    helpers_of,
)
from .samples import axis_sizes, sample_texts

OWN_NAMES = ("example_inputs", "decoded", "random", "paths", "sys", "base64", "TOLERANCE", "STEPS")
"""What else a file calls something."""

ROUGH = "TOLERANCE = 1e-2\nSTEPS = (3e-1, 1e-1, 3e-2, 1e-2)\n"
"""What a check can tell where numbers pass through float32, whatever the inputs are."""


class Both(NamedTuple):
    """A forward program, its backward program, and how the second came from the first."""

    forward: Program
    backward: Program
    origin: Origin


def standalone(program: Program, example: Mapping[str, Any] | None = None, remark: str = "") -> str:
    """The text of a Python file with a forward pass, its backward pass and their check.

    Args:
        program: A gradient or VJP program, whose forward pass is the one it was derived from; or
            a forward program, which is differentiated with respect to all floating arguments:
            its gradient where it returns one floating number, else its VJP.
        example: By argument name, values like those that the forward pass is meant for.
        remark: A sentence for those who read the file.

    Raises:
        UsageError: When there is no floating argument or result, or no inputs to check at.
    """
    return _File(forward_and_backward(program), example).text(remark)


def forward_and_backward(program: Program) -> Both:
    """A program and the one that it was derived from, or that is derived from it."""
    if program.origin is not None:
        return Both(program.origin.program, program, program.origin)
    if any(equation.stage != FORWARD for equation in program.equations):
        raise UsageError(
            f"{program.name} holds a backward pass and does not know any more what it was derived "
            "from, as it was read from a file or traced; derive it again from the forward program."
        )
    wrt = [var for var in program.argument_inputs if var.aval.is_float]
    backward = backward_of(program, wrt, _gradients_of(program))
    assert backward.origin is not None
    return Both(program, backward, backward.origin)


def backward_of(program: Program, wrt: Sequence[Var], result: Structure) -> Program:
    """The gradient of a program that returns one floating number, else its VJP.

    Raises:
        UsageError: When nothing floating goes in or comes out.
    """
    if not wrt or not any(atom.aval.is_float for atom in program.outputs):
        raise UsageError(
            f"{program.name} has no floating argument and result, so it has no backward pass."
        )
    is_loss = program.result == LEAF and program.outputs[0].aval.shape == ()
    derive = gradient_program if is_loss else vjp_program
    return derive(program, wrt, result=result)


def _gradients_of(program: Program) -> Structure:
    """A tuple with the gradient of each argument that is floating."""
    parts, leaves = [], iter(program.argument_inputs)
    for argument in program.arguments:
        floating = [next(leaves).aval.is_float for _ in range(argument.structure.size)]
        parts += [argument.structure] if floating and all(floating) else [LEAF] * sum(floating)
    return Structure("tuple", tuple(range(len(parts))), tuple(parts))


class _File:
    def __init__(self, both: Both, example: Mapping[str, Any] | None) -> None:
        self.both = both
        self.example = None if example is None else _leaves(both.forward, example)
        programs = (both.forward, both.backward)
        checks = {function.__name__ for function in _check_functions()}
        helpers = both.forward.helper_names | both.backward.helper_names
        taken = frozenset({*helpers, *checks, *OWN_NAMES})
        self.forward_name = function_name(both.forward, taken)
        self.backward_name = function_name(both.backward, taken | {self.forward_name})
        arrays = dict.fromkeys(var for p in programs for var in p.defaults if not var.aval.weak)
        functions = {self.forward_name, self.backward_name}
        self.captured = unique_names(arrays, taken | functions)
        self.helpers = frozenset(helpers)
        self.forward = self._printer(both.forward, self.forward_name)
        self.backward = self._printer(both.backward, self.backward_name)

    def _printer(self, program: Program, name: str) -> FunctionPrinter:
        return FunctionPrinter(program, Frame(name, self.helpers, self.captured, containers=True))

    def text(self, remark: str) -> str:
        """The parts of the file, in order."""
        arrays = self._arrays()
        decodes = any("decoded(" in array for array in arrays)
        parts = [
            self._head("import base64\n" if decodes else "", remark),
            *helpers_of(self.both.forward, self.both.backward),
            *([inspect.getsource(selfcheck.decoded)] if decodes else []),
            *(["\n".join(arrays) + "\n"] if arrays else []),
            self.forward.function(),
            self.backward.function(),
            self._constants(),
            *map(inspect.getsource, _check_functions()),
            self._example_inputs(),
            self._script(),
        ]
        return "\n\n".join(parts)

    def _head(self, imports: str, remark: str) -> str:
        sentences = [
            f"{self.forward_name} and its backward pass {self.backward_name}, in NumPy alone.",
            f"Run this file to check {self.backward_name} against differences of "
            f"{self.forward_name}: it prints a table and ends with 0 where it is right, else 1.",
        ]
        paragraphs = filter(None, [*sentences, remark])
        told = "\n\n".join(textwrap.fill(each, LONGEST_LINE) for each in paragraphs)
        return f'"""{told}\n"""\n\n{imports}import sys\n\nimport numpy as np\n'

    def _arrays(self) -> list[str]:
        values = {**self.both.backward.defaults, **self.both.forward.defaults}
        return [f"{name} = {_array(values[var])}" for var, name in self.captured.items()]

    def _constants(self) -> str:
        rough = any(map(_is_rough, (*self.both.forward.equations, *self.both.backward.equations)))
        exact = f"TOLERANCE = {selfcheck.TOLERANCE}\nSTEPS = {selfcheck.STEPS}\n"
        return "# The check of the above.\n\n" + (ROUGH if rough else exact)

    def _example_inputs(self) -> str:
        texts = sample_texts(self.both.forward, self.example, self._is_fit)
        leaves = iter(texts)
        lines = [
            "def example_inputs(random):",
            '    """Inputs to check at."""',
            "    return {",
        ]
        for name, structure in self._parameters():
            lines.append(f"        {name!r}: {container_text(structure, leaves)},")
        return "\n".join([*lines, "    }"]) + "\n"

    def _parameters(self) -> Iterator[tuple[str, Structure]]:
        names = self.forward.parameters()
        for name, argument in zip(names, self.both.forward.arguments, strict=True):
            yield name, argument.structure

    def _is_fit(self, values: Sequence[Any]) -> bool:
        """Whether forward and backward are finite at these inputs."""
        sizes = axis_sizes(self.both.forward, self.example)
        backward = specialize(self.both.backward, sizes)
        cotangents = backward.argument_inputs[len(values) :]
        shapes: list[Any] = [var.aval.shape for var in cotangents]
        ones = list(map(np.ones, shapes))
        given = dict(zip(backward.argument_inputs, [*values, *ones], strict=True))
        forward = specialize(self.both.forward, sizes)
        inputs = dict(zip(forward.argument_inputs, values, strict=True))
        try:
            with np.errstate(all="ignore"):
                results = [*replay(forward, inputs), *replay(backward, given)]
        except (ArithmeticError, ValueError, IndexError):
            return False
        return all(bool(np.all(np.isfinite(result))) for result in results)

    def _script(self) -> str:
        arguments = [
            self.forward_name,
            self.backward_name,
            "example_inputs(random)",
            "paths",
            repr(self.backward.parameters()[len(self.forward.parameters()) :]),
            "random",
        ]
        lines = [
            'if __name__ == "__main__":',
            "    random = np.random.default_rng(0)",
            "    paths = {",
        ]
        lines += [f"        {name!r}: {path}," for name, path in self._paths()]
        return "\n".join([*lines, "    }", f"    sys.exit(check({', '.join(arguments)}))"]) + "\n"

    def _paths(self) -> Iterator[tuple[str, Path]]:
        """How the inputs lead to each variable that backward differentiates by."""
        leaves = iter(self.both.forward.argument_inputs)
        places: dict[Var, Path] = {}
        for name, structure in self._parameters():
            places |= {next(leaves): (name, *path) for path in structure.paths()}
        for var in self.both.origin.wrt:
            yield self.forward.names[var], places[var]


def _leaves(program: Program, example: Mapping[str, Any]) -> dict[Var, Any]:
    """The example's value of each argument input."""
    leaves: list[Any] = []
    for argument in program.arguments:
        if argument.name not in example:
            raise UsageError(f"The example has no value for {argument.name!r}.")
        found = leaves_in(argument.structure, example[argument.name])
        if found is None:
            raise UsageError(f"The example of {argument.name!r} has another structure.")
        leaves += found
    for var, leaf in zip(program.argument_inputs, leaves, strict=True):
        if np.ndim(leaf) != var.aval.ndim:
            raise UsageError(
                f"The example of {var.hint} has shape {np.shape(leaf)}, "
                f"the program expects {var.aval.shape_text}."
            )
    return dict(zip(program.argument_inputs, leaves, strict=True))


def _check_functions() -> list[Any]:
    """The functions of the check, in the order in which they stand in their module."""
    functions = [f for f in vars(selfcheck).values() if isinstance(f, FunctionType)]
    return [function for function in functions if function is not selfcheck.decoded]


def _array(value: Any) -> str:
    """An array as source: its numbers where they are few, else its bytes."""
    if value.size <= LARGEST_WRITTEN_ARRAY:
        return array_text(value)
    dtype = value.dtype.newbyteorder("<")
    text = base64.b64encode(np.ascontiguousarray(value, dtype).tobytes()).decode("ascii")
    rows = "\n".join(f'    "{row}"' for row in textwrap.wrap(text, LONGEST_LINE - 6))
    return f"decoded(\n{rows},\n    {dtype.str!r},\n    {value.shape},\n)"


def _is_rough(equation: Any) -> bool:
    """Whether it rounds a floating value to less than double precision."""
    narrow = any(
        isinstance(param, np.dtype) and param.kind == "f" and param.itemsize < 8
        for param in equation.params.values()
    )
    return narrow and any(atom.aval.is_float for atom in equation.inputs)

"""What is explained: a function at given values, the derivation of its backward pass, every number.

The terminal, the page and the stepper read one such value, so nothing is derived twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..differentiate import Wrt, named_inputs, wanted_arguments
from ..dims import axis_lengths, evaluate
from ..engines.binding import Signature
from ..errors import UsageError
from ..jacobians.point import at_point
from ..lazy import cached_property
from ..program import Atom, Program, Var
from ..transforms import Derivation, derive, gradient_program, vjp_program
from ..trees import flatten
from ..views.lines import Lines
from .source import assigned_lines


@dataclass(frozen=True, eq=False)
class Subject:
    """A program at given values, and the backward pass derived for it.

    Attributes:
        forward: The program that is differentiated; named axes keep their names.
        wrt: Its inputs that gradients are derived for.
        inputs: A number or array for each of its inputs.
        cotangents: What enters at each floating output; None where the first output is a loss,
            whose cotangent is 1.
        random_cotangents: Whether those were drawn at random, as nobody gave them.
        step: A whole training step with its update rule, where there is one.
    """

    forward: Program
    wrt: tuple[Var, ...]
    inputs: Mapping[Var, Any]
    cotangents: tuple[Any, ...] | None = None
    random_cotangents: bool = False
    step: Program | None = None

    def __repr__(self) -> str:
        return f"<Subject {self.forward.name} for {', '.join(map(self.name, self.wrt))}>"

    @cached_property
    def derivation(self) -> Derivation:
        """How the backward pass comes about, one equation at a time, not simplified."""
        return derive(self.forward, self.wrt, seeded=self.cotangents is None)

    @cached_property
    def gradient(self) -> Program:
        """The simplified program of the gradients: behind the loss, or from the cotangents."""
        if self.cotangents is None:
            return gradient_program(self.forward, self.wrt, with_value=True)
        return vjp_program(self.forward, self.wrt)

    @cached_property
    def source(self) -> str:
        """The gradient as NumPy source."""
        return self.gradient.to_numpy()

    @cached_property
    def signal_lines(self) -> dict[str, int]:
        """The line of `source`, from 1, that assigns the error signal of a value, by its name.

        Error signals that are part of another line have none.
        """
        lines, written = assigned_lines(self.source), Lines(self.gradient)
        outs = [equation.out for equation in written.equations if equation.out.cotangent_of]
        return {out.cotangent_of: lines[written.names[out]] for out in outs}

    @cached_property
    def values(self) -> dict[Var, Any]:
        """The number or array behind every variable of `derivation.program`."""
        return self.values_of(self.derivation)

    def values_of(self, derivation: Derivation) -> dict[Var, Any]:
        """The same for another derivation of the same program."""
        given = dict(self.inputs)
        if self.cotangents is not None:
            forward, inputs = self.forward, derivation.program.argument_inputs
            entering = inputs[len(forward.argument_inputs) :]
            given |= dict(zip(entering, self.cotangents, strict=True))
        with np.errstate(all="ignore"):
            return derivation.values(given)

    def value(self, atom: Atom) -> Any:
        """The number or array behind a variable or literal of `derivation.program`."""
        return self.derivation.value_of(atom, self.values)

    def signal(self, var: Var) -> Any:
        """The complete cotangent of a variable of `forward`; None where it has none."""
        cotangent = self.derivation.cotangents.get(var)
        return None if cotangent is None else self.value(cotangent)

    def shape(self, atom: Atom) -> tuple[int, ...]:
        """The shape in numbers, also where the program has named axes."""
        return np.shape(self.value(atom))

    @cached_property
    def lengths(self) -> dict[str, int]:
        """The length of each named axis."""
        return axis_lengths((v.aval.shape, np.shape(value)) for v, value in self.inputs.items())

    def name(self, atom: Atom) -> str:
        """How a variable or literal of `forward` is written."""
        return self.forward.text_of_atom(atom)


def without_lines(program: Program) -> Program:
    """A program of ours: the lines that asked for it are not those that it is made of."""
    equations = tuple(replace(equation, where=None) for equation in program.equations)
    return replace(program, equations=equations)


class _At(NamedTuple):
    program: Program
    inputs: dict[Var, Any]
    wrt: tuple[Var, ...]


def subject_at(
    function: Callable[..., Any] | Program,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    wrt: Wrt = None,
    cotangent: Any = None,
    seed: int = 0,
    step: Program | None = None,
) -> Subject:
    """A function or program at the arguments of a call.

    Args:
        function: A NumPy function; a program; or a gradient program, which stands for what it
            was derived from.
        args: Its arguments.
        kwargs: Arguments by name.
        wrt: Names or positions of arguments; all floating ones when None.
        cotangent: What enters at the result, of its structure and shapes; when None, 1 where the
            (first) result is one floating number, else normal random numbers.
        seed: Of the random numbers.
        step: A training step to show beside it.

    Raises:
        UsageError: When nothing floating goes in or comes out, or the cotangent does not fit.
        TraceError: When the function does what a program cannot record.
        ProgramError: When the arguments do not fit the program.
    """
    at = _at(function, tuple(args), dict(kwargs or {}), wrt)
    cotangents = _cotangents(at, cotangent, seed)
    drawn = cotangents is not None and cotangent is None
    return Subject(at.program, at.wrt, at.inputs, cotangents, drawn, step)


def _at(
    function: Callable[..., Any] | Program,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    wrt: Wrt,
) -> _At:
    if not isinstance(function, Program):
        point = at_point(function, args, kwargs)
        chosen = _floating(point.program)
        if wrt is not None:
            chosen = tuple(point.wanted(wrt).inputs)
        captured = dict(point.program.defaults)
        return _At(point.program, {**captured, **point.inputs}, chosen)
    origin = function.origin if function.origin and function.origin.seeded else None
    program = function if origin is None else origin.program
    flat = Signature(program).flat(args, kwargs)
    inputs = dict(zip(program.inputs, flat, strict=True))
    if wrt is not None:
        return _At(program, inputs, _wanted(program, wrt))
    return _At(program, inputs, _floating(program) if origin is None else origin.wrt)


def _floating(program: Program) -> tuple[Var, ...]:
    return tuple(var for var in program.argument_inputs if var.aval.is_float)


def _wanted(program: Program, wrt: Wrt) -> tuple[Var, ...]:
    by_name = named_inputs(program)
    names, _ = wanted_arguments(wrt, list(by_name))
    chosen = [var for name in names for var in by_name[name][1]]
    for var in chosen:
        if not var.aval.is_float:
            raise UsageError(f"{program.input_paths[var]} is not floating and has no gradient.")
    return tuple(chosen)


def _cotangents(at: _At, cotangent: Any, seed: int) -> tuple[Any, ...] | None:
    """One per floating output; None where 1 enters at a loss."""
    outputs = [atom for atom in at.program.outputs if atom.aval.is_float]
    if not at.wrt or not outputs:
        what = "result" if at.wrt else "argument"
        raise UsageError(f"{at.program.name} has no floating {what}, so it has no gradient.")
    first = at.program.outputs[0]
    if cotangent is None and first.aval.is_float and first.aval.shape == ():
        return None
    shapes = _shapes(at, outputs)
    if cotangent is None:
        random = np.random.default_rng(seed)
        values = [random.normal(size=shape) for shape in shapes]
    else:
        values = _fitting(at.program, cotangent, shapes)
    return tuple(
        np.asarray(value, atom.aval.dtype) for value, atom in zip(values, outputs, strict=True)
    )


def _fitting(program: Program, cotangent: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The cotangents of the floating outputs, when they fit."""
    leaves, structure = flatten(cotangent)
    if structure != program.result:
        raise UsageError("The cotangent must have the structure of the function's result.")
    pairs = zip(leaves, program.outputs, strict=True)
    given = [np.asarray(leaf) for leaf, atom in pairs if atom.aval.is_float]
    for leaf, shape in zip(given, shapes, strict=True):
        if leaf.shape != shape:
            raise UsageError(f"The cotangent has shape {leaf.shape}, the result {shape}.")
    return given


def _shapes(at: _At, outputs: Sequence[Atom]) -> list[tuple[int, ...]]:
    lengths = axis_lengths((v.aval.shape, np.shape(value)) for v, value in at.inputs.items())
    return [tuple(evaluate(dim, lengths) for dim in atom.aval.shape) for atom in outputs]

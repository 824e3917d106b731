"""Which forward values the backward pass reads, and which of its lines read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...dims import Dimension, Shape, format_shape
from ...program import FORWARD, Equation, Program, Var
from ..lines import Lines
from .amounts import bytes_of

RETURN = "return"
"""The line of what a function computes where it returns it."""


@dataclass(frozen=True)
class Residual:
    """A value that must be kept until the backward pass has read it.

    Attributes:
        name: Its name in the source.
        shape: Its shape.
        bytes: What it takes.
        computed: Whether the forward pass computes it; else it is an input, kept anyway.
        readers: The lines of the backward pass that read it: the reason to keep it.
    """

    name: str
    shape: Shape
    bytes: Dimension
    computed: bool
    readers: tuple[str, ...]

    @property
    def why(self) -> str:
        """The reason as words."""
        return f"{', '.join(self.readers)} {'reads' if len(self.readers) == 1 else 'read'} it"

    @property
    def shape_text(self) -> str:
        """The shape as people write it."""
        return format_shape(self.shape)


def residuals(
    program: Program, source: Lines, at: Callable[[Dimension], Dimension]
) -> list[Residual]:
    """The inputs and forward values that equations of later stages read."""
    line_of = lines_of_equations(program, source)
    forward = {e.out for e in program.equations if e.stage == FORWARD}
    known = {*program.inputs, *forward}
    readers: dict[Var, dict[str, None]] = {}
    for equation in program.equations:
        if equation.stage == FORWARD:
            continue
        for atom in equation.inputs:
            if isinstance(atom, Var) and atom in known and not atom.aval.weak:
                readers.setdefault(atom, {}).update(dict.fromkeys(line_of[equation.out]))
    order = (*program.inputs, *(e.out for e in program.equations))
    return [
        Residual(
            source.names.get(var) or program.names[var],
            tuple(at(dim) for dim in var.aval.shape),
            at(bytes_of(var.aval)),
            var in forward,
            tuple(readers[var]),
        )
        for var in order
        if var in readers
    ]


def lines_of_equations(program: Program, source: Lines) -> dict[Var, tuple[str, ...]]:
    """The names of the lines in which each equation is written; "return" for a result's."""
    has_line = {equation.out for equation in source.equations}
    users: dict[Var, list[Equation]] = {}
    for equation in program.equations:
        for atom in equation.inputs:
            if isinstance(atom, Var):
                users.setdefault(atom, []).append(equation)
    found: dict[Var, tuple[str, ...]] = {}
    for equation in reversed(program.equations):
        out = equation.out
        if out in has_line:
            found[out] = (source.names[out],)
            continue
        lines = [name for user in users.get(out, []) for name in found[user.out]]
        lines += [RETURN] if out in program.outputs else []
        found[out] = tuple(dict.fromkeys(lines))
    return found

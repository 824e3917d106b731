"""One key for a value wherever it appears: in source, equations, picture and panel.

A value of the forward pass and its error signal share the key, the value's name in the forward
program; a role tells which of the two is meant. Helper values of the backward pass have keys of
their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...lazy import cached_property
from ...program import FORWARD, Atom, Equation, Program, Var
from ..subject import Subject

VALUE, ERROR, HELPER = "value", "error", "helper"


class Mark(NamedTuple):
    """What an element of the page stands for.

    Attributes:
        key: A name in the forward program, or ~ and a name in the gradient program.
        role: Whether it is the value, its error signal, or a helper value of the backward pass.
    """

    key: str
    role: str


@dataclass(frozen=True, eq=False)
class Keys:
    """The marks of a subject's variables.

    Args:
        subject: What the page is about.
    """

    subject: Subject

    def of(self, var: Var) -> Mark:
        """The mark of a variable of the gradient program (or of the forward program)."""
        forward = self.subject.forward
        var = self.renamed.get(var, var)
        if var in forward.names:
            return Mark(forward.names[var], VALUE)
        if var.cotangent_of in self._forward_names:
            return Mark(var.cotangent_of, ERROR)
        gradient = self.subject.gradient
        name = gradient.names.get(var, var.hint)
        if var.named and name in self._forward_names:
            return Mark(name, VALUE)
        return Mark(f"~{name}", HELPER)

    @cached_property
    def _forward_names(self) -> frozenset[str]:
        return frozenset(self.subject.forward.names.values())

    @cached_property
    def renamed(self) -> dict[Var, Var]:
        """Values of the forward pass that are other variables in the gradient program.

        Where an error signal equals a value, such as that of a in sum(a * b), one variable
        stands for both; it is computed as the value.
        """
        forward, found = self.subject.forward, dict[Var, Var]()
        known = {_as_computed(e, found): e.out for e in forward.equations}
        for equation in self.subject.gradient.equations:
            if equation.stage == FORWARD and equation.out not in forward.names:
                value = known.get(_as_computed(equation, found))
                if value is not None:
                    found[equation.out] = value
        return found

    @cached_property
    def sharing(self) -> dict[str, tuple[str, ...]]:
        """For the key whose error signal has a line, the keys whose error signal is the same.

        A sum hands its error signal on unchanged, so its operands share one cotangent.
        """
        derivation, names = self.subject.derivation, self.subject.forward.names
        groups: dict[Var, list[str]] = {}
        for var, cotangent in derivation.cotangents.items():
            if isinstance(cotangent, Var):
                groups.setdefault(cotangent, []).append(names[var])
        return {var.cotangent_of: tuple(keys) for var, keys in groups.items() if len(keys) > 1}


def _as_computed(equation: Equation, renamed: Mapping[Var, Var]) -> tuple[object, ...]:
    """What an equation computes: the same for equations that compute the same."""

    def read(atom: Atom) -> object:
        return renamed.get(atom, atom) if isinstance(atom, Var) else repr(atom.value)

    return equation.primitive.name, repr(equation.params), *map(read, equation.inputs)


def home_lines(program: Program, with_line: Sequence[Var]) -> dict[Var, Var]:
    """For each variable of a program, the variable on whose line it is computed.

    A value without a line of its own stands in the line of the value that uses it.
    """
    lined = set(with_line)
    homes: dict[Var, Var] = {}
    for equation in reversed(program.equations):
        out = equation.out
        if out in lined:
            homes[out] = out
        for atom in equation.inputs:
            if isinstance(atom, Var) and atom not in lined and out in homes:
                homes.setdefault(atom, homes[out])
    inputs = set(program.inputs)
    return {var: home for var, home in homes.items() if var not in inputs}

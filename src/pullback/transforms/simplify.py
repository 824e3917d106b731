"""Simplification: Program -> Program with no dead or repeated work.

One pass walks the equations in order and offers each to the identities in turn. An identity
is a function `identity(rewriter, equation) -> value or None`: it returns what the equation's
output equals, under the condition that its docstring states, or None. Passes repeat until
nothing changes; equations that no output needs are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ..primitive import Primitive
from ..program import Atom, Equation, Program, Var

MOST_PASSES = 12

Identity = Callable[["Rewriter", Equation], "Atom | None"]


class Rewriter:
    """The equations rewritten so far, and what the identities may ask about them."""

    def __init__(self, program: Program) -> None:
        self.equations: list[Equation] = []
        self.producers: dict[Var, Equation] = {}
        self.outputs = {atom for atom in program.outputs if isinstance(atom, Var)}
        self.better_names: dict[Var, str] = {}
        self._known: dict[Any, Var] = {}
        self._current: Equation | None = None

    def producer(self, atom: Atom, *names: str) -> Equation | None:
        """The equation that computes an atom, if its primitive has one of these names."""
        equation = self.producers.get(atom) if isinstance(atom, Var) else None
        return equation if equation is not None and equation.primitive.name in names else None

    def record(self, primitive: Primitive, *inputs: Atom, **params: Any) -> Atom:
        """The value of an operation, found again when it was computed before."""
        assert self._current is not None
        aval = primitive.aval(*(atom.aval for atom in inputs), **params)
        out = Var(aval, primitive.name)
        frozen = MappingProxyType(params)
        recorded = replace(
            self._current, primitive=primitive, inputs=inputs, params=frozen, out=out
        )
        return self._add(recorded)

    def rewrite(self, equation: Equation, identities: Sequence[Identity]) -> Atom:
        """What the output of an equation equals."""
        self._current = equation
        for identity in identities:
            atom = identity(self, equation)
            if atom is not None and atom.aval == equation.out.aval:
                return self._keeping_name(atom, equation.out)
        return self._add(equation)

    def _add(self, equation: Equation) -> Atom:
        key = (
            equation.primitive.name,
            tuple(_identity_of(atom) for atom in equation.inputs),
            tuple(equation.params.items()),
        )
        if key in self._known:
            return self._keeping_name(self._known[key], equation.out)
        self._known[key] = equation.out
        self.equations.append(equation)
        self.producers[equation.out] = equation
        return equation.out

    def _keeping_name(self, atom: Atom, replaced: Var) -> Atom:
        """A value that takes the place of a named one takes over the name, if it has none."""
        if isinstance(atom, Var) and replaced.named and not atom.named and atom in self.producers:
            self.better_names.setdefault(atom, replaced.hint)
        return atom


def _identity_of(atom: Atom) -> Any:
    if isinstance(atom, Var):
        return id(atom)
    return (type(atom.value).__name__, repr(atom.value))


def simplify(program: Program, identities: Sequence[Identity] | None = None) -> Program:
    """An equal program with no dead or repeated work.

    Args:
        program: Any program.
        identities: What may be rewritten; all known identities when None.

    Returns:
        A program with the same inputs and outputs. Results agree with those of `program` up to
        rounding.
    """
    from .identities import IDENTITIES

    chosen = IDENTITIES if identities is None else identities
    for _ in range(MOST_PASSES):
        simplified = without_dead_code(_one_pass(program, chosen))
        if _same_equations(simplified, program):
            return simplified
        program = simplified
    return program


def _one_pass(program: Program, identities: Sequence[Identity]) -> Program:
    rewriter = Rewriter(program)
    replaced: dict[Var, Atom] = {}
    for equation in program.equations:
        inputs = tuple(_through(replaced, atom) for atom in equation.inputs)
        replaced[equation.out] = rewriter.rewrite(replace(equation, inputs=inputs), identities)
    outputs = tuple(_through(replaced, atom) for atom in program.outputs)
    named = {
        var: replace(var, hint=hint, named=True) for var, hint in rewriter.better_names.items()
    }
    equations = tuple(
        replace(
            equation,
            inputs=tuple(_through(named, atom) for atom in equation.inputs),
            out=named.get(equation.out, equation.out),
        )
        for equation in rewriter.equations
    )
    outputs = tuple(_through(named, atom) for atom in outputs)
    return replace(program, equations=equations, outputs=outputs)


def _through(replaced: Mapping[Var, Atom], atom: Atom) -> Atom:
    return replaced.get(atom, atom) if isinstance(atom, Var) else atom


def without_dead_code(program: Program) -> Program:
    """The same program without equations and captured arrays that no output needs."""
    needed = {atom for atom in program.outputs if isinstance(atom, Var)}
    kept: list[Equation] = []
    for equation in reversed(program.equations):
        if equation.out in needed:
            kept.append(equation)
            needed.update(atom for atom in equation.inputs if isinstance(atom, Var))
    defaults = {var: value for var, value in program.defaults.items() if var in needed}
    inputs = (*program.argument_inputs, *defaults)
    return replace(
        program, inputs=inputs, equations=tuple(reversed(kept)), defaults=MappingProxyType(defaults)
    )


def _same_equations(left: Program, right: Program) -> bool:
    return len(left.equations) == len(right.equations) and all(
        a.primitive is b.primitive
        and a.out is b.out
        and a.params == b.params
        and [*map(_identity_of, a.inputs)] == [*map(_identity_of, b.inputs)]
        for a, b in zip(left.equations, right.equations, strict=True)
    )

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
from typing import Any, NamedTuple, Protocol

from ..primitive import Primitive
from ..program import FORWARD, Atom, Equation, Program, Var

MOST_PASSES = 12

Identity = Callable[["Rewriter", Equation], "Atom | None"]


class Rewrite(NamedTuple):
    """One step of simplification, as an observer is told of it.

    Attributes:
        identity: What was used; None where the same value had been computed before.
        equation: The equation that is rewritten.
        value: What its output equals.
        read: The equations behind its inputs that the identity asked for.
        recorded: The equations that make up the value.
    """

    identity: Identity | None
    equation: Equation
    value: Atom
    read: tuple[Equation, ...]
    recorded: tuple[Equation, ...]


class Observer(Protocol):
    """What is told how a program is simplified."""

    def begin(self, body: Body) -> None:
        """A pass over these equations begins."""

    def rewritten(self, rewrite: Rewrite) -> None:
        """An equation was rewritten, in their order."""


class Rewriter:
    """The equations rewritten so far, and what the identities may ask about them."""

    def __init__(self, outputs: Sequence[Atom], observer: Observer | None = None) -> None:
        self.equations: list[Equation] = []
        self.producers: dict[Var, Equation] = {}
        self.outputs = {atom for atom in outputs if isinstance(atom, Var)}
        self.better_names: dict[Var, Var] = {}
        self._known: dict[Any, Var] = {}
        self._current: Equation | None = None
        self._observer = observer
        self._read: list[Equation] = []
        self._recorded: list[Equation] = []

    def producer(self, atom: Atom, *names: str) -> Equation | None:
        """The equation that computes an atom, if its primitive has one of these names."""
        equation = self.producers.get(atom) if isinstance(atom, Var) else None
        if equation is None or equation.primitive.name not in names:
            return None
        if self._observer is not None:
            self._read.append(equation)
        return equation

    def record(self, primitive: Primitive, *inputs: Atom, **params: Any) -> Atom:
        """The value of an operation, found again when it was computed before."""
        assert self._current is not None
        aval = primitive.aval(*(atom.aval for atom in inputs), **params)
        out = Var(aval, primitive.name)
        frozen = MappingProxyType(params)
        recorded = replace(
            self._current, primitive=primitive, inputs=inputs, params=frozen, out=out
        )
        value = self._add(recorded)
        if self._observer is not None and isinstance(value, Var):
            self._recorded.append(self.producers[value])
        return value

    def found(self, primitive: Primitive, *inputs: Atom, **params: Any) -> Var | None:
        """The value of an operation where it was computed before; nothing is recorded."""
        value = self._known.get(_key(primitive, inputs, params))
        if self._observer is not None and value is not None:
            self._recorded.append(self.producers[value])
        return value

    def rewrite(self, equation: Equation, identities: Sequence[Identity]) -> Atom:
        """What the output of an equation equals."""
        self._current = equation
        for identity in identities:
            if self._observer is not None:
                self._read, self._recorded = [], []
            atom = identity(self, equation)
            if atom is not None and atom.aval == equation.out.aval:
                self._tell(identity, equation, atom)
                return self._keeping_name(atom, equation.out)
        atom = self._add(equation)
        if atom is not equation.out:
            self._read, self._recorded = [], []
            self._tell(None, equation, atom)
        return atom

    def _tell(self, identity: Identity | None, equation: Equation, value: Atom) -> None:
        if self._observer is not None:
            read, recorded = tuple(self._read), tuple(self._recorded)
            self._observer.rewritten(Rewrite(identity, equation, value, read, recorded))

    def _add(self, equation: Equation) -> Atom:
        key = _key(equation.primitive, equation.inputs, equation.params)
        if key in self._known:
            return self._keeping_name(self._known[key], equation.out)
        self._known[key] = equation.out
        self.equations.append(equation)
        self.producers[equation.out] = equation
        return equation.out

    def _keeping_name(self, atom: Atom, replaced: Var) -> Atom:
        """A value that takes the place of a named one takes over the name, if it has none."""
        if isinstance(atom, Var) and not atom.named and atom in self.producers:
            better = self.better_names.get(atom, atom)
            says_more = (replaced.named, bool(replaced.cotangent_of))
            if says_more > (better.named, bool(better.cotangent_of)):
                self.better_names[atom] = replaced
        return atom


def _key(primitive: Primitive, inputs: Sequence[Atom], params: Mapping[str, Any]) -> Any:
    """What two operations have in common exactly if their values are the same."""
    return (
        primitive.name,
        tuple(map(_identity_of, inputs)),
        tuple(sorted((name, _identity_of_param(value)) for name, value in params.items())),
    )


def _identity_of(atom: Atom) -> Any:
    if isinstance(atom, Var):
        return id(atom)
    return (type(atom.value).__name__, repr(atom.value))


def _identity_of_param(value: Any) -> Any:
    return str(id(value)) if isinstance(value, Program) else repr(value)


def simplify(
    program: Program,
    identities: Sequence[Identity] | None = None,
    observer: Observer | None = None,
) -> Program:
    """An equal program with no dead or repeated work.

    Args:
        program: Any program.
        identities: What may be rewritten. When None, all known identities, in the derived part
            of the program only: what the user wrote stays as written.
        observer: What is told of each step, if anything is.

    Returns:
        A program with the same inputs and outputs. Results agree with those of `program` up to
        rounding.
    """
    from .identities import IDENTITIES

    written: Sequence[Identity] = () if identities is None else identities
    derived: Sequence[Identity] = IDENTITIES if identities is None else identities
    body = _live(Body(program.equations, program.outputs))
    for _ in range(MOST_PASSES):
        simplified = _live(_one_pass(body, written, derived, observer))
        unchanged = _same_equations(simplified, body)
        body = simplified
        if unchanged:
            break
    needed = {atom for equation in body.equations for atom in equation.inputs}
    needed.update(body.outputs)
    defaults = {var: value for var, value in program.defaults.items() if var in needed}
    return replace(
        program,
        inputs=(*program.argument_inputs, *defaults),
        equations=body.equations,
        outputs=body.outputs,
        defaults=MappingProxyType(defaults),
    )


class Body(NamedTuple):
    """What simplification rewrites: a program's equations and outputs."""

    equations: tuple[Equation, ...]
    outputs: tuple[Atom, ...]


def _one_pass(
    body: Body,
    written: Sequence[Identity],
    derived: Sequence[Identity],
    observer: Observer | None = None,
) -> Body:
    """One walk over the equations, with identities for what the user wrote and for the rest."""
    if observer is not None:
        observer.begin(body)
    rewriter = Rewriter(body.outputs, observer)
    replaced: dict[Var, Atom] = {}
    for equation in body.equations:
        current = _with_inputs(equation, replaced)
        identities = written if equation.stage == FORWARD else derived
        replaced[equation.out] = rewriter.rewrite(current, identities)
    named = {var: _with_name_of(better, var) for var, better in rewriter.better_names.items()}
    equations = tuple(
        replace(_with_inputs(equation, named), out=named[equation.out])
        if equation.out in named
        else _with_inputs(equation, named)
        for equation in rewriter.equations
    )
    outputs = tuple(_through(named, _through(replaced, atom)) for atom in body.outputs)
    return Body(equations, outputs)


def _with_name_of(better: Var, var: Var) -> Var:
    return replace(
        var,
        hint=better.hint if better.named else var.hint,
        named=better.named,
        cotangent_of=better.cotangent_of or var.cotangent_of,
    )


def _with_inputs(equation: Equation, replaced: Mapping[Var, Atom]) -> Equation:
    inputs = tuple(_through(replaced, atom) for atom in equation.inputs)
    return equation if inputs == equation.inputs else replace(equation, inputs=inputs)


def _through(replaced: Mapping[Var, Atom], atom: Atom) -> Atom:
    return replaced.get(atom, atom) if isinstance(atom, Var) else atom


def _live(body: Body) -> Body:
    """The same without equations that no output needs."""
    needed = {atom for atom in body.outputs if isinstance(atom, Var)}
    kept: list[Equation] = []
    for equation in reversed(body.equations):
        if equation.out in needed:
            kept.append(equation)
            needed.update(atom for atom in equation.inputs if isinstance(atom, Var))
    return Body(tuple(reversed(kept)), body.outputs)


def _same_equations(left: Body, right: Body) -> bool:
    return len(left.equations) == len(right.equations) and all(
        a is b or (a.primitive is b.primitive and a.out is b.out and a.inputs == b.inputs)
        for a, b in zip(left.equations, right.equations, strict=True)
    )

"""How a gradient program was simplified: each rewrite with what it changed, and why it may.

The derivation is simplified once more while an observer looks on; nothing is kept from the first
time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..primitive import Literal
from ..program import Argument, Atom, Equation, Program, Var
from ..trees import LEAF
from .derivation import derivation_of
from .simplify import Body, Identity, Rewrite, simplify

COMPUTED_BEFORE = ("a = b where both are the same operation on the same values.", "none; exact.")

MOST_EXPANDED = 5
"""A value without a name that takes more operations is shown by the operation's name."""


@dataclass(frozen=True, eq=False, repr=False)
class Simplification:
    """One rewrite of an expression by an equal one.

    Attributes:
        value: The name of the value in whose line it happened.
        identity: The name of the identity; "computed_before" where a value was found again.
        statement: The identity in one line.
        condition: When it may be used.
        before: The part that was rewritten, as a little program.
        after: What took its place.
        line_before: The value's whole line before the rewrite, from the values that have names.
        line_after: The same line after it.
    """

    value: str
    identity: str
    statement: str
    condition: str
    before: Program
    after: Program
    line_before: Program
    line_after: Program

    def __repr__(self) -> str:
        return f"<Simplification of {self.value} by {self.identity}>"


def trail(program: Program) -> tuple[Simplification, ...]:
    """The rewrites that led from the swept equations of a gradient to its program, in order.

    Raises:
        UsageError: When the program does not know what it was derived from.
    """
    derivation = derivation_of(program)
    if derivation is None:
        raise UsageError(
            f"{program.name} is not derived, or was read from a file, so nothing is known of how "
            "it was simplified; take pb.grad(program).simplifications()."
        )
    observer = _Trail(derivation.program)
    simplify(derivation.program, observer=observer)
    return tuple(observer.steps)


def explained(identity: Identity) -> tuple[str, str]:
    """The statement of an identity and its condition, as its docstring has them."""
    paragraphs = (inspect.getdoc(identity) or "").split("\n\n")
    statement, condition = paragraphs[0], paragraphs[1].removeprefix("Condition: ")
    return " ".join(statement.split()), " ".join(condition.split())


class _Trail:
    """Follows a program through the passes of simplification."""

    def __init__(self, program: Program) -> None:
        self.names = program.names
        self.steps: list[Simplification] = []
        self._defined: dict[Var, Equation] = {}
        self._equal: dict[Var, Atom] = {}
        self._line: dict[Var, Var] = {}

    def begin(self, body: Body) -> None:
        """A pass begins: what defines each value, and in which line it stands."""
        self._defined = {equation.out: equation for equation in body.equations}
        self._equal = {}
        self._line = {}
        for equation in reversed(body.equations):
            line = self._line.setdefault(equation.out, equation.out)
            for atom in equation.inputs:
                if isinstance(atom, Var) and not atom.named:
                    self._line.setdefault(atom, line)

    def rewritten(self, rewrite: Rewrite) -> None:
        """Remember a step."""
        self._defined |= {equation.out: equation for equation in rewrite.recorded}
        line = self._line[rewrite.equation.out]
        old = {equation.out: equation for equation in (*rewrite.read, rewrite.equation)}
        before = self._part(rewrite.equation.out, old), self._whole(line)
        self._equal[rewrite.equation.out] = rewrite.value
        new = {equation.out: equation for equation in rewrite.recorded}
        after = self._part(rewrite.value, new), self._whole(line)
        identity = rewrite.identity
        statement, condition = explained(identity) if identity else COMPUTED_BEFORE
        self.steps.append(
            Simplification(
                value=self._name(line),
                identity=identity.__name__ if identity else "computed_before",
                statement=statement,
                condition=condition,
                before=before[0],
                after=after[0],
                line_before=before[1],
                line_after=after[1],
            )
        )

    def _name(self, var: Var) -> str:
        return self.names.get(var, var.hint)

    def _whole(self, line: Var) -> Program:
        """A line from the named values on."""

        def defining(var: Var) -> Equation | None:
            return self._defined.get(var) if var is line or not var.named else None

        return _with_result(self._excerpt(line, defining), self._name(line), line)

    def _part(self, atom: Atom, equations: Mapping[Var, Equation]) -> Program:
        """What these equations make of values that have names, or whose own lines are long."""

        def defining(var: Var) -> Equation | None:
            return equations.get(var) or (self._defined.get(var) if self._is_short(var) else None)

        return self._excerpt(atom, defining)

    def _is_short(self, var: Var) -> bool:
        if var.named:
            return False
        whole = self._excerpt(var, lambda v: None if v.named else self._defined.get(v))
        return len(whole.equations) <= MOST_EXPANDED

    def _excerpt(self, atom: Atom, defining: Callable[[Var], Equation | None]) -> Program:
        """The program of one value; what is not defined here is an input."""
        inputs: dict[Var, Var] = {}
        equations: dict[Var, Equation] = {}

        def taken(atom: Atom) -> Atom:
            atom = self._resolved(atom)
            if isinstance(atom, Literal):
                return atom
            if atom in equations:
                return atom
            equation = defining(atom)
            if equation is None:
                return inputs.setdefault(atom, replace(atom, hint=self._name(atom), named=True))
            operands = tuple(map(taken, equation.inputs))
            equations[atom] = replace(equation, inputs=operands)
            return atom

        output = taken(atom)
        return _little_program(tuple(inputs.values()), tuple(equations.values()), output)

    def _resolved(self, atom: Atom) -> Atom:
        while isinstance(atom, Var) and atom in self._equal:
            atom = self._equal[atom]
        return atom


def _with_result(program: Program, name: str, like: Var) -> Program:
    """The program with its result under a name, and with the primal that it is a cotangent of."""
    if not program.equations:
        return program
    *others, last = program.equations
    out = replace(last.out, hint=name, named=True, cotangent_of=like.cotangent_of)
    equations = (*others, replace(last, out=out))
    return replace(program, equations=equations, outputs=(out,), output_names=(name,))


def _little_program(
    inputs: tuple[Var, ...], equations: tuple[Equation, ...], output: Atom
) -> Program:
    arguments = tuple(Argument(var.hint, LEAF) for var in inputs)
    return Program("part", inputs, equations, (output,), arguments, LEAF, (None,))

"""Which values of a program get a line of their own, and how each line reads as NumPy.

Values that the user's code named, and their cotangents, get a line each; a value used once
moves into the line that uses it, unless that grows too long. Source, equations and costs show
the same lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from typing import Any

from ..dims import Dim
from ..primitive import Literal, Source, text_of_constant
from ..program import Atom, Equation, Program, Var, unique_names

LONGEST_INLINED = 56
"""A longer expression gets a line of its own."""

LONGEST_LINE = 96


class Lines:
    """The lines of a program.

    Args:
        program: Any program.
        taken: Names that its values must not have, beside those of the helpers.

    Attributes:
        equations: Those that get a line, in order.
        names: The names of the inputs and of the values that get a line.
        hidden: Values that cost nothing to write again, such as x.T; they never get a line.
    """

    def __init__(self, program: Program, taken: Set[str] = frozenset()) -> None:
        self.program = program
        self.uses = Counter(
            atom
            for equation in program.equations
            for atom in equation.inputs
            if isinstance(atom, Var)
        )
        self.outputs = {atom for atom in program.outputs if isinstance(atom, Var)}
        self.inlined: dict[Var, Source] = {}
        self.hidden = {equation.out for equation in program.equations if self._is_trivial(equation)}
        self.names = program.names
        self.available = list(program.inputs)
        self.equations = self._chosen()
        outs = (equation.out for equation in self.equations)
        self.names = unique_names([*program.inputs, *outs], program.helper_names | taken)

    def written(self) -> Iterator[tuple[Equation, Source]]:
        """Each line's equation and the expression that it stores; `atom` is right afterwards."""
        has_line = {equation.out for equation in self.equations}
        self.inlined.clear()
        self.available = list(self.program.inputs)
        for equation in self.program.equations:
            source = self._expression(equation)
            if equation.out in has_line:
                yield equation, source
                self.available.append(equation.out)
            else:
                self.inlined[equation.out] = source

    def _chosen(self) -> tuple[Equation, ...]:
        """The equations that get a line, found by writing all of them without final names."""
        with_line: set[Var] = set()
        for equation in self.program.equations:
            source = self._expression(equation)
            if self._is_inlined(equation, source):
                self.inlined[equation.out] = source
                continue
            while (crowding := self._crowding(equation, source)) is not None:
                with_line.add(crowding)
                del self.inlined[crowding]
                source = self._expression(equation)
            with_line.add(equation.out)
            self.available.append(equation.out)
        return tuple(e for e in self.program.equations if e.out in with_line)

    def _crowding(self, equation: Equation, source: Source) -> Var | None:
        """The longest value inside a line that is too long, if taking it out can help."""
        if len(f"    {equation.out.hint} = {source.text}") <= LONGEST_LINE:
            return None
        inner = [
            atom
            for atom in equation.inputs
            if isinstance(atom, Var) and atom in self.inlined and atom not in self.hidden
        ]
        return max(inner, key=lambda atom: len(self.inlined[atom].text), default=None)

    def _is_inlined(self, equation: Equation, source: Source) -> bool:
        out = equation.out
        if out in self.hidden:
            return True
        used_once = self.uses[out] + self.program.outputs.count(out) == 1
        return not out.named and used_once and len(source.text) <= LONGEST_INLINED

    def _is_trivial(self, equation: Equation) -> bool:
        """Whether writing it again costs nothing: x.T of a variable, x.shape[0]."""
        out = equation.out
        of_variables = all(isinstance(atom, Var) for atom in equation.inputs)
        unnamed = not out.named and out not in self.outputs
        return unnamed and of_variables and equation.primitive.free_to_repeat(equation.params)

    def _expression(self, equation: Equation) -> Source:
        arguments = [self.atom(atom) for atom in equation.inputs]
        return equation.primitive.emit(arguments, equation.params, self._text_of)

    def atom(self, atom: Atom) -> Source:
        """A variable or constant where it is used: its name, or what stands in its place."""
        if isinstance(atom, Literal):
            return atom.source()
        return self.inlined.get(atom) or Source(self.names[atom])

    # Shapes.

    def _text_of(self, value: Any) -> str:
        if isinstance(value, Dim):
            return self._dimension(value)
        if isinstance(value, tuple) and any(isinstance(item, Dim) for item in value):
            for var in self.available:
                if var.aval.shape == value:
                    return f"{self.names[var]}.shape"
            inner = ", ".join(map(self._text_of, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        return text_of_constant(value)

    def _dimension(self, dim: Dim) -> str:
        text = ""
        for monomial, factor in dim.terms:
            sign = " - " if factor < 0 else " + " if text else ""
            factors = [self._axis(name) for name in monomial]
            if abs(factor) != 1 or not factors:
                factors.insert(0, str(abs(factor)))
            text += (sign if text else sign.strip()) + " * ".join(factors)
        return text

    def _axis(self, name: str) -> str:
        for var in self.program.inputs:
            for position, dim in enumerate(var.aval.shape):
                if str(dim) == name:
                    return f"{self.names[var]}.shape[{position}]"
        return name  # of an excerpt, none of whose inputs has the axis

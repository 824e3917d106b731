"""The equations of a program: the lines of its source as formulas.

Where the source keeps a value without a name to save work, such as a difference that is read
twice, mathematics writes it out again, as long as it is short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...errors import UsageError, nearest
from ...formula import Formula, Manner, Symbol
from ...formula.build import number, symbol
from ...formula.names import split_name
from ...primitive import Literal
from ...program import BACKWARD, FORWARD, UPDATE, Atom, Equation, Program, Var
from ..lines import Lines
from ..numpy_source import function_name
from .batches import sums_over_samples
from .columns import as_columns, column_shape
from .line import Line
from .reasons import Reasons
from .rules import rules_of_lines

MOST_LEAVES = 3
"""A value without a name that has more symbols and numbers than this is an equation of its own."""


@dataclass(frozen=True)
class Wishes:
    """How equations are wanted.

    Attributes:
        columns: Whether each value is written as its transpose, so that samples are columns.
        batch: The named axis of the samples, written as the set B; None for no axis.
        sums: Whether products of matrices over `batch` are written as sums over the samples.
        rules: Whether to look up the rules that error signals are instances of.
    """

    columns: bool = False
    batch: str | None = None
    sums: bool = False
    rules: bool = False


def equations(program: Program, wishes: Wishes | None = None) -> list[Line]:
    """The equations of a program: one for each line of its source, but for short unnamed values.

    Args:
        program: A forward, gradient or training program.
        wishes: How they are wanted.

    Raises:
        UsageError: When `batch` is no axis of the program, when `sums` is asked without it, or
            when something has no form with column vectors.
    """
    return _Equations(program, wishes or Wishes()).lines()


def formula_of(program: Program, atom: Atom, symbols: Mapping[Var, Formula]) -> Formula:
    """What an atom equals in terms of the variables that have a symbol."""
    producers = {equation.out: equation for equation in program.equations}

    def of(atom: Atom) -> Formula:
        if isinstance(atom, Literal):
            return number(atom.value)
        return symbols[atom] if atom in symbols else right_side(producers[atom])

    def right_side(equation: Equation) -> Formula:
        parts = [of(each) for each in equation.inputs]
        return equation.primitive.formula(parts, equation.params, equation.out.aval.shape)

    return of(atom)


class _Equations:
    def __init__(self, program: Program, wishes: Wishes) -> None:
        self.program = program
        self.wishes = wishes
        self.source = Lines(program)
        self.manner = Manner(batch=_checked_batch(program, wishes), taken=self._taken())
        self.new_values = _new_values(program)
        self.complete = _complete(program)
        self.symbols = {var: self._symbol(var) for var in program.inputs}

    def lines(self) -> list[Line]:
        """Each line, and each result that has no line of its own where it is computed."""
        found = [line for e in self.source.equations if (line := self._line(e)) is not None]
        found += self._results()
        place = {equation.out: i for i, equation in enumerate(self.program.equations)}
        found.sort(key=lambda line: place.get(line.var, len(place)) if line.var else len(place))
        if not self.wishes.rules:
            return found
        return rules_of_lines(self.program, found, self.wishes.columns)

    def _taken(self) -> frozenset[str]:
        return frozenset(split_name(name)[0] for name in self.source.names.values())

    def _symbol(self, var: Var) -> Symbol:
        key = self.source.names[var]
        bar = var.named and self.complete.get(var.cotangent_of) is var
        name = self.new_values.get(var, var.cotangent_of if bar else key)
        return symbol(name, var.aval.shape, bar, key, word=not var.named)

    def _line(self, equation: Equation) -> Line | None:
        out = equation.out
        right = formula_of(self.program, out, self.symbols)
        if not out.named and out not in self.program.outputs and _leaves(right) <= MOST_LEAVES:
            return None
        self.symbols[out] = self._symbol(out)
        if out in self.new_values:
            return self._written(out, UPDATE, self.symbols[out], right, "←")
        return self._written(out, equation.stage, self.symbols[out], right, "=")

    def _results(self) -> Iterator[Line]:
        """Results that the source computes where it returns them."""
        outputs = self.program.outputs
        for place, atom in enumerate(outputs):
            var = atom if isinstance(atom, Var) else None
            primal = self._primal_of_result(place)
            known = var is None or (var in self.symbols and var.cotangent_of != primal)
            if primal and known:
                yield self._other_gradient(place, primal, atom)
                continue
            if atom in self.symbols and self.program.equations:
                continue
            name = self._name_of_result(place)
            stage = next((e.stage for e in self.program.equations if e.out is atom), FORWARD)
            left = self._symbol_of_result(var, name, atom)
            right = formula_of(self.program, atom, self.symbols)
            if not self._is_new_value(left):
                yield self._written(var, stage, left, right, "=")
                continue
            stage = UPDATE if self._follows_backward(var) else stage
            yield self._written(var, stage, left, right, "←")

    def _primal_of_result(self, place: int) -> str:
        """The input that a result is the gradient for; empty for other results."""
        origin, name = self.program.origin, self.program.output_names[place]
        wanted = [] if origin is None else [origin.program.names[var] for var in origin.wrt]
        return next((primal for primal in wanted if name == f"d{primal}"), "")

    def _other_gradient(self, place: int, primal: str, atom: Atom) -> Line:
        """A gradient that is a number, an input, or the gradient for another input: b's is a's."""
        key = str(self.program.output_names[place])
        left = symbol(primal, atom.aval.shape, bar=True, key=key)
        right = formula_of(self.program, atom, self.symbols)
        return self._written(None, BACKWARD, left, right, "=")

    def _follows_backward(self, var: Var | None) -> bool:
        """Whether a value is computed after a backward pass, as a step of one's own does."""
        stages = {e.out: e.stage for e in self.program.equations}
        before = list(stages)[: list(stages).index(var)] if var in stages else []
        return any(stages[earlier] == BACKWARD for earlier in before)

    def _is_new_value(self, result: Symbol) -> bool:
        """Whether a result has an input's name: the new value of a running mean."""
        kind = (result.name, result.shape)
        return any((var.hint, var.aval.shape) == kind for var in self.program.argument_inputs)

    def _symbol_of_result(self, var: Var | None, name: str, atom: Atom) -> Symbol:
        primal = var.cotangent_of if var is not None else ""
        return symbol(primal or name, atom.aval.shape, bool(primal), name, word="[" in name)

    def _name_of_result(self, place: int) -> str:
        """The result's own name, its key in a dict, or the name of the function."""
        name = self.program.output_names[place]
        path = list(self.program.result.paths())[place]
        if name or (path and isinstance(path[-1], str)):
            return name or str(path[-1])
        origin = self.program.origin
        function = function_name(self.program if origin is None else origin.program)
        several = len(self.program.outputs if origin is None else origin.program.outputs) > 1
        return f"{function}[{place}]" if several else function

    def _written(
        self, var: Var | None, stage: str, left: Symbol, right: Formula, relation: str
    ) -> Line:
        reason = Reasons(self.program, self.wishes.columns).reason(var, right)
        if self.wishes.sums and self.wishes.batch is not None:
            right = sums_over_samples(right, self.wishes.batch)
        shape = left.shape
        if self.wishes.columns:
            shape = column_shape(shape)
            left, right = as_columns(left), as_columns(right)  # type: ignore[assignment]
        return Line(var, left.key, stage, left, relation, right, shape, self.manner, reason)


def _complete(program: Program) -> dict[str, Var]:
    """For each name, its error signal; one that enters from outside may be a part of it only."""
    computed = (*program.inputs, *(equation.out for equation in program.equations))
    return {var.cotangent_of: var for var in computed if var.cotangent_of}


def _leaves(x: Formula) -> int:
    return sum(map(_leaves, x.parts)) if x.parts else 1


def _checked_batch(program: Program, wishes: Wishes) -> str | None:
    if wishes.batch is None:
        if wishes.sums:
            raise UsageError("sums=True needs the axis of the samples: batch='N', for example.")
        return None
    if wishes.batch not in program.axes:
        known = ", ".join(program.axes) or "none"
        raise UsageError(
            f"batch={wishes.batch!r} is no axis of {program.name}; its named axes are: {known}."
            f"{nearest(wishes.batch, program.axes)}"
        )
    return wishes.batch


def _new_values(program: Program) -> dict[Var, str]:
    """The results of an update that take an input's place, with that input's name.

    Where the old value is read again later, both keep names of their own.
    """
    last_read = {
        atom: place
        for place, equation in enumerate(program.equations)
        for atom in equation.inputs
        if isinstance(atom, Var)
    }
    replaced = {}
    after_backward = False
    for place, equation in enumerate(program.equations):
        out = equation.out
        after_backward = after_backward or equation.stage == BACKWARD
        updates = equation.stage == UPDATE or (after_backward and equation.stage == FORWARD)
        old = _old_value(program, out) if out.named and updates else None
        if old is not None and last_read.get(old, -1) <= place:
            replaced[out] = program.names[old]
    return replaced


def _old_value(program: Program, new: Var) -> Var | None:
    """The input with the name and the shape of a new value."""
    alike = (v for v in program.inputs if (v.hint, v.aval.shape) == (new.hint, new.aval.shape))
    return next(alike, None)

"""One step of the backward pass: an equation's error signal goes back through its rule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Location
from ..lazy import cached_property
from ..program import Atom, Program, Var
from ..transforms import Contribution, Derivation, Pull, local_program
from .overwriting import Overwriting
from .source import body_of, equation_source, formula_text
from .subject import Subject


@dataclass(frozen=True, eq=False)
class Pass:
    """A backward pass at given values: the right one, or the one that overwrites.

    Attributes:
        subject: What is explained.
        wrong: The pass that overwrites, where this is it.
    """

    subject: Subject
    wrong: Overwriting | None = None

    @property
    def derivation(self) -> Derivation:
        """The derivation of this pass."""
        return self.subject.derivation if self.wrong is None else self.wrong.derivation

    def value(self, atom: Atom) -> Any:
        """The number or array behind an atom of the derivation's program."""
        values = self.subject.values if self.wrong is None else self.wrong.values
        return self.derivation.value_of(atom, values)

    def total(self, before: Any, value: Any) -> Any:
        """What stands at a value when one more contribution has arrived."""
        return value if before is None or self.wrong is not None else before + value


@dataclass(frozen=True, eq=False)
class Arrived:
    """What has arrived at a value by the end of a step.

    Attributes:
        var: The value of the forward program.
        name: Its name.
        sent: The contributions that have arrived, in order.
        missing: Those that have not been sent yet.
        total: The sum of those that have arrived (the last alone in a pass that overwrites).
    """

    var: Var
    name: str
    sent: tuple[Contribution, ...]
    missing: tuple[Contribution, ...]
    total: Any

    def __repr__(self) -> str:
        count = len(self.sent) + len(self.missing)
        return f"<Arrived at {self.name}: {len(self.sent)} of {count}>"

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, so that the sum is the value's error signal."""
        return not self.missing

    @property
    def is_fork(self) -> bool:
        """Whether several contributions arrive in all: the value is read more than once."""
        return len(self.sent) + len(self.missing) > 1


@dataclass(frozen=True, eq=False)
class Sent:
    """What a step sends to one input of its equation: v J.

    Attributes:
        contribution: The contribution, as the derivation has it.
        arrived: What has arrived at the input with it.
    """

    contribution: Contribution
    arrived: Arrived
    _pass: Pass

    def __repr__(self) -> str:
        return f"<Sent to {self.name}: {self.source}>"

    @property
    def name(self) -> str:
        """The name of the input."""
        return self.arrived.name

    @property
    def value(self) -> Any:
        """v J as numbers, in the input's shape."""
        return self._pass.value(self.contribution.cotangent)

    @cached_property
    def rule(self) -> Program:
        """The little program (v, what the rule reads) -> v J."""
        return local_program(self._pass.subject.forward, self.contribution)

    @property
    def source(self) -> str:
        """v J as NumPy source: dy_pred @ W2.T."""
        return body_of(self.rule)

    @property
    def formula(self) -> str:
        """v J as mathematics, in Unicode."""
        return formula_text(self.rule)

    @property
    def jacobian_shape(self) -> tuple[int, ...]:
        """The shape of J: that of the output, then that of the input. J is never built."""
        equation = self.contribution.equation
        assert equation is not None
        shape = self._pass.subject.shape
        return (*shape(equation.out), *shape(self.contribution.target))

    @property
    def jacobian_bytes(self) -> int:
        """The memory that J would take."""
        return math.prod(self.jacobian_shape) * int(np.asarray(self.value).itemsize)

    @property
    def vjp_bytes(self) -> int:
        """The memory that the rule reads and writes, operation by operation."""
        lengths = self._pass.subject.lengths
        cost = self.rule.cost(**{axis: lengths[axis] for axis in self.rule.axes})
        moved = cost.total.moved
        assert isinstance(moved, int)
        return moved


@dataclass(frozen=True, eq=False)
class Step:
    """One step: v, the complete cotangent of an equation's output, becomes v J for each input.

    Attributes:
        number: From 1.
        count: How many steps the pass has.
        pull: The step, as the derivation has it.
        sends: What it sends to each input that the gradient flows to.
        waiting: What has arrived by its end at the values that have not sent anything back yet.
    """

    number: int
    count: int
    pull: Pull
    sends: tuple[Sent, ...]
    waiting: tuple[Arrived, ...]
    _pass: Pass

    @property
    def subject(self) -> Subject:
        """What is explained."""
        return self._pass.subject

    @property
    def name(self) -> str:
        """The name of the equation's output."""
        return self.subject.name(self.pull.equation.out)

    @property
    def source(self) -> str:
        """The equation as NumPy source: y_pred = h_relu @ W2."""
        return equation_source(self.subject.forward, self.pull.equation)

    @property
    def where(self) -> Location | None:
        """The user's line that the equation comes from, where it is known."""
        return self.pull.equation.where

    @property
    def line(self) -> int | None:
        """The line of the subject's source that assigns v; None where it is part of another."""
        return self.subject.signal_lines.get(self.name)

    @property
    def cotangent(self) -> Any:
        """v as numbers, in the output's shape."""
        return self._pass.value(self.pull.cotangent)

    @property
    def right_cotangent(self) -> Any:
        """What v should be; the same as `cotangent` unless the pass overwrites."""
        return self.subject.signal(self.pull.equation.out)

    @property
    def is_wrong(self) -> bool:
        """Whether v is not what it should be, in a pass that overwrites."""
        return not np.array_equal(self.cotangent, self.right_cotangent, equal_nan=True)

    @property
    def overwrites(self) -> bool:
        """Whether the pass overwrites contributions instead of adding them."""
        return self._pass.wrong is not None

    @property
    def came_from(self) -> tuple[Contribution, ...]:
        """The contributions that v is the sum of."""
        return self._pass.derivation.children(self.pull.equation.out)

    def __repr__(self) -> str:
        return f"<Step {self.number} of {self.count}: {self.source}>"

    def __str__(self) -> str:
        from .step_text import step_text

        return step_text(self)

    def _repr_html_(self) -> str:
        from .step_html import step_html

        return step_html(self)


def steps_of(subject: Subject, wrong: Overwriting | None = None) -> tuple[Step, ...]:
    """All steps of the backward pass, or of the one that overwrites, in their order."""
    return tuple(_Walk(Pass(subject, wrong)).steps())


class _Walk:
    """The state between the steps: what has arrived where."""

    def __init__(self, passed: Pass) -> None:
        self.passed = passed
        self.arrived: dict[Var, Arrived] = {}
        for seed in passed.derivation.seeds:
            self._arrive(seed)

    def steps(self) -> list[Step]:
        """Every step, with what has arrived by its end."""
        pulls = self.passed.derivation.pulls
        return [self._step(number, pull, pulls) for number, pull in enumerate(pulls, start=1)]

    def _step(self, number: int, pull: Pull, pulls: Sequence[Pull]) -> Step:
        sends = tuple(
            Sent(contribution, self._arrive(contribution), self.passed)
            for contribution in pull.contributions
        )
        del self.arrived[pull.equation.out]
        return Step(number, len(pulls), pull, sends, tuple(self.arrived.values()), self.passed)

    def _arrive(self, contribution: Contribution) -> Arrived:
        var, passed = contribution.target, self.passed
        children = passed.derivation.children(var)
        before = self.arrived.get(var)
        count = 1 if before is None else len(before.sent) + 1
        self.arrived[var] = Arrived(
            var=var,
            name=passed.subject.name(var),
            sent=children[:count],
            missing=children[count:],
            total=passed.total(
                None if before is None else before.total, passed.value(contribution.cotangent)
            ),
        )
        return self.arrived[var]

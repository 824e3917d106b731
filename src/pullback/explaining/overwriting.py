"""What if contributions were overwritten instead of added: the wrong pass, and where it goes wrong.

The commonest mistake in a hand-written backward pass is `dx = ...` where `dx += ...` belongs. The
wrong pass is the derivation without its additions: at each fork the last contribution counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..lazy import cached_property
from ..program import Atom, Equation, Program, Var
from ..transforms import Contribution, Derivation, Pull
from .subject import Subject


def overwritten(derivation: Derivation) -> Derivation:
    """The derivation in which each contribution replaces those that arrived before it."""
    last = _last_instead_of_sum(derivation)

    def of_atom(atom: Atom) -> Atom:
        while atom in last:
            atom = last[atom]
        return atom

    def of_contribution(contribution: Contribution) -> Contribution:
        return replace(contribution, cotangent=of_atom(contribution.cotangent))

    def of_pull(pull: Pull) -> Pull:
        sent = tuple(map(of_contribution, pull.contributions))
        return replace(pull, cotangent=of_atom(pull.cotangent), contributions=sent)

    return replace(
        derivation,
        program=_substituted(derivation.program, last.keys(), of_atom),
        pulls=tuple(map(of_pull, derivation.pulls)),
        seeds=tuple(map(of_contribution, derivation.seeds)),
        cotangents=MappingProxyType(
            {var: of_atom(atom) for var, atom in derivation.cotangents.items()}
        ),
    )


def _last_instead_of_sum(derivation: Derivation) -> dict[Atom, Atom]:
    """For each sum over contributions, complete or partial, the last of them."""
    sums = _additions(derivation)
    last: dict[Atom, Atom] = {}
    for var in derivation.cotangents:
        totals: list[Atom] = []
        for contribution in derivation.children(var):
            # Two values may get the same contributions, and then have the same sums.
            added: list[Atom] = []
            for total in totals:
                added += sums[total, contribution.cotangent]
            last |= dict.fromkeys(added, contribution.cotangent)
            totals = added or [contribution.cotangent]
    return last


def _additions(derivation: Derivation) -> dict[tuple[Any, ...], list[Var]]:
    """The sums of the backward pass, by what is added."""
    found: dict[tuple[Any, ...], list[Var]] = defaultdict(list)
    for equation in derivation.program.equations[len(derivation.forward.equations) :]:
        if equation.primitive.name == "add":
            found[equation.inputs].append(equation.out)
    return found


def _substituted(
    program: Program, dropped: Collection[Atom], of_atom: Callable[[Atom], Atom]
) -> Program:
    """The program without some equations, and with other atoms where values are read."""

    def of_equation(equation: Equation) -> Equation:
        return replace(equation, inputs=tuple(map(of_atom, equation.inputs)))

    kept = (equation for equation in program.equations if equation.out not in dropped)
    return replace(
        program,
        equations=tuple(map(of_equation, kept)),
        outputs=tuple(map(of_atom, program.outputs)),
    )


@dataclass(frozen=True, eq=False)
class Lost:
    """A fork at which a contribution is lost.

    Attributes:
        var: The value that several equations read.
        pull: The equation that sends the contribution that overwrites; None where the value is
            an output and the contribution enters from outside.
        sent: The contribution that overwrites what had arrived.
        right: What would have arrived by then, added up.
        wrong: What stands there instead: the contribution alone.
    """

    var: Var
    pull: Pull | None
    sent: Contribution
    right: Any
    wrong: Any


@dataclass(frozen=True, eq=False)
class Spoilt:
    """A gradient that comes out wrong: its variable, what is right, what comes out."""

    var: Var
    right: Any
    wrong: Any

    @property
    def error(self) -> float:
        """The largest difference, relative to the largest entry of what is right."""
        largest = float(np.max(np.abs(self.right), initial=0.0))
        with np.errstate(invalid="ignore"):  # inf - inf
            difference = float(np.max(np.abs(self.wrong - self.right), initial=0.0))
        return difference / largest if largest else float("inf")


@dataclass(frozen=True, eq=False)
class Overwriting:
    """The pass that overwrites, beside the right one.

    Attributes:
        subject: What is explained.
    """

    subject: Subject

    def __str__(self) -> str:
        from .step_text import overwriting_text

        return overwriting_text(self)

    def __repr__(self) -> str:
        return f"<Overwriting of {self.subject!r}>"

    @cached_property
    def derivation(self) -> Derivation:
        """The wrong derivation."""
        return overwritten(self.subject.derivation)

    @cached_property
    def values(self) -> dict[Var, Any]:
        """The number or array behind every variable of the wrong derivation's program."""
        return self.subject.values_of(self.derivation)

    def signal(self, var: Var) -> Any:
        """The cotangent of a variable of the forward program as it comes out; None without one."""
        cotangent = self.derivation.cotangents.get(var)
        return None if cotangent is None else self.derivation.value_of(cotangent, self.values)

    @cached_property
    def forks(self) -> tuple[Var, ...]:
        """The values at which several contributions arrive, the first of the sweep first."""
        found = dict.fromkeys(c.target for _, c in self._sent())
        return tuple(var for var in found if len(self.subject.derivation.children(var)) > 1)

    @cached_property
    def first_wrong(self) -> Lost | None:
        """Where the pass goes wrong first; None where nothing is lost."""
        right: dict[Var, Any] = {}
        for pull, contribution in self._sent():
            var, value = contribution.target, self.subject.value(contribution.cotangent)
            before = right.get(var)
            right[var] = value if before is None else before + value
            if before is not None and not _same(right[var], value):
                return Lost(var, pull, contribution, right[var], value)
        return None

    @cached_property
    def spoilt(self) -> tuple[Spoilt, ...]:
        """The gradients that come out wrong."""
        reached = [var for var in self.subject.wrt if var in self.derivation.cotangents]
        return tuple(
            Spoilt(var, self.subject.signal(var), self.signal(var))
            for var in reached
            if self.changes(var)
        )

    def changes(self, var: Var) -> bool:
        """Whether the cotangent of a variable that has one comes out other than it is."""
        return not _same(self.subject.signal(var), self.signal(var))

    def _sent(self) -> Iterator[tuple[Pull | None, Contribution]]:
        derivation = self.subject.derivation
        for seed in derivation.seeds:
            yield None, seed
        for pull in derivation.pulls:
            for contribution in pull.contributions:
                yield pull, contribution


def _same(left: Any, right: Any) -> bool:
    return bool(np.array_equal(left, right, equal_nan=True))

"""What a line of a backward pass may rightly hold: every derived value and error signal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..program import Program, Var
from .kinks import Choice
from .point import Point
from .relations import How, Relation, relation
from .stored import Stored
from .sweeping import as_floats

PRIMAL, COTANGENT, PARTIAL = "value", "error signal", "partial sum"
SLOPE, STEP = "slope", "step"
NOISE = 1e-7
MOST_AXES = 3
MOST_PARTS = 4
"""A sum of more contributions than this is not taken apart into all its partial sums."""


@dataclass(frozen=True, eq=False)
class Fact:
    """A derived value.

    Attributes:
        role: What it is: a value of the forward pass, a complete error signal, a sum of some of
            the contributions to one, or a step on the way.
        var: The forward variable that it belongs to; None for a step.
        value: Its entries in float64.
        scale: What its rounding error is relative to, where its own entries cancel to zero.
    """

    role: str
    var: Var | None
    value: Any
    scale: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """How a stored value follows from a derived one."""

    fact: Fact
    relation: Relation


class Facts:
    """All derived values at a point, under some choices of slopes at kinks.

    Args:
        point: Where the backward pass was called.
        choices: The choices at kinks that count as right.
        scales: What the rounding error of each error signal is relative to.
    """

    def __init__(
        self, point: Point, choices: Iterable[Choice], scales: Mapping[Var, float]
    ) -> None:
        self.point = point
        found = [fact for choice in choices for fact in _of_choice(point, choice, scales)]
        found += _inner(point)
        self.facts = _distinct(found)
        self._masks = _distinct([Fact(SLOPE, None, mask) for mask in _masks(point)])
        self._known: dict[Stored, Explanation | None] = {}
        self._factors: dict[Stored, list[tuple[Var, float]]] = {}

    def explain(self, stored: Stored) -> Explanation | None:
        """The closest derived value that a stored one follows from."""
        if stored not in self._known:
            self._known[stored] = self._explained(stored)
        return self._known[stored]

    def _explained(self, stored: Stored) -> Explanation | None:
        facts = self._masks if stored.is_mask else self.facts
        best: Explanation | None = None
        for fact in facts:
            found = relation(stored.value, fact.value, fact.scale)
            if found is None or (found.how is How.UNSUMMED and stored.value.ndim < MOST_AXES):
                continue  # its sum alone does not tell that all its entries are right
            if best is None or found.how < best.relation.how:
                best = Explanation(fact, found)
                if found.how == 0:
                    break
        return best

    def cotangent_factors(self, stored: Stored) -> list[tuple[Var, float]]:
        """Each variable whose complete error signal a value, or its part, is up to a factor."""
        if stored not in self._factors:
            self._factors[stored] = [] if stored.is_mask else list(self._signals(stored))
        return self._factors[stored]

    def _signals(self, stored: Stored) -> Iterator[tuple[Var, float]]:
        for fact in self.facts:
            if fact.role == COTANGENT and fact.var is not None:
                found = relation(stored.value, fact.value, fact.scale)
                if found is not None and (found.is_close or found.how is How.PART):
                    yield fact.var, found.factor


def _of_choice(point: Point, choice: Choice, scales: Mapping[Var, float]) -> Iterator[Fact]:
    for var, value in choice.cotangents.items():
        yield Fact(COTANGENT, var, as_floats(value), NOISE * scales.get(var, 0.0))
    for var, value in choice.values.items():
        if np.asarray(value).dtype.kind == "f":
            yield Fact(PRIMAL, var, as_floats(value))
    for var in choice.cotangents:
        for total, _ in partial_sums(point, choice, var):
            yield Fact(PARTIAL, var, total)


def partial_sums(point: Point, choice: Choice, var: Var) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The sum of some, not all, of the contributions to a variable, and which these are."""
    parts = contributions(point, choice, var)
    for chosen in _selections(len(parts)):
        yield sum(parts[k] for k in chosen), chosen


def _selections(count: int) -> Iterator[tuple[int, ...]]:
    """Some, not all, of so many; of many only those that a loop meets: one, the first, the last."""
    everything = tuple(range(count))
    if count <= MOST_PARTS:
        for size in range(1, count):
            yield from combinations(everything, size)
        return
    yield from ((k,) for k in everything)
    for size in range(2, count):
        yield everything[:size]
        yield everything[-size:]


def contributions(point: Point, choice: Choice, var: Var) -> list[Any]:
    """What each use of a variable sends back to it, in the order in which it arrives."""
    sent = [c for c in point.derivation.children(var) if c.equation is not None]
    return [
        as_floats(point.sweep.contribution(c, choice.cotangents[c.equation.out], choice.values))
        for c in sent
        if c.equation is not None
    ]


def _inner(point: Point) -> Iterator[Fact]:
    """The steps inside rules: the softmax inside that of log_softmax, 2 (y_pred - y)."""
    program, values = point.derivation.program, point.derivation.values(point.inputs)
    signals = set(point.derivation.cotangents.values())
    for equation in program.equations:
        if any(atom in signals for atom in equation.inputs):
            signals.add(equation.out)
    for var in _needed(program) - set(point.sweep.values):
        if var.aval.is_float:
            yield Fact(STEP if var in signals else SLOPE, None, as_floats(values[var]))


def _needed(program: Program) -> set[Var]:
    """The variables that the outputs are computed from."""
    needed = {atom for atom in program.outputs if isinstance(atom, Var)}
    for equation in reversed(program.equations):
        if equation.out in needed:
            needed.update(atom for atom in equation.inputs if isinstance(atom, Var))
    return needed


def _masks(point: Point) -> Iterator[Any]:
    """Conditions on the signs of values, and those that the derived program decides."""
    for value in point.derivation.values(point.inputs).values():
        array = np.asarray(value)
        if array.dtype.kind == "b":
            conditions = [array]
        else:
            conditions = [array > 0, array >= 0] if array.dtype.kind == "f" else []
        for condition in conditions:
            yield as_floats(condition)
            yield as_floats(np.logical_not(condition))


def _distinct(facts: list[Fact]) -> list[Fact]:
    seen: set[tuple[Any, ...]] = set()
    kept = []
    for fact in facts:
        key = (fact.role, fact.var, fact.value.shape, fact.value.tobytes())
        if fact.value.size and key not in seen:
            seen.add(key)
            kept.append(fact)
    return kept

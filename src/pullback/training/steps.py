"""One step of training: a batch, or several accumulated ones, and the update they lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.batches import batch_slices
from ..engines.buffered import Buffered, NotBuffered
from ..engines.reference import executable
from ..lazy import cached_property
from ..program import Program
from ..trees import flatten
from .carried import CARRIED, Carrier, Variables
from .metrics import variance
from .programs import Problem

Flat = Callable[..., Any]

__all__ = ["RowBuffers", "Rows", "Stepper", "Variables", "draws_of"]

DRAWS = ("seed", "step", "first_row")
"""The inputs of a program that random draws depend on; they have a default."""


@dataclass(frozen=True)
class Rows:
    """Training rows, their labels and weights."""

    x: Any
    labels: Any
    weights: Any = None

    def __len__(self) -> int:
        return len(self.x)

    def chosen(self, rows: Any) -> Rows:
        """Some of them: a slice or indices."""
        weights = None if self.weights is None else self.weights[rows]
        return Rows(self.x[rows], self.labels[rows], weights)

    @property
    def counted(self) -> Rows:
        """These rows, each of the weight 1 where none would count and a mean would be 0 / 0."""
        if self.weight:
            return self
        return replace(self, weights=np.ones_like(self.weights))

    @property
    def flat(self) -> list[Any]:
        """The arrays as a program takes them."""
        return [self.x, self.labels, *([] if self.weights is None else [self.weights])]

    @cached_property
    def variance(self) -> Any:
        """Of targets that are numbers, column by column, in float64; NaN where it is 0."""
        return variance(self.labels)

    @cached_property
    def weight(self) -> float:
        """The sum of the weights; the number of rows where there are none."""
        return float(len(self)) if self.weights is None else float(np.sum(self.weights))


class RowBuffers:
    """Rows for one step after the other, in arrays that the next choice overwrites.

    Args:
        rows: All rows.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._buffers: dict[int, Rows] = {}
        self._fit = all(array.flags.c_contiguous for array in rows.flat)

    def chosen(self, rows: Any) -> Rows:
        """Some of them: a slice, which is a view, or the places of rows, from 0."""
        if isinstance(rows, slice) or not self._fit:
            return self._rows.chosen(rows)
        room = self._buffers.get(len(rows))
        if room is None:
            room = self._buffers[len(rows)] = self._rows.chosen(rows)
        for array, out in zip(self._rows.flat, room.flat, strict=True):
            # With another mode, NumPy would take them into an array of its own first.
            array.take(rows, axis=0, out=out, mode="clip")
        return replace(room)


def _fast(program: Program) -> Flat:
    return executable(program).flat


@dataclass(frozen=True)
class Stepper:
    """The compiled programs of a step.

    Attributes:
        problem: What is trained.
        step: Forward, backward and update in one program.
        parts: Into how many batches the rows of a step are cut; their gradients are accumulated.
        part_rows: Rows of such a batch.
        least_rows: A last batch with fewer rows joins the one before it.
        seed: Of random draws.
        compiled: What makes the programs of a step callable.
        evaluated: What makes the programs that look at all rows callable.
        halves: Gradient and update, for steps of several batches, if they are at hand.
    """

    problem: Problem
    step: Program
    part_rows: int
    least_rows: int
    parts: int
    seed: int
    compiled: Callable[[Program], Flat] = _fast
    evaluated: Callable[[Program], Flat] = _fast
    halves: tuple[Program, Program] | None = None

    def __call__(
        self, rows: Rows, variables: Variables, update: int, numbers: Mapping[str, float]
    ) -> dict[str, Any]:
        """The results of one step: loss, metrics, penalty, and what `Variables.after` takes.

        Args:
            rows: The rows of the step.
            variables: Where training stands.
            update: The number of updates done before.
            numbers: The update rule's numbers.
        """
        if self.parts > 1:
            return self._accumulated(rows, variables, update, numbers)
        flat, draws = rows.flat, self._draws(self._drawn_by_step, update, 0)
        if self._carrier is not None:
            moved = self._carrier(flat, variables, numbers.values(), draws)
            if moved is not None:
                return moved
        result: dict[str, Any] = self._whole(
            *flat,
            *variables.flat,
            *flatten(variables.rule_state)[0],
            *numbers.values(),
            **draws,
        )
        return result

    @cached_property
    def _carrier(self) -> Carrier | None:
        """The step in buffers; None for another engine, or where it has no such form."""
        if self.compiled is not _fast:
            return None
        problem = self.problem
        try:
            buffered = Buffered(self.step, CARRIED)
        except NotBuffered:
            return None
        rule_state = problem.optimizer.init(problem.params)
        return Carrier(buffered, Variables(problem.params, problem.state, rule_state))

    def _accumulated(
        self, rows: Rows, variables: Variables, update: int, numbers: Mapping[str, float]
    ) -> dict[str, Any]:
        """The same from the gradients of several batches: sum(w g) / sum(w).

        A batch without weight adds nothing to them, but metrics and running statistics see it, as
        they see the rows without weight of one large batch.
        """
        sums = self.problem.loss.reduction == "sum"
        loss, gradients, metrics = 0.0, None, None
        state = variables.state
        for chosen in batch_slices(len(rows), self.part_rows, self.least_rows):
            part = rows.chosen(chosen)
            share = 1.0 if sums and part.weight else part.weight / rows.weight
            result = self._gradient(
                *part.counted.flat,
                *variables.params.values(),
                *state.values(),
                **self._draws(self._drawn_by_gradient, update, chosen.start),
            )
            loss += float(result["loss"]) * share
            gradients = _added(gradients, result["gradients"], share)
            metrics = _added(metrics, result.get("metrics", {}), 1)
            state = result.get("state", state)
        moved = self._update(
            *(gradients or {}).values(),
            *variables.params.values(),
            *flatten(variables.rule_state)[0],
            *numbers.values(),
        )
        loss += float(moved.get("penalty", 0.0))
        return {"loss": loss, "metrics": metrics, "state": state, **moved}

    def _draws(self, drawn: tuple[str, ...], update: int, first_row: int) -> dict[str, int]:
        if not drawn:
            return {}
        given = {"seed": self.seed, "step": update, "first_row": first_row}
        return {name: given[name] for name in drawn}

    @cached_property
    def _drawn_by_step(self) -> tuple[str, ...]:
        return draws_of(self.step)

    @cached_property
    def _drawn_by_gradient(self) -> tuple[str, ...]:
        return draws_of(self._programs[0])

    @cached_property
    def _programs(self) -> tuple[Program, Program]:
        return self.halves or (self.problem.gradient(), self.problem.update())

    @cached_property
    def _whole(self) -> Flat:
        return self.compiled(self.step)

    @cached_property
    def _gradient(self) -> Flat:
        return self.compiled(self._programs[0])

    @cached_property
    def _update(self) -> Flat:
        return self.compiled(self._programs[1])


def draws_of(program: Program) -> tuple[str, ...]:
    """The inputs that its random draws depend on; none where nothing is drawn."""
    known = {program.names[var] for var in program.defaults}
    return tuple(name for name in DRAWS if name in known)


def _added(total: Any, more: Mapping[str, Any], share: float) -> dict[str, Any]:
    if total is None:
        return {name: value * share for name, value in more.items()}
    return {name: total[name] + value * share for name, value in more.items()}

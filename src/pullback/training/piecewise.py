"""From where a run stands to the next piece of steps, and what that piece has told."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from ..optim import Optimizer
from ..optim.table import factors_of_steps
from ..program import Program
from .orders import Orders
from .pieces import Pace, Piece, Pieces, RuleNumbers, Steps
from .plan import Plan
from .steps import Variables
from .totals import Columns


class Done(NamedTuple):
    """What came of a piece.

    Attributes:
        steps: How many updates were made.
        next_step: The step of the epoch that comes next; the one that failed, if one has.
        told: What each told, (steps, columns); see `Piecewise.columns`.
        weights: The sum of the weights of each step's rows.
        rows: The number of all their rows.
        rate: The learning rate of the last one.
        failed: The learning rate of the step that gave NaN or infinity; None if none has.
    """

    steps: int
    next_step: int
    told: Any
    weights: Any
    rows: int
    rate: float
    failed: float | None = None


class Piecewise:
    """The steps of a run on an engine of machine code.

    Args:
        plan: How the rows are visited.
        rule: The update rule.
        program: The training step.
        steps: What runs it.
        variables: Where training begins.

    Attributes:
        columns: Where in what a step tells what stands.
        moved: Whether steps were done since the variables were last asked for or set.
        source: What runs.
        memory_plan: Where its arrays lie, if it tells.
    """

    def __init__(
        self, plan: Plan, rule: Optimizer, program: Program, steps: Steps, variables: Variables
    ) -> None:
        self._plan, self.source = plan, steps.source
        self.memory_plan = getattr(steps, "plan", None)
        outputs = zip(program.result.paths(), program.outputs, strict=True)
        numbers = {path for path, atom in outputs if not atom.aval.shape}
        self.columns: Columns = [
            (path, columns.start if path in numbers else columns) for path, columns in steps.told
        ]
        self._pieces, self._pace, self._orders = Pieces(steps, variables), Pace(), Orders(plan)
        self._numbers = RuleNumbers(rule, plan.epochs * len(plan.slices))
        self._starts = np.array([chosen.start for chosen in plan.slices], np.int64)
        ends = np.array([chosen.stop for chosen in plan.slices], np.int64)
        self._lengths = ends - self._starts
        self._weights = self._lengths.astype(np.float64)
        self._weighed = -1 if plan.rows.weights is not None else None
        self.moved = False

    def variables(self) -> Variables:
        """A copy of where training stands."""
        self.moved = False
        return self._pieces.variables()

    def restore(self, variables: Variables) -> None:
        """Go on from other variables."""
        self._pieces.restore(variables)
        self.moved = False

    def order(self, epoch: int) -> Any:
        """The rows of an epoch in the order in which they are visited; None for as they lie."""
        return self._orders.of(epoch)

    def run(
        self, epoch: int, step: int, updates: int, base: float, factor: float, seconds: float
    ) -> Done:
        """Do the next steps of an epoch, those without weight left out.

        Args:
            epoch: The epoch, from 1.
            step: The steps of it that are done.
            updates: The updates that are done.
            base: The learning rate before schedule and callbacks.
            factor: What callbacks multiply it with.
            seconds: About how long the piece may last; 0 for one step.
        """
        order, weights = self.order(epoch), self._weights_in(epoch)
        self._pace.seconds = seconds
        chosen: Any = slice(step, step + self._pace.steps(len(weights) - step))
        if self._weighed is not None:
            live = np.flatnonzero(weights[step:]) + step
            chosen = live[: chosen.stop - chosen.start]
            if not chosen.size:
                return Done(0, len(weights), None, weights[:0], 0, 0.0)
        starts = self._starts[chosen]
        factors = factors_of_steps(self._plan.schedule, updates, len(starts))
        if factors.count(factors[0]) == len(factors):
            rates = [base * factors[0] * factor] * len(factors)
        else:
            rates = [base * each * factor for each in factors]
        numbers = self._numbers.of(updates + 1, rates)
        lengths = self._lengths[chosen][: len(rates)]
        piece = Piece(starts[: len(rates)], lengths, order, updates, numbers)
        started = time.perf_counter()
        self.moved = True
        good, told = self._pieces.run(piece, self._pace.is_long)
        self._pace.took(good, time.perf_counter() - started)
        failed = good < len(rates)
        after = good if failed else good - 1
        place = step + after if isinstance(chosen, slice) else int(chosen[after])
        return Done(
            steps=good,
            next_step=place if failed else place + 1,
            told=told,
            weights=weights[chosen][:good],
            rows=int(np.add.reduce(lengths[:good])),
            rate=rates[max(good - 1, 0)],
            failed=rates[good] if failed else None,
        )

    def _weights_in(self, epoch: int) -> Any:
        """The sum of the weights of the rows of each step of an epoch, in float64."""
        if self._weighed is not None and self._weighed != epoch:
            order, weights = self.order(epoch), self._plan.rows.weights
            visited = (weights if order is None else weights[order]).astype(np.float64)
            self._weights, self._weighed = np.add.reduceat(visited, self._starts), epoch
        return self._weights

    def close(self) -> None:
        """Give back what the engine and the helper hold."""
        self._orders.close()
        self._pieces.close()

"""From where a run stands to the next piece of steps, and what that piece has told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..optim import Optimizer
from ..optim.table import factors_of_steps
from ..program import Program
from .orders import Orders
from .pieces import Pace, Piece, Pieces, RuleNumbers, Steps
from .plan import Plan
from .steps import Variables
from .totals import Columns, Totals

CAUTION = 8
"""Epochs without a look for each that is done ahead, once somebody has looked in between."""


class Asked(NamedTuple):
    """How the steps to come are to be done.

    Attributes:
        factor: What callbacks multiply the learning rate with.
        seconds: About how long a piece may last; 0 for one step.
    """

    factor: float
    seconds: float


class Done(NamedTuple):
    """What came of some steps of one epoch.

    Attributes:
        steps: How many updates were made.
        next_step: The step of the epoch that comes next; the one that failed, if one has.
        told: What each told, (steps, columns); see `Piecewise.columns`.
        weights: The sum of the weights of each step's rows.
        rows: The number of all their rows.
        rate: The learning rate of the last one.
        seconds: How long they took.
        failed: The learning rate of the step that gave NaN or infinity; None if none has.
    """

    steps: int
    next_step: int
    told: Any
    weights: Any
    rows: int
    rate: float
    seconds: float
    failed: float | None = None


@dataclass
class Results:
    """What came of a piece, to be told epoch by epoch.

    Attributes:
        steps: Of the piece, each by its place in its epoch.
        told: What each of the good ones told, (good steps, columns).
        weights: The sum of the weights of each step's rows.
        lengths: The rows of each.
        rates: The learning rate of each.
        seconds: How long a step took.
        border: The step of the piece with which another epoch begins.
        all_steps: How many steps an epoch has.
        live_steps: How many of these have weight.
        taken: The steps that were told.
    """

    steps: Any
    told: Any
    weights: Any
    lengths: Sequence[int]
    rates: Sequence[float]
    seconds: float
    border: int
    all_steps: int
    live_steps: int
    taken: int = 0

    @property
    def is_over(self) -> bool:
        """Whether every step was told."""
        return self.taken == len(self.rates)

    @property
    def whole_epochs(self) -> int:
        """How many epochs lie whole between what was told and what was done."""
        return (len(self.told) - self.taken) // self.live_steps

    def epochs(self, columns: Columns, sums: bool) -> Totals:
        """What they sum up to, an epoch having been told to its end; `sums` as in `Totals.add`."""
        begin, steps = self.taken, self.live_steps
        end = begin + self.whole_epochs * steps
        totals = Totals.of_epochs(
            told=self.told[begin:end].reshape(-1, steps, self.told.shape[1]),
            columns=columns,
            weights=self.weights[begin : begin + steps],
            rows=sum(self.lengths[begin : begin + steps]),
            rates=np.array(self.rates[begin + steps - 1 : end : steps]),
            sums=sums,
        )
        totals.seconds = steps * self.seconds
        return totals

    def pass_epoch(self) -> None:
        """Stand where the next epoch begins."""
        self.taken, self.border = self.border, self.border + self.live_steps

    def next(self) -> Done:
        """What those steps told that lie in the next epoch, or in the rest of one."""
        begin, end = self.taken, min(self.border, len(self.told))
        failed = None
        if end == self.border:
            next_step = self.all_steps
        elif end == len(self.rates):
            next_step = int(self.steps[end - 1]) + 1
        else:
            next_step, failed = int(self.steps[end]), self.rates[end]
        self.pass_epoch()
        self.taken = end
        return Done(
            steps=end - begin,
            next_step=next_step,
            told=self.told[begin:end],
            weights=self.weights[begin:end],
            rows=sum(self.lengths[begin:end]),
            rate=self.rates[max(end - 1, 0)],
            seconds=(end - begin) * self.seconds,
            failed=failed,
        )


class Piecewise:
    """The steps of a run on an engine of machine code, which may be ahead of what is told.

    Where rows are visited in the same order in each epoch, a piece goes on from one epoch to the
    next as long as nobody looks at the variables, by one epoch for each without a look. Who does
    look, or changes something, lets the engine go back and repeat its steps up to those that were
    told: the bits are the same, and all that is done in vain or twice is one piece. From then on
    it is more cautious: a piece takes about an eighth of the epochs since the last look.

    Args:
        plan: How the rows are visited.
        rule: The update rule.
        program: The training step.
        steps: What runs it.
        variables: Where training begins.

    Attributes:
        columns: Where in what a step tells what stands.
        moved: Whether steps were told since the variables were last asked for or set.
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
        self._live = np.arange(len(plan.slices))
        self._weighed = -1 if plan.rows.weights is not None else None
        self._results: Results | None = None
        self._asked, self._quiet, self._caution = Asked(0.0, 0.0), 0, 1
        self.moved = False

    def variables(self) -> Variables:
        """A copy of where training stands."""
        self._go_back()
        self.moved = False
        return self._pieces.variables()

    def restore(self, variables: Variables) -> None:
        """Go on from other variables."""
        self._results, self._quiet = None, 0
        self._pieces.restore(variables)
        self.moved = False

    def order(self, epoch: int) -> Any:
        """The rows of an epoch in the order in which they are visited; None for as they lie."""
        return self._orders.of(epoch)

    def run(self, epoch: int, step: int, updates: int, asked: Asked) -> Done:
        """Do the next steps of an epoch, those without weight left out, unless they are done.

        Args:
            epoch: The epoch, from 1.
            step: The steps of it that are done.
            updates: The updates that are done.
            asked: How they are to be done.
        """
        results = self._present(epoch, step, updates, asked)
        if results is None:
            return Done(0, len(self._starts), None, self._weights[:0], 0, 0.0, 0.0)
        done = results.next()
        self._told(results, ends_epoch=done.next_step == len(self._starts))
        if done.failed is not None:
            self._results = None
        return done

    def whole_epochs(self, epoch: int, updates: int, asked: Asked, sums: bool) -> Totals | None:
        """What the next epochs sum up to, as many as are done whole; they are not told by this.

        Args:
            epoch: The first of them, from 1.
            updates: The updates that are done.
            asked: How they are to be done.
            sums: As for `Totals.add`.

        Returns:
            Their totals; None if a piece is shorter than an epoch.
        """
        results = self._present(epoch, 0, updates, asked)
        return results.epochs(self.columns, sums) if results and results.whole_epochs else None

    def tell_epoch(self, asked: Asked) -> int:
        """Count the next one of these epochs as told: its updates; 0 if it has to be done anew."""
        results = self._results
        if results is None or self._asked != asked:
            return 0
        results.pass_epoch()
        self._told(results, ends_epoch=True)
        return results.live_steps

    def _present(self, epoch: int, step: int, updates: int, asked: Asked) -> Results | None:
        """What is done and not yet told, or what comes of the next piece; None if none is left."""
        if self._asked != asked:
            self._go_back()
            self._asked = asked
        if self._results is None:
            self._weigh(epoch)
            first = int(np.searchsorted(self._live, step))
            if first < len(self._live):
                self._results = self._next_piece(epoch, first, updates)
        return self._results

    def _told(self, results: Results, ends_epoch: bool) -> None:
        if results.is_over:
            self._results = None
        self._quiet += ends_epoch
        self.moved = True

    def _next_piece(self, epoch: int, first: int, updates: int) -> Results:
        """Do a piece that begins with this one of the steps of an epoch that have weight."""
        started = time.perf_counter()
        order, live = self.order(epoch), self._live
        self._pace.seconds = self._asked.seconds
        left = len(live) - first
        ahead = min(self._quiet // self._caution, self._plan.epochs - epoch) if order is None else 0
        count = self._pace.steps(left + ahead * len(live))
        rates = self._rates(updates, count, self._asked.factor)
        count = len(rates)
        chosen = live.take(np.arange(first, first + count), mode="wrap")
        lengths, numbers = self._lengths[chosen], self._numbers.of(updates + 1, rates)
        piece = Piece(self._starts[chosen], lengths, order, updates, numbers)
        began = time.perf_counter()
        good, told = self._pieces.run(piece, self._pace.is_long, is_ahead=count > left)
        ended = time.perf_counter()
        self._pace.took(good, ended - began)
        return Results(
            steps=chosen,
            told=told,
            weights=self._weights[chosen],
            lengths=lengths.tolist(),
            rates=rates,
            seconds=(ended - started) / max(good, 1),
            border=left,
            all_steps=len(self._starts),
            live_steps=len(live),
        )

    def _go_back(self) -> None:
        """Stand behind the last step that was told."""
        if self._results is not None:
            self._pieces.back_to(self._results.taken)
            self._results, self._caution = None, CAUTION
        self._quiet = 0

    def _rates(self, updates: int, count: int, factor: float) -> list[float]:
        """The learning rates of the next steps; fewer where the schedule ends."""
        base = self._plan.learning_rate or 0.0
        factors = factors_of_steps(self._plan.schedule, updates, count)
        if factors.count(factors[0]) == len(factors):
            return [base * factors[0] * factor] * len(factors)
        return [base * each * factor for each in factors]

    def _weigh(self, epoch: int) -> None:
        """Find the weights of the steps of an epoch, in float64, and which have any."""
        if self._weighed is not None and self._weighed != epoch:
            order, weights = self.order(epoch), self._plan.rows.weights
            visited = (weights if order is None else weights[order]).astype(np.float64)
            self._weights, self._weighed = np.add.reduceat(visited, self._starts), epoch
            self._live = np.flatnonzero(self._weights)

    def close(self) -> None:
        """Give back what the engine and the helper hold."""
        self._orders.close()
        self._pieces.close()

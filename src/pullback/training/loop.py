"""The training loop: full batch, mini-batches or one sample at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ..errors import TrainingError, UsageError
from ..lazy import cached_property
from ..optim import final_params
from ..optim.schedule import factor_at
from ..program import UPDATE
from .callbacks import Callback, needs_each_step, watches_steps
from .divergence import AT_THE_START, Failure, all_finite, first_failure
from .metrics import NumberScores
from .pieces import SECONDS, Steps
from .piecewise import Asked, Piecewise
from .plan import Plan
from .programs import Problem
from .run import Progress
from .settings import is_solver, number_at_least_zero
from .steps import RowBuffers, Rows, Stepper, Variables
from .totals import Totals, entries, wide

ROWS_AT_ONCE = 4096


class Training:
    """A run under way: what callbacks see and what checkpoints keep.

    Attributes:
        problem: What is trained.
        plan: How the rows are visited.
        epoch: The epoch under way, from 1; 0 before the first.
        step: Steps done in it.
        updates: Updates done in all.
        ended: Why a callback has ended the run; empty while it goes on.
        interrupted: Whether the run pauses here, to be resumed some day.
        resumed: Whether it goes on from a checkpoint.
        history: The records so far.
        piece_seconds: About how long an engine of machine code runs between two looks at
            callbacks, checkpoints and Ctrl-C; 0 for a look after each step.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        stepper: Stepper,
        callbacks: Sequence[Callback],
        steps: Steps | None = None,
    ) -> None:
        self.problem, self.plan, self.callbacks = problem, plan, list(callbacks)
        self._variables = initial_variables(problem)
        self._stepper, self._row_buffers = stepper, RowBuffers(plan.rows)
        self._slices = plan.slices
        self.piece_seconds = SECONDS
        self._pieces: Piecewise | None = None
        if steps is not None:
            rule, start = problem.optimizer, self._variables
            self._pieces = Piecewise(plan, rule, stepper.step, steps, start)
        self.epoch, self.step, self.updates = 0, 0, 0
        self._rate_factor, self.ended = 1.0, ""
        self.interrupted, self.resumed = False, False
        self.brought_back: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
        self.totals = Totals()
        self.history: list[dict[str, float]] = []
        self._evaluation = stepper.evaluated(problem.evaluation())

    # What callbacks use.

    @property
    def variables(self) -> Variables:
        """Parameters, state of the layers and of the update rule; never written to."""
        if self._pieces is not None and self._pieces.moved:
            self._variables = self._pieces.variables()
        return self._variables

    @variables.setter
    def variables(self, variables: Variables) -> None:
        self._variables = variables
        if self._pieces is not None:
            self._pieces.restore(variables)

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters to evaluate and predict with."""
        if self.brought_back is not None:
            return self.brought_back[0]
        variables = self.variables
        return final_params(self.problem.optimizer, dict(variables.params), variables.rule_state)

    @property
    def state(self) -> Mapping[str, Any]:
        """The state of the layers."""
        if self.brought_back is not None:
            return self.brought_back[1]
        return self.variables.state

    @property
    def rate_factor(self) -> float:
        """The learning rate is multiplied by it; a finite number of at least 0."""
        return self._rate_factor

    @rate_factor.setter
    def rate_factor(self, factor: float) -> None:
        self._rate_factor = number_at_least_zero("rate_factor", factor)

    @property
    def learning_rate(self) -> float:
        """That of the next update; 0 for a solver."""
        factor = factor_at(self.plan.schedule, self.updates)
        return (self.plan.learning_rate or 0.0) * factor * self.rate_factor

    @property
    def epochs(self) -> int:
        """How many epochs there will be."""
        return self.plan.epochs

    def stop(self, reason: str) -> None:
        """End the run after the step or epoch at hand; `Run.ended` tells the reason, in words."""
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(f"stop({reason!r}): it must be a reason in words.")
        self.ended = reason

    def bring_back(self, params: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Let the run result in these parameters and this state."""
        self.brought_back = (params, state)

    @property
    def goes_on(self) -> bool:
        """Whether nothing has ended or interrupted the run."""
        return not self.ended and not self.interrupted

    @property
    def engine_source(self) -> str:
        """The source of the steps that an engine of machine code runs; empty on the reference."""
        return "" if self._pieces is None else self._pieces.source

    @property
    def engine_plan(self) -> Any:
        """Where the arrays of an engine of machine code lie; None on the reference."""
        return None if self._pieces is None else self._pieces.memory_plan

    def close(self) -> None:
        """Give back what an engine holds; the variables stay."""
        if self._pieces is not None:
            self._variables = self.variables
            self._pieces.close()
            self._pieces = None

    # The loop.

    def begin(self) -> None:
        """Tell the callbacks that the run begins."""
        for callback in self.callbacks:
            callback.on_begin(self)

    def end(self) -> None:
        """Tell the callbacks that the run has ended: all of them, also when one fails."""
        with ExitStack() as calls:  # it calls the last one first
            for callback in reversed(self.callbacks):
                calls.callback(callback.on_end, self)

    def accept(self, params: Mapping[str, Any]) -> None:
        """Take the parameters that a solver has found; each counts as an epoch."""
        self.variables = Variables(params, self.variables.state, self.variables.rule_state)
        self.epoch, self.updates = self.epoch + 1, self.updates + 1
        self._close_epoch(self._record(self.totals))

    def run(self, after_step: Callable[[], None]) -> None:
        """Train to the end, from wherever the run stands.

        Args:
            after_step: Called between two steps: the place for a checkpoint or a stop.
        """
        if not self.history:
            self.open()
            after_step()
        if self.goes_on and len(self.history) == self.epoch:
            self._finish_epoch(after_step)
        while self.goes_on and self.epoch < self.plan.epochs:
            totals = self._whole_epochs()
            if self._pieces is not None and totals is not None:
                self._tell_epochs(self._pieces, totals, after_step)
            else:
                self.epoch, self.step = self.epoch + 1, 0
                self._finish_epoch(after_step)

    def open(self) -> None:
        """Write the record of the start."""
        self._close_epoch(self._record(self.totals))

    def _finish_epoch(self, after_step: Callable[[], None]) -> None:
        order = self.plan.order(self.epoch) if self._pieces is None else None
        while self.step < len(self._slices):
            if self._pieces is None:
                started = time.perf_counter()
                self._one_step(self._rows_of(self.step, order))
                self.totals.seconds += time.perf_counter() - started
            else:
                self._one_piece(self._pieces)
            if self.step < len(self._slices):
                after_step()
                if not self.goes_on:
                    return
        self._close_epoch(self._record(self.totals))
        after_step()

    def _whole_epochs(self) -> Totals | None:
        """What the next epochs sum up to, if an engine does them whole and nobody looks inside."""
        if self._pieces is None or self._watching or self.plan.validation is not None:
            return None
        return self._pieces.whole_epochs(self.epoch + 1, self.updates, self._asked, self._sums)

    def _tell_epochs(
        self, pieces: Piecewise, totals: Totals, after_step: Callable[[], None]
    ) -> None:
        """Tell of epochs that are done, as long as nobody asks for others."""
        for record in entries(self._record(totals)):
            if not self.goes_on or self._watching:
                return
            steps = pieces.tell_epoch(self._asked)
            if not steps:
                return
            self.epoch, self.step = self.epoch + 1, len(self._slices)
            self.updates += steps
            self._close_epoch(record | {"epoch": self.epoch})
            after_step()

    def _one_step(self, rows: Rows) -> None:
        if not rows.weight:  # nothing to learn from rows that do not count
            self.step += 1
            return
        rate = self.learning_rate
        numbers = self.problem.optimizer.numbers(self.updates + 1, rate)
        arguments = (rows, self.variables, self.updates, numbers)
        result = self._stepper(*arguments)
        loss, moved = float(result["loss"]), self.variables.after(result)
        if not (math.isfinite(loss) and all_finite(moved)):
            raise self._diverged(first_failure(self._stepper, *arguments), rate)
        self._variables = moved
        self.step, self.updates = self.step + 1, self.updates + 1
        self.totals.add(result, rows.weight, len(rows), rate, self._sums)
        self._tell_step()

    def _one_piece(self, pieces: Piecewise) -> None:
        """Some steps at once; one where somebody watches each of them."""
        done = pieces.run(self.epoch, self.step, self.updates, self._asked)
        self.updates += done.steps
        self.step = done.next_step
        self.totals.seconds += done.seconds
        if done.steps:
            of = done.weights, done.rows, done.rate
            self.totals.add_steps(done.told, pieces.columns, *of, self._sums)
        if done.failed is not None:
            rows = self._rows_of(done.next_step, pieces.order(self.epoch))
            numbers = self.problem.optimizer.numbers(self.updates + 1, done.failed)
            arguments = (rows, self.variables, self.updates, numbers)
            raise self._diverged(first_failure(self._stepper, *arguments), done.failed)
        if done.steps:
            self._tell_step()

    @property
    def _asked(self) -> Asked:
        alone = not self.piece_seconds or any(map(needs_each_step, self.callbacks))
        return Asked(self._rate_factor, 0.0 if alone else self.piece_seconds)

    def _rows_of(self, step: int, order: Any) -> Rows:
        chosen = self._slices[step]
        return self._row_buffers.chosen(chosen if order is None else order[chosen])

    def _tell_step(self) -> None:
        if watching := self._watching:
            progress = self._progress()
            for callback in watching:
                callback.on_step(self, progress)

    @property
    def _watching(self) -> list[Callback]:
        return [callback for callback in self.callbacks if watches_steps(callback)]

    @property
    def _sums(self) -> bool:
        """Whether the loss sums over rows; the penalty then still counts once, not per step."""
        return self.problem.loss.reduction == "sum"

    def _loss_so_far(self, totals: Totals) -> Any:
        """Of an epoch, with the mean penalty of its steps."""
        loss = totals.loss if self._sums else totals.loss / totals.weight
        return loss + totals.penalty / totals.weight

    def _progress(self) -> Progress:
        totals = self.totals
        accuracy = totals.metrics.get("accuracy")
        return Progress(
            epoch=self.epoch,
            epochs=self.plan.epochs,
            step=self.step,
            steps=len(self._slices),
            loss=self._loss_so_far(totals),
            accuracy=None if accuracy is None else accuracy / totals.rows,
        )

    # Records.

    def _close_epoch(self, record: dict[str, float]) -> None:
        """Keep the record of the epoch and tell the callbacks."""
        self.history.append(record)
        self.totals = Totals()
        for callback in self.callbacks:
            callback.on_epoch(self, record)

    def _record(self, totals: Totals) -> dict[str, Any]:
        """What is told of an epoch; of several at once it is arrays, with an entry for each."""
        seconds = totals.seconds
        record: dict[str, Any] = {"epoch": self.epoch}
        if totals.rows:
            record["loss"] = self._loss_so_far(totals)
            if self.problem.penalty is not None:
                record["penalty"] = totals.penalty / totals.weight
            record |= self._told(totals.metrics, totals.rows, self.plan.rows)
        else:
            record |= self._evaluated(self.plan.rows)
        if self.plan.validation is not None:
            held_out = self._evaluated(self.plan.validation)
            held_out.pop("penalty", None)
            record |= {f"validation_{name}": value for name, value in held_out.items()}
        if self.plan.learning_rate is not None:
            record["learning_rate"] = totals.learning_rate if totals.rows else self.learning_rate
        speed = totals.rows / seconds if seconds else 0.0
        return record | {"seconds": seconds, "samples_per_second": speed}

    def _evaluated(self, rows: Rows) -> dict[str, float]:
        """Loss (with the penalty) and metrics of the present parameters on all rows."""
        loss, metrics = 0.0, dict[str, Any]()
        params = self.params
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows.chosen(slice(start, start + ROWS_AT_ONCE))
            result = self._evaluation(*part.flat, *params.values(), *self.state.values())
            if part.weight:
                loss += float(result["loss"]) * (1 if self._sums else part.weight)
            for name, value in result.get("metrics", {}).items():
                metrics[name] = metrics.get(name, 0.0) + wide(value)
        loss = loss if self._sums else loss / rows.weight
        record = {"loss": loss}
        if self.problem.penalty is not None:
            record["penalty"] = float(self._penalty(*params.values()))
            record["loss"] += record["penalty"]
        return record | self._told(metrics, len(rows), rows)

    @cached_property
    def _penalty(self) -> Callable[..., Any]:
        return self._stepper.evaluated(self.problem.penalty_program())

    def _told(self, sums: Mapping[str, Any], count: int, rows: Rows) -> dict[str, float]:
        """What the sums over so many rows of a set say of it."""
        means = {name: total / count for name, total in sums.items()}
        if not self.problem.tells_errors:
            return means
        scale = self.problem.target_scale
        errors = means.pop("absolute_error"), means.pop("squared_error")
        scores = NumberScores.of(*errors, rows.variance, 1.0 if scale is None else scale.scale)
        return scores.told() | means

    def _diverged(self, failure: Failure, rate: float) -> TrainingError:
        """What to raise when the step at hand has made NaN or infinity."""
        if not failure.stage and self._pieces is not None:
            advice = "try engine='reference', which rounds otherwise"
        elif self.updates or failure.stage == UPDATE:
            advice = f"try a learning rate below {rate:g}, or inputs with scaling 'standard'"
        else:
            advice = AT_THE_START
        return TrainingError(
            f"Training diverged at epoch {self.epoch}, step {self.step + 1}. {failure.sentence} "
            f"The last good weights stay; {advice}."
        )


def initial_variables(problem: Problem) -> Variables:
    """Where training begins; a solver keeps no state of its own."""
    rule: Any = problem.optimizer
    rule_state = {} if is_solver(rule) else rule.init(problem.params)
    return Variables(dict(problem.params), dict(problem.state), rule_state)

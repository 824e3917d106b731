"""Many steps in one call: the pieces in which an engine of machine code runs an epoch."""

from __future__ import annotations

import contextvars
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..optim import Optimizer
from ..optim.table import numbers_of_steps
from ..trees import flatten, unflatten
from .steps import Variables

SECONDS = 0.1
"""How long a piece lasts: Ctrl-C, checkpoints and a bar wait for no more than that."""

LONG = 0.2
"""A step of more seconds than this runs in a thread, while signals are answered."""

KEPT_FOR = 0.05
"""Seconds of work after which the variables are copied again, to go back to."""

COPIES = 20
"""... and that many times the seconds that a copy takes."""

TABLE = 1024
"""Steps whose numbers are asked for at once."""


class Steps(Protocol):
    """What runs steps one after the other without Python between them; see `NativeSteps`."""

    told: Sequence[tuple[tuple[Any, ...], slice]]
    """Paths in the step's result, ("metrics", "accuracy"), and the columns that `run` tells."""
    source: str

    def run(
        self, starts: Any, lengths: Any, order: Any, first_update: int, numbers: Any
    ) -> tuple[int, Any]:
        """How many steps were done, and what each tells; it ends after a loss that is not finite.

        Args:
            starts: The place in the order at which each step begins, int64.
            lengths: The rows of each step, int64.
            order: Rows in the order in which they are visited; None for as they lie.
            first_update: The number of updates done before.
            numbers: The update rule's numbers of each step, float64 (steps, numbers).
        """

    def is_finite(self) -> bool:
        """Whether all variables are finite. True is certain; False may be a false alarm."""

    def variables(self) -> Sequence[Any]:
        """Views of the present variables, contiguous: the same ones all the time."""

    def restore(self, variables: Sequence[Any]) -> None:
        """Copy other variables in."""

    def interrupt(self) -> None:
        """Stop after the step at hand; called from another thread."""

    def close(self) -> None:
        """Give back what is held."""


class Piece(NamedTuple):
    """Some steps; the fields are the arguments of `Steps.run`."""

    starts: Any
    lengths: Any
    order: Any
    first_update: int
    numbers: Any

    def of(self, first: int, count: int) -> Piece:
        """Some of its steps."""
        chosen = slice(first, first + count)
        return Piece(
            self.starts[chosen],
            self.lengths[chosen],
            self.order,
            self.first_update + first,
            self.numbers[chosen],
        )


class Pieces:
    """Runs pieces, keeps what it takes to go back, and finds the step that went wrong.

    Args:
        steps: What runs them.
        variables: Where training stands.
    """

    def __init__(self, steps: Steps, variables: Variables) -> None:
        self._steps = steps
        self.source = steps.source
        self._like = variables
        self._structure = flatten(variables.rule_state)[1]
        self._kept = [np.array(value) for value in _flat(variables)]
        self._loss = next(columns for path, columns in steps.told if path == ("loss",)).start
        self._lost = False
        self.restore(variables)

    def restore(self, variables: Variables) -> None:
        """Go on from other variables."""
        self._steps.restore(_flat(variables))
        self._keep()

    def variables(self) -> Variables:
        """A copy of where training stands."""
        return self._variables([np.array(v) for v in (self._kept if self._lost else self._views())])

    def run(self, piece: Piece, is_long: bool, is_ahead: bool = False) -> tuple[int, Any]:
        """Do the steps of a piece: how many were good, and what these told.

        After a step that gave a loss or variables that are not finite, the variables are those
        before it. (Where none was good, the piece begins with it.)

        Args:
            piece: The steps.
            is_long: Whether a step may take so long that signals must be answered meanwhile.
            is_ahead: Whether `back_to` may soon be asked for, with little to repeat.
        """
        if self._seconds >= max(0.0 if is_ahead else KEPT_FOR, COPIES * self._copying):
            self._keep()
        started = time.perf_counter()
        done, told = (
            answering(lambda: self._done(piece), self._give_up) if is_long else self._done(piece)
        )
        self._seconds += time.perf_counter() - started
        wanted = len(piece.starts)
        good = self._good(done, told)
        if good < wanted or not self._is_finite():
            good = self._go_back(piece, good)
        self._since.append(piece.of(0, good) if good < wanted else piece)
        return good, told[:good]

    def back_to(self, steps: int) -> None:
        """Stand where so many steps of the last piece were done."""
        self._since[-1] = self._since[-1].of(0, steps)
        self._again()

    def close(self) -> None:
        """Give back what the engine holds."""
        self._steps.close()

    def _good(self, done: int, told: Any) -> int:
        """How many steps gave a finite loss: they end after one that is not."""
        return done if done and math.isfinite(told[done - 1, self._loss]) else max(done - 1, 0)

    def _go_back(self, piece: Piece, good: int) -> int:
        """Stand behind the last good step of a piece, of which so many had a finite loss."""
        self._again(piece.of(0, good))
        if self._is_finite():
            return good
        # An update overflowed before a loss did: one step after the other shows which.
        self._again(piece.of(0, 0))
        for step in range(good):
            self._done(piece.of(step, 1))
            if not self._is_finite():
                self._again(piece.of(0, step))
                return step
        return good

    def _again(self, *more: Piece) -> None:
        """Repeat all that was done since the variables were kept, and do more."""
        self._steps.restore(self._kept)
        for past in [*self._since, *more]:
            if len(past.starts):
                self._done(past)

    def _done(self, piece: Piece) -> tuple[int, Any]:
        return self._steps.run(
            piece.starts, piece.lengths, piece.order, piece.first_update, piece.numbers
        )

    def _keep(self) -> None:
        started = time.perf_counter()
        for kept, value in zip(self._kept, self._views(), strict=True):
            np.copyto(kept, value)
        self._since: list[Piece] = []
        self._seconds, self._copying = 0.0, time.perf_counter() - started

    def _give_up(self) -> None:
        """Leave a step to itself that somebody does not want to wait for."""
        self._lost = True
        self._steps.interrupt()

    def _is_finite(self) -> bool:
        return self._steps.is_finite() or all(bool(np.all(np.isfinite(v))) for v in self._views())

    def _views(self) -> list[Any]:
        return list(self._steps.variables())

    def _variables(self, flat: list[Any]) -> Variables:
        like = self._like
        params, state = len(like.params), len(like.params) + len(like.state)
        return Variables(
            dict(zip(like.params, flat[:params], strict=True)),
            dict(zip(like.state, flat[params:state], strict=True)),
            unflatten(self._structure, flat[state:]),
        )


class Pace:
    """How many steps make a piece, by the time that the last ones took.

    Args:
        seconds: How long a piece lasts; 0 for pieces of one step.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._each: float | None = None

    @property
    def is_long(self) -> bool:
        """Whether a step takes long, or nobody knows."""
        return self._each is None or self._each > LONG

    def steps(self, left: int) -> int:
        """The steps of the next piece, at least 1 and no more than are left."""
        if self._each is None or not self.seconds:
            return 1
        return max(1, min(left, int(self.seconds / max(self._each, 1e-9))))

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a piece."""
        if steps:
            self._each = seconds / steps


class RuleNumbers:
    """The update rule's numbers of one piece after another.

    Args:
        rule: The update rule.
        last: The last step of the run.
    """

    def __init__(self, rule: Optimizer, last: int) -> None:
        self._rule, self._last = rule, last
        self._rate, self._first, self._table = 0.0, 0, np.empty((0, 0))

    def of(self, first: int, rates: Sequence[float]) -> Any:
        """Those of the steps from `first` on, from 1: float64 (steps, numbers)."""
        count, rate = len(rates), rates[0]
        if rates.count(rate) < count:
            return numbers_of_steps(self._rule, first, rates)
        place = first - self._first
        if rate != self._rate or not 0 <= place <= len(self._table) - count:
            ahead = max(count, min(TABLE, self._last + 1 - first))
            self._table = numbers_of_steps(self._rule, first, [rate] * ahead)
            self._rate, self._first, place = rate, first, 0
        return self._table[place : place + count]


def answering(call: Callable[[], Any], give_up: Callable[[], None] = lambda: None) -> Any:
    """What `call()` gives, while this thread answers signals.

    Signals reach Python's main thread only, and only between two of its instructions: a call into
    machine code holds them up. So it runs in another thread, which costs about 0.1 ms.

    Args:
        call: What to do.
        give_up: Called when a signal's handler raises; the call is then left to itself.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    results: list[Any] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def work() -> None:
        try:
            results.append(context.run(call))
        except BaseException as error:
            errors.append(error)

    worker = threading.Thread(target=work, name="pullback-steps", daemon=True)
    worker.start()
    try:
        while worker.is_alive():
            worker.join(0.1)
    except BaseException:
        give_up()
        raise
    if errors:
        raise errors[0]
    return results[0]


def _flat(variables: Variables) -> list[Any]:
    return [*variables.flat, *flatten(variables.rule_state)[0]]

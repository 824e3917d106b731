"""The engine of a run: what was asked for, what it comes to, and its steps."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engines import choice
from ..engines.choice import AUTO, NATIVE, REFERENCE
from ..engines.native import NotCompilable
from ..engines.threads import thread_count
from ..errors import UsageError
from ..trees import flatten
from .settings import is_solver

if TYPE_CHECKING:
    from .pieces import Steps
    from .prepared import Prepared


def checked_engine(asked: Any, rule: Any, accumulate: int) -> str:
    """The word for an engine, when work of this kind can run on it.

    Raises:
        UsageError: When there is no such engine, or it is not installed, or it does not run
            solvers or steps of several batches.
    """
    engine: str = choice.checked_engine(asked)
    if engine != NATIVE:
        return engine
    kind = _kept_from_pieces(rule, accumulate)
    if kind:
        raise UsageError(f"engine='native' does not run {kind}; write engine='reference'.")
    missing = choice.missing_for_native()
    if missing:
        raise UsageError(f"engine='native': {missing}")
    return engine


def engine_of(prepared: Prepared) -> str:
    """ "reference" or "native": what "auto" means for a run; see `chosen_engine`.

    A step that the native engine cannot compile runs on the reference engine as a whole, with one
    notice that names the equation.

    Raises:
        UsageError: When "native" was asked for and cannot compile the step.
    """
    asked = prepared.given["engine"]
    if asked == REFERENCE or _kept_from_pieces(
        prepared.problem.optimizer, prepared.given["accumulate"]
    ):
        return REFERENCE
    plan = prepared.plan
    if asked == AUTO:
        sizes = dict.fromkeys(prepared.step.axes, plan.step_rows)
        runs = len(plan.slices) * plan.epochs
        if choice.chosen_engine(prepared.step, sizes, runs) == REFERENCE:
            return REFERENCE
    try:
        vars(prepared)["_first_steps"] = _new_steps(prepared)
    except NotCompilable as error:
        if asked == NATIVE:
            raise UsageError(f"engine='native': {error}") from error
        _tell(f"This runs on the reference engine: {error}")
        return REFERENCE
    return NATIVE


def steps_of(prepared: Prepared) -> Steps:
    """The native engine's steps for a run of its own."""
    first: Steps | None = vars(prepared).pop("_first_steps", None)
    return _new_steps(prepared) if first is None else first


def _new_steps(prepared: Prepared) -> Steps:
    from .loop import initial_variables

    start = initial_variables(prepared.problem)
    variables = [*start.flat, *flatten(start.rule_state)[0]]
    lengths = sorted({chosen.stop - chosen.start for chosen in prepared.plan.slices})
    rows, seed = prepared.plan.rows.flat, prepared.given["seed"]
    rule: Any = prepared.problem.optimizer
    steps: Steps = choice.native_steps(
        prepared.step, rows, variables, seed, lengths, thread_count()
    )
    # No step at all: it is compiled here, before anything is timed or written down.
    nothing = np.empty(0, np.int64)
    steps.run(nothing, nothing, None, 0, np.empty((0, len(rule.numbers(1, 1.0)))))
    return steps


def _kept_from_pieces(rule: Any, accumulate: int) -> str:
    """What the native engine does not run, in words; empty for what it may run."""
    if is_solver(rule):
        return "L-BFGS"
    return f"accumulate={accumulate}" if accumulate > 1 else ""


def _tell(line: str) -> None:
    if not choice.notice(line):
        warnings.warn(line, stacklevel=2)

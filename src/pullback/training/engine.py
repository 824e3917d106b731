"""The engine of a run: what was asked for, what it comes to, and its steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engines import choice
from ..engines.choice import AUTO, NATIVE, REFERENCE
from ..engines.native import NotCompilable
from ..engines.reference import executable
from ..engines.threads import thread_count
from ..errors import UsageError
from ..program import Program
from ..trees import flatten
from .settings import is_solver

Flat = Callable[..., Any]

if TYPE_CHECKING:
    from .pieces import Steps
    from .prepared import Prepared


def checked_engine(asked: Any) -> str:
    """The word for an engine.

    Raises:
        UsageError: When there is no such engine, or it is not installed.
    """
    engine: str = choice.checked_engine(asked)
    missing = choice.missing_for_native() if engine == NATIVE else ""
    if missing:
        raise UsageError(f"engine='native': {missing}")
    return engine


def engine_of(prepared: Prepared) -> str:
    """ "reference" or "native": what "auto" means for a run; see `chosen_engine`.

    What the native engine cannot compile runs on the reference engine as a whole, with one notice
    that names the equation.

    Raises:
        UsageError: When "native" was asked for and cannot compile the step.
    """
    asked = prepared.given["engine"]
    if asked == REFERENCE or (asked == AUTO and _chosen(prepared) == REFERENCE):
        return REFERENCE
    try:
        if is_solver(prepared.problem.optimizer):
            _compiled_for(prepared.wide_step, prepared.plan.step_rows)
        elif prepared.given["accumulate"] > 1:
            for program in prepared.halves:
                _compiled_for(program, prepared.part_rows)
        else:
            vars(prepared)["_first_steps"] = _new_steps(prepared)
    except NotCompilable as error:
        if asked == NATIVE:
            raise UsageError(f"engine='native': {error}") from error
        choice.tell_of_reference(error)
        return REFERENCE
    return NATIVE


def _chosen(prepared: Prepared) -> str:
    """The engine for the sizes of a run."""
    plan, parts = prepared.plan, prepared.given["accumulate"]
    program, rows = prepared.step, plan.step_rows
    runs = len(plan.slices) * plan.epochs
    if parts > 1:
        rows, runs = prepared.part_rows, runs * parts
    return choice.chosen_engine(program, dict.fromkeys(program.axes, rows), runs)


def _compiled_for(program: Program, rows: int) -> None:
    """Compile a program before anything is timed or written down."""
    choice.native_executable(program).modules.compile_for(rows)


def evaluated_by(prepared: Prepared) -> Callable[[Program], Flat]:
    """What makes the program that looks at all rows callable, for a run on its engine.

    A native run compiles it where this is worth it; it looks at the training rows at the start
    and at the validation rows after each epoch.
    """
    plan = prepared.plan
    held_out = 0 if plan.validation is None else len(plan.validation)
    rows = len(plan.rows) + (plan.epochs + 1) * held_out

    def flat(program: Program) -> Flat:
        sizes = dict.fromkeys(program.axes, rows)
        if prepared.engine == NATIVE and choice.chosen_engine(program, sizes, 1) == NATIVE:
            try:
                return native_flat(program)
            except NotCompilable:  # as quietly as it would be for fewer rows
                pass
        return executable(program).flat

    return flat


def native_flat(program: Program) -> Flat:
    """A program on the native engine, taking one value per input."""
    flat: Flat = choice.native_executable(program).flat
    return flat


def engine_source(prepared: Prepared) -> str:
    """The loops that ran where steps are not run in pieces; empty on the reference engine."""
    if prepared.engine == REFERENCE:
        return ""
    if is_solver(prepared.problem.optimizer):
        programs: Sequence[Program] = [prepared.wide_step]
    else:
        programs = prepared.halves
    return "\n\n".join(choice.native_executable(each).engine_source for each in programs)


def steps_of(prepared: Prepared) -> Steps | None:
    """The native engine's steps for a run of its own; None where Python goes from step to step."""
    by_python = is_solver(prepared.problem.optimizer) or prepared.given["accumulate"] > 1
    if prepared.engine == REFERENCE or by_python:
        return None
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

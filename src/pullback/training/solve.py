"""Training by a solver, which chooses its own steps from the derived value and gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..engines.reference import executable
from ..errors import TrainingError, UsageError
from ..program import Program
from .divergence import AT_THE_START, failure_of
from .loop import Training
from .steps import draws_of


def solve(
    training: Training,
    program: Program,
    compiled: Callable[[Program], Callable[..., Any]] = executable,
) -> str:
    """Minimize the loss over all training rows; one record of the history an iteration.

    A line search compares losses that hardly differ, which float32 cannot tell apart, so the
    search is done in float64 whatever the dtype of the run, whose parameters are rounded to it.

    Args:
        training: The run at its start.
        program: (batch, params, state) -> the loss and its gradient, in float64.
        compiled: What makes it callable.

    Returns:
        Why it ended; empty when it found a minimum.

    Raises:
        TrainingError: When the loss is not finite at the initial parameters.
        UsageError: When the loss is another one at each look (dropout, random slopes), or the
            network keeps running statistics, which follow training step by step (BatchNorm).
    """
    problem, rows = training.problem, training.plan.rows
    if draws_of(program):
        raise UsageError(
            "L-BFGS needs the same loss at every look; this network draws random numbers."
        )
    if problem.state:
        raise UsageError(
            f"L-BFGS keeps no running statistics, and this network needs {', '.join(problem.state)}"
            "; take LayerNorm in place of BatchNorm, or an update rule such as pb.optim.Adam()."
        )
    run = compiled(program)
    batch = [_in_float64(array) for array in rows.flat]

    def value_and_gradient(params: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
        loss, gradients = run(*batch, dict(params), {})
        return float(loss), gradients

    def on_iteration(iteration: int, loss: float, params: Mapping[str, Any]) -> bool:
        training.accept({name: value.astype(problem.dtype) for name, value in params.items()})
        return not training.goes_on

    solver: Any = problem.optimizer
    try:
        training.begin()
        training.open()
        start = {name: _in_float64(value) for name, value in problem.params.items()}
        failure = failure_of(program, [*batch, *start.values()], {})
        if failure is not None:
            raise TrainingError(
                "L-BFGS cannot begin: the loss or its gradient is not finite. "
                f"{failure.sentence} {AT_THE_START.capitalize()}."
            )
        _, report = solver.minimize(value_and_gradient, start, on_iteration)
    finally:
        training.end()
    return "" if report.converged else str(report.reason)


def _in_float64(array: Any) -> Any:
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array

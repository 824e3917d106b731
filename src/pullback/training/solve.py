"""Training by a solver, which chooses its own steps from the derived value and gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engines.reference import executable
from ..errors import UsageError
from ..program import Program
from .loop import Training
from .steps import draws_of


def solve(training: Training, program: Program) -> str:
    """Minimize the loss over all training rows; one record of the history an iteration.

    Args:
        training: The run at its start.
        program: (batch, params, state) -> the loss and its gradient.

    Returns:
        Why it ended; empty when it found a minimum.

    Raises:
        UsageError: When the loss is another one at each look (dropout, random slopes).
    """
    problem, rows = training.problem, training.plan.rows
    if draws_of(program):
        raise UsageError(
            "L-BFGS needs the same loss at every look; this network draws random numbers."
        )
    run = executable(program)

    def value_and_gradient(params: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
        loss, gradients = run(*rows.flat, dict(params), training.state)
        return float(loss), gradients

    def on_iteration(iteration: int, loss: float, params: Mapping[str, Any]) -> bool:
        training.accept(params)
        return not training.goes_on

    solver: Any = problem.optimizer
    training.begin()
    training.open()
    try:
        _, report = solver.minimize(value_and_gradient, problem.params, on_iteration)
    finally:
        training.end()
    return "" if report.converged else str(report.reason)

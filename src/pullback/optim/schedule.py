"""What a schedule is: the factor of the learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from .settings import AT_LEAST_0, COUNT, Checked


class Schedule(Checked):
    """A function of the step: schedule(step) is what the learning rate is multiplied with.

    `step` counts the updates done before, so the first has step 0. Any function of that kind
    may stand for a schedule. Lengths are in steps; None is filled in by `over`.

    Example:
        >>> import pullback as pb
        >>> schedule = pb.optim.Cosine().over(total_steps=100)
        >>> schedule(0), round(schedule(50), 4), schedule(100)
        (1.0, 0.5, 1.0)
    """

    def __call__(self, step: int) -> float:
        """The factor of the update that follows `step` others, at least 0."""
        raise NotImplementedError

    def over(self, total_steps: int) -> Any:
        """The same schedule for a run of so many steps, with all lengths known."""
        return self

    def _known(self, name: str) -> Any:
        value = getattr(self, name)
        if value is None:
            raise UsageError(
                f"{type(self).__name__}({name}=None) follows the length of the run; "
                "give it, or call .over(total_steps) first."
            )
        return value


@dataclass(frozen=True, repr=False)
class Constant(Schedule):
    """1 at every step.

    Example:
        >>> import pullback as pb
        >>> pb.optim.Constant()(1000)
        1.0
    """

    def __call__(self, step: int) -> float:
        """1."""
        return 1.0


def schedule_over(schedule: Any, total_steps: int) -> Callable[[int], float]:
    """A schedule for a run of so many steps.

    Args:
        schedule: A schedule, whose lengths of None are filled in, or a function of the step,
            which is used as it is; None for `Constant()`.
        total_steps: All updates of the run, at least 1.

    Returns:
        A function of the step.

    Raises:
        UsageError: When it is neither a schedule nor a function.

    Example:
        >>> from pullback.optim import Cosine, schedule_over
        >>> schedule_over(Cosine(), 100)
        Cosine(period=100)
    """
    total_steps = COUNT.checked(f"total_steps={total_steps!r}", total_steps)
    if schedule is None:
        return Constant()
    check_schedule("schedule", schedule)
    fill = getattr(schedule, "over", None)
    known: Callable[[int], float] = schedule if fill is None else fill(total_steps)
    return known


def check_schedule(setting: str, schedule: Any) -> None:
    """Raises `UsageError`, which names the setting, when it is no function of the step."""
    if isinstance(schedule, type) or not callable(schedule):
        raise UsageError(
            f"{setting}={schedule!r}: it must be a schedule such as pb.optim.Cosine(), or a "
            "function of the step."
        )


def factor_at(schedule: Callable[[int], float], step: int) -> float:
    """What a schedule gives at a step, as a Python float.

    Args:
        schedule: A function of the step.
        step: The number of updates done before, at least 0.

    Returns:
        A finite number of at least 0.

    Raises:
        UsageError: When it gives anything else.

    Example:
        >>> from pullback.optim import factor_at
        >>> factor_at(lambda step: 1 / (step + 1), 3)
        0.25
    """
    factor = schedule(step)
    if type(factor) is float and 0 <= factor < math.inf:
        return factor
    if isinstance(factor, np.ndarray) and factor.ndim == 0:
        factor = factor.item()
    name = getattr(schedule, "__name__", schedule)
    told = f"The schedule {name} gave {factor!r} at step {step}"
    checked: float = AT_LEAST_0.checked(told, factor)
    return checked

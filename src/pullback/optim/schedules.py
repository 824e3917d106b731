"""The schedules: steps, exponential, inverse time, cosine, warm-up, one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .schedule import Constant, Schedule, check_schedule, factor_at, schedule_over
from .settings import (
    ABOVE_0,
    AT_LEAST_0,
    AT_LEAST_1,
    COUNT_OR_NONE,
    FROM_0_TO_1,
    Range,
)

UNCHANGED = Constant()


@dataclass(frozen=True, repr=False)
class Step(Schedule):
    """factor^floor(step / every): one cut after every so many steps.

    As `torch.optim.lr_scheduler.StepLR(every, gamma=factor)`.

    Args:
        every: Steps between cuts, a whole number of at least 1; None for a third of the run.
        factor: What each cut multiplies with, a finite number of at least 0.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import pullback as pb
        >>> [pb.optim.Step(every=2, factor=0.5)(step) for step in range(5)]
        [1.0, 1.0, 0.5, 0.5, 0.25]

    Source: CS231n, Neural networks part 3, "Annealing the learning rate".
    """

    every: int | None = None
    factor: float = 0.1
    ranges: ClassVar[dict[str, Range]] = {"every": COUNT_OR_NONE, "factor": AT_LEAST_0}

    def __call__(self, step: int) -> float:
        """factor^floor(step / every)."""
        return _power(self.factor, step // self._known("every"))

    def over(self, total_steps: int) -> Step:
        """Three stages of equal length when `every` is None."""
        return replace(self, every=self.every or math.ceil(total_steps / 3))


@dataclass(frozen=True, repr=False)
class Exponential(Schedule):
    """factor^(step / per): the same share is lost at every step.

    With per=1 as `torch.optim.lr_scheduler.ExponentialLR(gamma=factor)`.

    Args:
        factor: The factor after `per` steps, a finite number above 0.
        per: A whole number of at least 1; None for the whole run.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import pullback as pb
        >>> [pb.optim.Exponential(0.25, per=2)(step) for step in range(4)]
        [1.0, 0.5, 0.25, 0.125]

    Source: CS231n, Neural networks part 3, "Annealing the learning rate".
    """

    factor: float = 0.1
    per: int | None = None
    ranges: ClassVar[dict[str, Range]] = {"factor": ABOVE_0, "per": COUNT_OR_NONE}

    def __call__(self, step: int) -> float:
        """factor^(step / per)."""
        return _power(self.factor, step / self._known("per"))

    def over(self, total_steps: int) -> Exponential:
        """`factor` is reached at the end of the run when `per` is None."""
        return replace(self, per=self.per or total_steps)


@dataclass(frozen=True, repr=False)
class InverseTime(Schedule):
    """1 / (1 + decay * step / per): fast at first, then ever slower.

    Rates that fall as 1 / step satisfy the conditions of Robbins and Monro (1951). PyTorch has
    no schedule of this form.

    Args:
        decay: A finite number of at least 0; after `per` steps the factor is 1 / (1 + decay).
        per: A whole number of at least 1; None for the whole run.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import pullback as pb
        >>> [pb.optim.InverseTime(1.0, per=1)(step) for step in (0, 1, 3)]
        [1.0, 0.5, 0.25]

    Source: CS231n, Neural networks part 3, "Annealing the learning rate", where it is 1/t decay.
    """

    decay: float = 9.0
    per: int | None = None
    ranges: ClassVar[dict[str, Range]] = {"decay": AT_LEAST_0, "per": COUNT_OR_NONE}

    def __call__(self, step: int) -> float:
        """1 / (1 + decay * step / per)."""
        share: float = step / self._known("per")
        return 1 / (1 + self.decay * share)

    def over(self, total_steps: int) -> InverseTime:
        """1 / (1 + decay) is reached at the end of the run when `per` is None."""
        return replace(self, per=self.per or total_steps)


@dataclass(frozen=True, repr=False)
class Cosine(Schedule):
    """floor + (1 - floor) * (1 + cos(pi * t / T)) / 2, t steps into a period of T steps.

    Every period begins anew at 1, and each is `growth` times as long as the one before.

    As `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(period, growth)` stepped once per
    update, where the floor is `eta_min` / learning rate and growth a whole number. With
    period=None there is one fall over the run, as with `CosineAnnealingLR`: its last step is the
    one before the floor, and steps beyond the run begin a new period.

    Args:
        period: Steps of the first period, a whole number of at least 1; None for the whole run.
        growth: A finite number of at least 1.
        floor: In [0, 1]: what the factor falls to.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import pullback as pb
        >>> [round(pb.optim.Cosine(period=2, growth=2)(step), 4) for step in range(7)]
        [1.0, 0.5, 1.0, 0.8536, 0.5, 0.1464, 1.0]

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts (2017).
    """

    period: int | None = None
    growth: float = 1.0
    floor: float = 0.0
    ranges: ClassVar[dict[str, Range]] = {
        "period": COUNT_OR_NONE,
        "growth": AT_LEAST_1,
        "floor": FROM_0_TO_1,
    }

    def __call__(self, step: int) -> float:
        """floor + (1 - floor) * (1 + cos(pi * t / T)) / 2."""
        into, length = self._place(step)
        return _cosine_between(1.0, self.floor, into / length)

    def over(self, total_steps: int) -> Cosine:
        """One period when `period` is None."""
        return replace(self, period=self.period or total_steps)

    def _place(self, step: int) -> tuple[float, float]:
        """How many steps into its period a step is, and the period's length."""
        length = float(self._known("period"))
        if self.growth == 1:
            return step % length, length
        into = float(step)
        while into >= length:
            into -= length
            length *= self.growth
        return into, length


@dataclass(frozen=True, repr=False)
class Warmup(Schedule):
    """(step + 1) / steps for the first `steps` steps, after which `then` begins at its step 0.

    As `torch.optim.lr_scheduler.LinearLR(start_factor=1 / steps, total_iters=steps - 1)` and
    then another in `SequentialLR`; no step is lost with a factor of 0.

    Args:
        steps: A whole number of at least 1; None for a tenth of the run.
        then: A schedule.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import pullback as pb
        >>> schedule = pb.optim.Warmup(4, then=pb.optim.Step(every=1, factor=0.5))
        >>> [schedule(step) for step in range(7)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.25]

    Source: Goyal et al., Accurate, large minibatch SGD: training ImageNet in 1 hour (2017),
    section 2.2.
    """

    steps: int | None = None
    then: Callable[[int], float] = UNCHANGED
    ranges: ClassVar[dict[str, Range]] = {"steps": COUNT_OR_NONE}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_schedule("Warmup: then", self.then)

    def __call__(self, step: int) -> float:
        """(step + 1) / steps, then `then`."""
        steps = self._known("steps")
        return (step + 1) / steps if step < steps else factor_at(self.then, step - steps)

    def over(self, total_steps: int) -> Warmup:
        """A tenth of the run when `steps` is None; `then` has the rest of the run."""
        steps = self.steps or math.ceil(total_steps / 10)
        return replace(
            self, steps=steps, then=schedule_over(self.then, max(total_steps - steps, 1))
        )


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule):
    """From `start` up to 1 and down to `end`, each along half a cosine; then it stays there.

    The learning rate is that at the top, which stands at step rise * steps - 1; the last step,
    steps - 1, has the factor `end`.

    As `torch.optim.lr_scheduler.OneCycleLR(max_lr, total_steps)` in two phases, with start =
    1 / div_factor and end = start / final_div_factor, for rise * steps from 1 to below steps;
    outside of that the top is the first step or the last one, where PyTorch goes on beyond the
    curve or divides by 0. PyTorch also moves the momentum the other way unless told not to, and
    raises after the last step; here momentum stays as it is, and so does the factor.

    Args:
        steps: Length of the cycle, a whole number of at least 1; None for the whole run.
        rise: In [0, 1]: the share of the steps that go up.
        start: A finite number of at least 0.
        end: A finite number of at least 0.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import pullback as pb
        >>> schedule = pb.optim.OneCycle(10, rise=0.3, start=0.1, end=0.0)
        >>> [round(schedule(step), 2) for step in (0, 1, 2, 5, 9)]
        [0.1, 0.55, 1.0, 0.61, 0.0]

    Source: Smith and Topin, Super-convergence: very fast training of neural networks using
    large learning rates (2019).
    """

    steps: int | None = None
    rise: float = 0.3
    start: float = 0.04
    end: float = 4e-6
    ranges: ClassVar[dict[str, Range]] = {
        "steps": COUNT_OR_NONE,
        "rise": FROM_0_TO_1,
        "start": AT_LEAST_0,
        "end": AT_LEAST_0,
    }

    def __call__(self, step: int) -> float:
        """Up to the top, down to the last step."""
        steps = self._known("steps")
        last, top = steps - 1, max(self.rise * steps - 1, 0.0)
        step = min(step, last)
        if step < top:
            return _cosine_between(self.start, 1.0, step / top)
        return _cosine_between(1.0, self.end, (step - top) / (last - top) if step > top else 0.0)

    def over(self, total_steps: int) -> OneCycle:
        """One cycle over the run when `steps` is None."""
        return replace(self, steps=self.steps or total_steps)


def _power(base: float, exponent: float) -> float:
    """base^exponent, infinity where that is too large; `factor_at` then tells the step."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf


def _cosine_between(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Any] = {
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "inverse-time": InverseTime,
    "cosine": Cosine,
    "warmup": Warmup,
    "one-cycle": OneCycle,
}
"""Schedules by the name that the command line takes; each has a default for every setting."""

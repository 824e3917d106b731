"""The average of the weights over late steps, to predict with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import UsageError
from .parts import copies_of, each
from .protocol import Arrays, Numbers, State
from .settings import FROM_0_BELOW_1, Range
from .wrapper import Wrapper

AVERAGE = "average"


@dataclass(frozen=True, repr=False)
class Averaged(Wrapper):
    """Any rule, with an exponential moving average of its parameters beside it.

    average <- average + share * (w - average) after each step t, with
    share = (1 - decay) / (1 - decay^t), computed in float64. This is the average of the steps'
    weights in which the last counts 1, the one before it decay, then decay^2, ..., divided by
    the sum of these: at step 1 it is w itself, and the initial weights never count. Training
    goes on from w; `final` gives the average, to evaluate and predict with.

    `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(decay)` gives the weights
    after step 1 the share decay^(t - 1) instead, which fades over about 1 / (1 - decay) steps.

    Args:
        rule: An update rule.
        decay: In [0, 1); the average reaches back about 1 / (1 - decay) steps.

    Raises:
        UsageError: When the decay is out of range, or the rule averages itself.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.Averaged(pb.optim.SGD(1.0), decay=0.5)
        >>> params = {"w": np.array([0.0])}
        >>> state = rule.init(params)
        >>> for step in (1, 2):
        ...     gradients, numbers = {"w": np.array([-3.0])}, rule.numbers(step, 1.0)
        ...     params, state = rule.update(gradients, state, params, numbers)
        >>> params, rule.final(params, state)
        ({'w': array([6.])}, {'w': array([5.])})

    Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992);
    the correction is that of Kingma and Ba, Adam (2015), section 7.2.
    """

    decay: float = 0.999
    ranges: ClassVar[dict[str, Range]] = {"decay": FROM_0_BELOW_1}

    def own_numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The share of the newest parameters in the average."""
        return {"average_share": (1 - self.decay) / (1 - self.decay**step)}

    def init(self, params: Arrays) -> State:
        """The state of the rule inside, and the average: the initial parameters."""
        inner = self.rule.init(params)
        if AVERAGE in inner:
            raise UsageError(f"{self!r}: the rule inside keeps {AVERAGE!r} already.")
        return inner | copies_of(np.copy, params, AVERAGE)

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        inner = {part: arrays for part, arrays in state.items() if part != AVERAGE}
        moved, inner = self.rule.update(gradients, inner, params, numbers)
        share = numbers["average_share"]
        average = each(AVERAGE, lambda a, w: a + share * (w - a), state[AVERAGE], moved)
        return moved, inner | {AVERAGE: average}

    def final(self, params: Arrays, state: State) -> Arrays:
        """The average."""
        return state[AVERAGE]

"""RMSProp: each entry's step is divided by the size of its late gradients, plain or centered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import UsageError
from .parts import copies_of, each, moving_average, squares
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0, FROM_0_BELOW_1, Checked, Range


@dataclass(frozen=True, repr=False)
class RMSProp(Checked):
    """s <- decay * s + (1 - decay) * g^2, then w <- w - learning_rate * g / (sqrt(s) + epsilon).

    Centered, it divides by the gradient's spread instead of its size: with
    m <- decay * m + (1 - decay) * g, the root is sqrt(s - m^2). Where a gradient hardly changes,
    that is almost 0 and steps grow long, up to learning_rate * g / epsilon. With a momentum, the
    quotient goes through a velocity: v <- momentum * v + g / (...), w <- w - learning_rate * v.
    s, m and v begin at 0.

    As `torch.optim.RMSprop` (epsilon outside the root), with two differences. Where rounding
    makes s - m^2 negative it is taken as 0; there the result is NaN. Its weight_decay is an L2
    penalty on all parameters; here `pb.losses.L2` adds one on weight matrices to the loss.

    Args:
        learning_rate: A finite number above 0.
        decay: In [0, 1): how much of the averages s and m stays. PyTorch calls it alpha.
        epsilon: A number above 0 that keeps the division finite.
        momentum: In [0, 1); 0 for none.
        centered: Whether m^2 is subtracted.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.RMSProp(0.1)
        >>> params = {"w": np.array([2.0, 2.0])}
        >>> gradients, numbers = {"w": np.array([3.0, -0.5])}, rule.numbers(1, 0.1)
        >>> moved, state = rule.update(gradients, rule.init(params), params, numbers)
        >>> moved["w"].round(6), state["s"]["w"]
        (array([1., 3.]), array([0.09  , 0.0025]))

    Source: Tieleman and Hinton, Neural networks for machine learning, lecture 6.5 (2012);
    centered: Graves, Generating sequences with recurrent neural networks (2013).
    """

    learning_rate: float = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False
    ranges: ClassVar[dict[str, Range]] = {
        "learning_rate": ABOVE_0,
        "decay": FROM_0_BELOW_1,
        "epsilon": ABOVE_0,
        "momentum": FROM_0_BELOW_1,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.centered, bool):
            raise UsageError(f"RMSProp(centered={self.centered!r}): it must be True or False.")

    def init(self, params: Arrays) -> State:
        """s = 0 for every parameter; m = 0 when centered, v = 0 with a momentum."""
        parts = ["s", *(["m"] if self.centered else []), *(["v"] if self.momentum else [])]
        return copies_of(np.zeros_like, params, *parts)

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The learning rate, the decay, epsilon, and the momentum where there is one."""
        numbers = {
            "learning_rate": float(learning_rate),
            "decay": self.decay,
            "epsilon": self.epsilon,
        }
        return numbers | ({"momentum": self.momentum} if self.momentum else {})

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        learning_rate, epsilon = numbers["learning_rate"], numbers["epsilon"]
        new = {"s": moving_average("s", state["s"], squares(gradients), numbers["decay"])}
        mean_square = new["s"]
        if self.centered:
            new["m"] = moving_average("m", state["m"], gradients, numbers["decay"])
            mean_square = each("variance", lambda s, m: np.maximum(s - m**2, 0), new["s"], new["m"])
        steps = each("step", lambda g, s: g / (np.sqrt(s) + epsilon), gradients, mean_square)
        if self.momentum:
            momentum = numbers["momentum"]
            steps = new["v"] = each("v", lambda v, s: momentum * v + s, state["v"], steps)
        return each("", lambda w, s: w - learning_rate * s, params, steps), new

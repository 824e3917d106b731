"""AdaGrad: each entry's step is divided by the size of all its gradients so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .parts import copies_of, each
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0, Checked, Range


@dataclass(frozen=True, repr=False)
class AdaGrad(Checked):
    """s <- s + g^2, then w <- w - learning_rate * g / (sqrt(s) + epsilon). s begins at 0.

    s never shrinks, so the steps do, as 1 / sqrt(step) where gradients keep their size.

    As `torch.optim.Adagrad`, without its `lr_decay` (use a schedule) and with s beginning at 0,
    its default. Its weight_decay is an L2 penalty on all parameters; here `pb.losses.L2` adds one
    on weight matrices to the loss.

    Args:
        learning_rate: A finite number above 0.
        epsilon: A number above 0 that keeps the division finite.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.AdaGrad(0.1)
        >>> params = {"w": np.array([2.0, 2.0])}
        >>> gradients, numbers = {"w": np.array([3.0, -0.5])}, rule.numbers(1, 0.1)
        >>> rule.update(gradients, rule.init(params), params, numbers)
        ({'w': array([1.9, 2.1])}, {'s': {'w': array([9.  , 0.25])}})

    Source: Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and
    stochastic optimization (2011).
    """

    learning_rate: float = 0.01
    epsilon: float = 1e-10
    ranges: ClassVar[dict[str, Range]] = {"learning_rate": ABOVE_0, "epsilon": ABOVE_0}

    def init(self, params: Arrays) -> State:
        """s = 0 for every parameter."""
        return copies_of(np.zeros_like, params, "s")

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The learning rate and epsilon."""
        return {"learning_rate": float(learning_rate), "epsilon": self.epsilon}

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        learning_rate, epsilon = numbers["learning_rate"], numbers["epsilon"]
        s = each("s", lambda s, g: s + g**2, state["s"], gradients)
        steps = each("step", lambda g, s: g / (np.sqrt(s) + epsilon), gradients, s)
        return each("", lambda w, x: w - learning_rate * x, params, steps), {"s": s}

"""AdaDelta: steps as long as those before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .parts import copies_of, each, moving_average, squares
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0, FROM_0_BELOW_1, Checked, Range


@dataclass(frozen=True, repr=False)
class AdaDelta(Checked):
    """Steps as long as the steps before them, whatever the scale of the gradient.

    s <- decay * s + (1 - decay) * g^2, then
    delta = g * sqrt(d + epsilon) / sqrt(s + epsilon), then
    d <- decay * d + (1 - decay) * delta^2 and w <- w - learning_rate * delta.
    s and d begin at 0, so the first steps have a length of about sqrt(epsilon).

    As `torch.optim.Adadelta`. Its weight_decay is an L2 penalty on all parameters; here
    `pb.losses.L2` adds one on weight matrices to the loss. The paper has no learning rate: it
    is 1 there.

    Args:
        learning_rate: A finite number above 0.
        decay: In [0, 1): how much of the averages s and d stays. PyTorch calls it rho.
        epsilon: A number above 0; it sets the length of the first steps.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.AdaDelta()
        >>> params = {"w": np.array([2.0, 2.0])}
        >>> gradients, numbers = {"w": np.array([3.0, -0.5])}, rule.numbers(1, 1.0)
        >>> moved, state = rule.update(gradients, rule.init(params), params, numbers)
        >>> moved["w"].round(4)
        array([1.9968, 2.0032])

    Source: Zeiler, ADADELTA: an adaptive learning rate method (2012).
    """

    learning_rate: float = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6
    ranges: ClassVar[dict[str, Range]] = {
        "learning_rate": ABOVE_0,
        "decay": FROM_0_BELOW_1,
        "epsilon": ABOVE_0,
    }

    def init(self, params: Arrays) -> State:
        """s = d = 0 for every parameter."""
        return copies_of(np.zeros_like, params, "s", "d")

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The learning rate, the decay and epsilon."""
        return {
            "learning_rate": float(learning_rate),
            "decay": self.decay,
            "epsilon": self.epsilon,
        }

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        learning_rate, decay = numbers["learning_rate"], numbers["decay"]
        epsilon = numbers["epsilon"]
        s = moving_average("s", state["s"], squares(gradients), decay)
        delta = each(
            "delta",
            lambda g, d, s: g * np.sqrt(d + epsilon) / np.sqrt(s + epsilon),
            gradients,
            state["d"],
            s,
        )
        d = moving_average("d", state["d"], squares(delta), decay)
        return each("", lambda w, x: w - learning_rate * x, params, delta), {"s": s, "d": d}

"""Lion: steps of one length, along the sign of a mean gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .decay import decay_number, decayed
from .parts import copies_of, each, moving_average
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0, AT_LEAST_0, FROM_0_BELOW_1, Checked, Range


@dataclass(frozen=True, repr=False)
class Lion(Checked):
    """w <- w - learning_rate * (sign(c) + weight_decay * w), c = beta1 * m + (1 - beta1) * g.

    Then m <- beta2 * m + (1 - beta2) * g; m begins at 0. Every entry with a c other than 0 moves
    by the learning rate, which is therefore to be 3 to 10 times smaller than Adam's.

    PyTorch has no Lion; the formula is the paper's, with one difference: the decay acts on
    weight matrices (arrays of two or more axes), in the paper on every parameter.

    Args:
        learning_rate: A finite number above 0: how far each entry moves per step.
        beta1: In [0, 1): the share of m in the direction c.
        beta2: In [0, 1): how much of m stays.
        weight_decay: A finite number of at least 0.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.Lion(0.1)
        >>> params = {"w": np.array([2.0, 2.0])}
        >>> gradients, numbers = {"w": np.array([3.0, -0.5])}, rule.numbers(1, 0.1)
        >>> moved, state = rule.update(gradients, rule.init(params), params, numbers)
        >>> moved["w"], state["m"]["w"].round(6)
        (array([1.9, 2.1]), array([ 0.03 , -0.005]))

    Source: Chen et al., Symbolic discovery of optimization algorithms (2023), algorithm 2.
    """

    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    ranges: ClassVar[dict[str, Range]] = {
        "learning_rate": ABOVE_0,
        "beta1": FROM_0_BELOW_1,
        "beta2": FROM_0_BELOW_1,
        "weight_decay": AT_LEAST_0,
    }

    def init(self, params: Arrays) -> State:
        """m = 0 for every parameter."""
        return copies_of(np.zeros_like, params, "m")

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The learning rate, the betas, and the share of a weight that stays."""
        numbers = {
            "learning_rate": float(learning_rate),
            "beta1": self.beta1,
            "beta2": self.beta2,
        }
        return numbers | decay_number(learning_rate, self.weight_decay)

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        learning_rate = numbers["learning_rate"]
        c = moving_average("c", state["m"], gradients, numbers["beta1"])
        moved = each("", lambda w, c: w - learning_rate * np.sign(c), decayed(params, numbers), c)
        return moved, {"m": moving_average("m", state["m"], gradients, numbers["beta2"])}

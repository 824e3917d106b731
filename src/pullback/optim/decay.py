"""Decoupled weight decay: weights shrink by a share of themselves, whatever the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .protocol import Arrays, Numbers, State
from .settings import AT_LEAST_0, Range
from .wrapper import Wrapper

WEIGHT_AXES = 2
"""An array with at least so many axes is a weight matrix; biases and learned scales are not."""
KEPT = "kept"


def decay_number(learning_rate: float, weight_decay: float) -> dict[str, float]:
    """The share of a weight that stays at a step; no number where nothing decays."""
    return {KEPT: 1 - float(learning_rate) * weight_decay} if weight_decay else {}


def is_weight_matrix(value: Any) -> bool:
    """Whether decay and penalties act on it."""
    return np.ndim(value) >= WEIGHT_AXES


def decayed(params: Arrays, numbers: Numbers) -> Arrays:
    """Weight matrices times the share that stays; other parameters as they are."""
    if KEPT not in numbers:
        return params
    kept = numbers[KEPT]
    return {name: kept * w if is_weight_matrix(w) else w for name, w in params.items()}


@dataclass(frozen=True, repr=False)
class Decayed(Wrapper):
    """Any rule whose weights also shrink: w <- (1 - learning_rate * weight_decay) * w before it.

    The gradient is that of the loss alone, and the decay reaches neither momentum nor mean
    squares; for an L2 penalty, which does, add it to the loss. For plain SGD the two are the
    same. It acts on weight matrices (arrays of two or more axes); `torch.optim.SGD(weight_decay
    =...)` and its kin are L2 penalties, on biases too.

    Args:
        rule: An update rule; for `AdamW` and `Lion` set their own weight_decay.
        weight_decay: A finite number of at least 0.

    Raises:
        UsageError: When the setting is out of range, or the rule decays weights itself.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.Decayed(pb.optim.SGD(0.1), 0.5)
        >>> params = {"W": np.array([[2.0]]), "b": np.array([2.0])}
        >>> gradients, numbers = {"W": np.zeros((1, 1)), "b": np.zeros(1)}, rule.numbers(1, 0.1)
        >>> rule.update(gradients, {}, params, numbers)
        ({'W': array([[1.9]]), 'b': array([2.])}, {})

    Source: Loshchilov and Hutter, Decoupled weight decay regularization (2019).
    """

    weight_decay: float = 0.01
    ranges: ClassVar[dict[str, Range]] = {"weight_decay": AT_LEAST_0}

    def own_numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The share of a weight that stays."""
        return decay_number(learning_rate, self.weight_decay)

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        return self.rule.update(gradients, state, decayed(params, numbers), numbers)

"""Plain stochastic gradient descent, and the rule of its default learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .parts import each
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0_OR_NONE, Checked, Range

REFERENCE_BATCH = 128


def default_learning_rate(rates: tuple[float, float], batch_size: int, reduction: str) -> float:
    """The learning rate of plain SGD when none is given: min(rate * batch / 128, largest).

    One number cannot serve. Small batches are limited by noise: a batch of one sees a gradient
    with 128 times the variance of a batch of 128, so the step grows with the batch (Goyal et
    al., 2017). Large batches are limited by curvature, whose bound no batch size moves; the
    squared error's is much the smaller one. A loss that sums over rows has a gradient `batch`
    times as long, by which the rate is divided.

    Args:
        rates: The loss's (rate at a batch of 128, largest rate): (1.0, 0.5) for cross-entropy,
            (0.2, 0.01) for the squared error.
        batch_size: Rows per step.
        reduction: "mean" or "sum".

    Returns:
        A rate above 0.

    Example:
        >>> from pullback.optim import default_learning_rate
        >>> default_learning_rate((1.0, 0.5), 32, "mean")
        0.25
    """
    at_128, largest = rates
    rate = min(at_128 * batch_size / REFERENCE_BATCH, largest)
    return rate / batch_size if reduction == "sum" else rate


def describe_default_rate(rates: tuple[float, float], reduction: str) -> str:
    """The rule of `default_learning_rate` as text, for settings and messages.

    Args:
        rates: The loss's (rate at a batch of 128, largest rate).
        reduction: "mean" or "sum".

    Returns:
        A Python expression of rows_per_step.

    Example:
        >>> from pullback.optim import describe_default_rate
        >>> describe_default_rate((1.0, 0.5), "mean")
        'min(1 * rows_per_step / 128, 0.5)'
    """
    at_128, largest = rates
    text = f"min({at_128:g} * rows_per_step / {REFERENCE_BATCH}, {largest:g})"
    return f"{text} / rows_per_step" if reduction == "sum" else text


@dataclass(frozen=True, repr=False)
class SGD(Checked):
    """w <- w - learning_rate * g, where g is the gradient of w. It keeps no state.

    As `torch.optim.SGD(momentum=0)`. Its weight_decay is an L2 penalty on all parameters; here
    `pb.losses.L2` adds one on weight matrices to the loss. For this rule `Decayed` is the same.

    Args:
        learning_rate: A finite number above 0; None for `default_learning_rate`.

    Raises:
        UsageError: When the learning rate is anything else.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.SGD(0.1)
        >>> numbers = rule.numbers(step=1, learning_rate=0.1)
        >>> rule.update({"w": np.array([1.0])}, {}, {"w": np.array([2.0])}, numbers)
        ({'w': array([1.9])}, {})

    Source: Robbins and Monro, A stochastic approximation method (1951).
    """

    learning_rate: float | None = None
    ranges: ClassVar[dict[str, Range]] = {"learning_rate": ABOVE_0_OR_NONE}

    def default_learning_rate(
        self, rates: tuple[float, float], batch_size: int, reduction: str
    ) -> float:
        """The learning rate when none is given; see the function of this name."""
        return default_learning_rate(rates, batch_size, reduction)

    def describe_default_rate(self, rates: tuple[float, float], reduction: str) -> str:
        """The rule of `default_learning_rate` as text."""
        return describe_default_rate(rates, reduction)

    def init(self, params: Arrays) -> State:
        """No state."""
        return {}

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The learning rate."""
        return {"learning_rate": float(learning_rate)}

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """Parameters moved against their gradients; all dicts have the same names and shapes."""
        learning_rate = numbers["learning_rate"]
        moved = each("", lambda w, g: w - learning_rate * g, params, gradients)
        return moved, state

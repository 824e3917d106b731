"""Plain stochastic gradient descent, and the rule of its default learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..errors import UsageError

REFERENCE_BATCH = 128


class Optimizer(Protocol):
    """An update rule: a pair of pure functions that are traced into the training step."""

    @property
    def learning_rate(self) -> float | None:
        """A number above 0; None for the default."""

    def init(self, params: dict[str, Any]) -> dict[str, Any]:
        """The rule's state for these parameters."""

    def update(
        self,
        gradients: dict[str, Any],
        state: dict[str, Any],
        params: dict[str, Any],
        learning_rate: Any,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """New parameters and new state."""


@dataclass(frozen=True)
class SGD:
    """w <- w - learning_rate * dw.

    Args:
        learning_rate: A finite number above 0; None for `default_learning_rate`.

    Raises:
        UsageError: When the learning rate is anything else.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.SGD(0.1)
        >>> rule.update({"w": np.array([1.0])}, {}, {"w": np.array([2.0])}, 0.1)
        ({'w': array([1.9])}, {})

    Source: Robbins and Monro, A stochastic approximation method (1951).
    """

    learning_rate: float | None = None

    def __post_init__(self) -> None:
        rate = self.learning_rate
        if rate is None:
            return
        if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
            raise UsageError(f"SGD(learning_rate={rate!r}): it must be a number above 0.")
        if not (math.isfinite(rate) and rate > 0):
            raise UsageError(f"SGD(learning_rate={rate!r}): it must be finite and above 0.")

    def init(self, params: dict[str, Any]) -> dict[str, Any]:
        """No state."""
        return {}

    def update(
        self,
        gradients: dict[str, Any],
        state: dict[str, Any],
        params: dict[str, Any],
        learning_rate: Any,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters moved against their gradients; all dicts have the same names and shapes."""
        moved = {name: w - learning_rate * gradients[name] for name, w in params.items()}
        return moved, state


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
    """The rule of `default_learning_rate` as text, for settings and messages."""
    at_128, largest = rates
    text = f"min({at_128:g} * rows_per_step / {REFERENCE_BATCH}, {largest:g})"
    return f"{text} / rows_per_step" if reduction == "sum" else text


OPTIMIZERS = {"sgd": SGD}
"""Update rules by the name that the command line takes."""

"""All losses by name, and the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dims import format_shape
from ..errors import UsageError
from ..nn.settings import real
from .classification import BinaryCrossEntropy, CrossEntropy, RelativeEntropy
from .protocol import Loss
from .regression import AbsoluteError, Huber, LogCosh, Poisson, SquaredError
from .targets import check_targets, row_weights, shape_of

__all__ = ["LOSSES", "CustomLoss", "Loss", "as_loss"]

LOSSES: dict[str, Callable[..., Loss]] = {
    "cross-entropy": CrossEntropy,
    "squared-error": SquaredError,
    "relative-entropy": RelativeEntropy,
    "binary-cross-entropy": BinaryCrossEntropy,
    "absolute-error": AbsoluteError,
    "huber": Huber,
    "log-cosh": LogCosh,
    "poisson": Poisson,
}
"""Losses by the name that the command line takes."""

NEEDED = ("rows", "reduction", "outputs_name", "targets", "check_targets", "default_rates")
"""What an object that has rows must have to be a loss."""


@dataclass(frozen=True)
class CustomLoss:
    """A user's function (outputs, targets) -> one number per row, or one number (a mean)."""

    function: Callable[[Any, Any], Any]
    outputs_name = "outputs"
    targets = "numbers"
    reduction = "mean"
    default_rates = (0.2, 0.01)

    def check_targets(self, targets: Any, name: str) -> None:
        """Raise `DataError` that names the first entry which is no finite number."""
        check_targets(self.targets, targets, name)

    def rows(self, outputs: Any, targets: Any) -> Any:
        """The function's value, when it gives one number per row."""
        value = self._value(outputs, targets)
        if np.ndim(value) != 1:
            raise UsageError("A loss that returns one number is a mean and has no rows to weight.")
        return value

    def _value(self, outputs: Any, targets: Any) -> Any:
        """What the function gives: one number per row of the outputs, or one number."""
        value = real(str(self), self.function(outputs, targets), "what it gives")
        rows = shape_of(outputs)[:1]
        if shape_of(value) not in ((), rows):
            raise UsageError(
                f"The loss must give one number per row or one number, not "
                f"{format_shape(shape_of(value))}."
            )
        return value

    def __call__(self, outputs: Any, targets: Any, weights: Any = None) -> Any:
        """The (weighted) mean of the function's rows; a single number is a mean already.

        Raises `UsageError` when the function gives neither, or there are weights and no rows to
        weight; for weights that do not fit see `Reduced`.
        """
        if weights is not None:
            rows = self.rows(outputs, targets)
            weights = row_weights(str(self), weights, rows)
            return np.sum(weights * rows) / np.sum(weights)
        value = self._value(outputs, targets)
        return np.mean(value) if np.ndim(value) == 1 else value

    def __str__(self) -> str:
        return f"CustomLoss({getattr(self.function, '__name__', type(self.function).__name__)})"


def as_loss(loss: Any) -> Loss:
    """What `pb.train` makes of its `loss`: a loss as it is, a plain function as a custom loss.

    Args:
        loss: A loss, or a NumPy function (outputs, targets) that gives one number per row, or
            one number, which is taken as a mean and refuses weights.

    Returns:
        A loss: `rows(outputs, targets)` and, called, their weighted mean.

    Raises:
        UsageError: When it is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> loss = pb.losses.as_loss(lambda outputs, targets: np.abs(outputs - targets)[:, 0])
        >>> loss(np.array([[1.0], [3.0]]), np.zeros((2, 1)))
        np.float64(2.0)
    """
    if isinstance(loss, type):
        raise UsageError(f"loss={loss.__name__} is no loss yet; write {loss.__name__}().")
    lacking = [name for name in NEEDED if not hasattr(loss, name)]
    if hasattr(loss, "rows") and callable(loss) and lacking:
        raise UsageError(f"loss={loss!r} lacks {', '.join(lacking)}; see pb.losses.Loss.")
    if hasattr(loss, "rows") and callable(loss):
        checked: Loss = loss
        return checked
    if callable(loss):
        return CustomLoss(loss)
    raise UsageError(f"loss={loss!r} is no loss; write pb.losses.CrossEntropy() or a function.")

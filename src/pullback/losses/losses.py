"""Losses as NumPy functions of a batch's outputs and targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..errors import UsageError
from ..nn.functions import log_softmax, softmax


class Loss(Protocol):
    """What training needs of a loss.

    Attributes:
        outputs_name: What the network's outputs are called: logits, y_pred.
        reduction: "mean" or "sum" over rows.
        default_rates: (rate at a batch of 128, largest rate) of plain SGD when none is given;
            see `pullback.optim.default_learning_rate`.
    """

    @property
    def outputs_name(self) -> str:
        """What the network's outputs are called."""

    @property
    def reduction(self) -> str:
        """ "mean" or "sum" over rows."""

    @property
    def default_rates(self) -> tuple[float, float]:
        """(rate at a batch of 128, largest rate) of plain SGD when none is given."""

    def rows(self, outputs: Any, targets: Any) -> Any:
        """One number per row."""

    def __call__(self, outputs: Any, targets: Any, weights: Any = None) -> Any:
        """The rows' (weighted) mean or sum."""


class _Reduced:
    """A batch's rows reduced to one number."""

    reduction: str

    def rows(self, outputs: Any, targets: Any) -> Any:
        """One number per row."""
        raise NotImplementedError

    def __call__(self, outputs: Any, targets: Any, weights: Any = None) -> Any:
        """The mean (or sum) over the rows present, sum(w l) / sum(w) with weights.

        Args:
            outputs: What the network gives, (rows, columns).
            targets: What it should give, of the same shape.
            weights: Numbers >= 0 of shape (rows,); all rows count alike when None.

        Returns:
            A floating scalar.
        """
        rows = self.rows(outputs, targets)
        if weights is None:
            return np.sum(rows) if self.reduction == "sum" else np.mean(rows)
        total = np.sum(weights * rows)
        return total if self.reduction == "sum" else total / np.sum(weights)


def _check_reduction(name: str, reduction: str) -> None:
    if reduction not in ("mean", "sum"):
        raise UsageError(f"{name}(reduction={reduction!r}): allowed are 'mean' and 'sum'.")


@dataclass(frozen=True)
class SquaredError(_Reduced):
    """The L2 loss: a row's loss is the sum over columns of (y_pred - y)^2.

    Args:
        reduction: "mean" over rows, or "sum", the program of the teaching notes.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.SquaredError()(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2)))
        np.float64(15.0)
    """

    reduction: str = "mean"
    outputs_name = "y_pred"
    default_rates = (0.2, 0.01)

    def __post_init__(self) -> None:
        _check_reduction("SquaredError", self.reduction)

    def rows(self, outputs: Any, targets: Any) -> Any:
        """sum_j (outputs_ij - targets_ij)^2: (rows, columns) twice -> (rows,)."""
        return np.sum((outputs - targets) ** 2, axis=1)


@dataclass(frozen=True)
class CrossEntropy(_Reduced):
    """Softmax cross-entropy on logits: a row's loss is -sum_j y_j log softmax(z)_j.

    Its derivative is (softmax(z) - y) / rows where the rows of y sum to 1; the derived source
    shows it.

    Args:
        reduction: "mean" or "sum" over rows.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.CrossEntropy()(np.zeros((1, 2)), np.array([[1.0, 0.0]])).round(4)
        np.float64(0.6931)

    Source: Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.2.2.3.
    """

    reduction: str = "mean"
    outputs_name = "logits"
    default_rates = (1.0, 0.5)

    def __post_init__(self) -> None:
        _check_reduction("CrossEntropy", self.reduction)

    def rows(self, outputs: Any, targets: Any) -> Any:
        """-sum_j targets_ij log softmax(outputs)_ij: (rows, classes) twice -> (rows,)."""
        return -np.sum(targets * log_softmax(outputs, axis=1), axis=1)

    def probabilities(self, outputs: Any) -> Any:
        """softmax(outputs): what logits mean, (rows, classes)."""
        return softmax(outputs, axis=1)


@dataclass(frozen=True)
class CustomLoss:
    """A user's function (outputs, targets) -> one number per row, or one number (a mean)."""

    function: Callable[[Any, Any], Any]
    outputs_name = "outputs"
    reduction = "mean"
    default_rates = (0.2, 0.01)

    def rows(self, outputs: Any, targets: Any) -> Any:
        """The function's value, when it gives one number per row."""
        value = self.function(outputs, targets)
        if np.ndim(value) != 1:
            raise UsageError("A loss that returns one number is a mean and has no rows to weight.")
        return value

    def __call__(self, outputs: Any, targets: Any, weights: Any = None) -> Any:
        """The (weighted) mean of the function's rows; a single number is a mean already.

        Raises `UsageError` when there are weights and no rows to weight.
        """
        if weights is not None:
            return np.sum(weights * self.rows(outputs, targets)) / np.sum(weights)
        value = self.function(outputs, targets)
        return np.mean(value) if np.ndim(value) == 1 else value

    def __str__(self) -> str:
        return f"CustomLoss({getattr(self.function, '__name__', type(self.function).__name__)})"


LOSSES: dict[str, Callable[[], Loss]] = {
    "cross-entropy": CrossEntropy,
    "squared-error": SquaredError,
}
"""Losses by the name that the command line takes."""


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
    needed = ("rows", "reduction", "outputs_name", "default_rates")
    lacking = [name for name in needed if not hasattr(loss, name)]
    if hasattr(loss, "rows") and callable(loss) and lacking:
        raise UsageError(f"loss={loss!r} lacks {', '.join(lacking)}; see pb.losses.Loss.")
    if hasattr(loss, "rows") and callable(loss):
        checked: Loss = loss
        return checked
    if callable(loss):
        return CustomLoss(loss)
    raise UsageError(f"loss={loss!r} is no loss; write pb.losses.CrossEntropy() or a function.")

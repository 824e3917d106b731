"""What a loss is, and how a batch's rows become one number."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .settings import check_reduction
from .targets import check_targets, paired, row_weights


class Loss(Protocol):
    """What training needs of a loss.

    A loss whose outputs are logits has `probabilities(outputs)` beside; a loss for regression
    has `predicted(outputs)`, what the outputs mean in the unit of the targets.

    Attributes:
        outputs_name: What the network's outputs are called: logits, y_pred, log_rate.
        targets: What targets must be: "distribution" (rows >= 0 that sum to 1), "fractions"
            (each entry in [0, 1]), "counts" (each entry >= 0) or "numbers".
        reduction: "mean" or "sum" over rows.
        default_rates: (rate at a batch of 128, largest rate) of plain SGD when none is given;
            see `pullback.optim.default_learning_rate`.
    """

    @property
    def outputs_name(self) -> str:
        """What the network's outputs are called."""

    @property
    def targets(self) -> str:
        """What targets must be: "distribution", "fractions", "counts" or "numbers"."""

    @property
    def reduction(self) -> str:
        """ "mean" or "sum" over rows."""

    @property
    def default_rates(self) -> tuple[float, float]:
        """(rate at a batch of 128, largest rate) of plain SGD when none is given."""

    def check_targets(self, targets: Any, name: str) -> None:
        """Raise `DataError` that names the first entry or row which is not allowed."""

    def rows(self, outputs: Any, targets: Any) -> Any:
        """One number per row."""

    def __call__(self, outputs: Any, targets: Any, weights: Any = None) -> Any:
        """The rows' (weighted) mean or sum."""


class Reduced:
    """A batch's rows reduced to one number."""

    reduction: str
    targets: str

    def __post_init__(self) -> None:
        check_reduction(type(self).__name__, self.reduction)

    def rows(self, outputs: Any, targets: Any) -> Any:
        """One number per row.

        Args:
            outputs: What the network gives, (rows, columns).
            targets: What it should give, of the same shape.

        Returns:
            An array of shape (rows,).

        Raises:
            ShapeError: When the shapes differ, so that nothing is broadcast in silence.
            UsageError: When one of them does not hold real numbers.
        """
        return self._of_rows(*paired(type(self).__name__, outputs, targets))

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """The loss of each row: the formula."""
        raise NotImplementedError

    def check_targets(self, targets: Any, name: str) -> None:
        """Raise `DataError` that names the first entry or row which is not allowed."""
        check_targets(self.targets, targets, name)

    def __call__(self, outputs: Any, targets: Any, weights: Any = None) -> Any:
        """The mean (or sum) over the rows present, sum(w l) / sum(w) with weights.

        Args:
            outputs: What the network gives, (rows, columns).
            targets: What it should give, of the same shape.
            weights: Numbers >= 0 of shape (rows,); all rows count alike when None.

        Returns:
            A floating scalar.

        Raises:
            ShapeError: When the shapes do not fit, or there is no row.
            UsageError: When something does not hold real numbers.
            DataError: When a weight is no finite number >= 0, or all of them are 0.
        """
        rows = self.rows(outputs, targets)
        weights = row_weights(type(self).__name__, weights, rows)
        if weights is None:
            return np.sum(rows) if self.reduction == "sum" else np.mean(rows)
        total = np.sum(weights * rows)
        return total if self.reduction == "sum" else total / np.sum(weights)

"""Losses on numbers and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..primitives import residuals
from ..tracing import varying
from .protocol import Reduced
from .settings import number_in


class _OfNumbers(Reduced):
    """A loss whose outputs are in the unit of the targets."""

    outputs_name = "y_pred"
    targets = "numbers"

    def predicted(self, outputs: Any) -> Any:
        """The outputs themselves: they are in the unit of the targets."""
        return outputs


@dataclass(frozen=True)
class SquaredError(_OfNumbers):
    """The L2 loss: a row's loss is the sum over columns of (y_pred - y)^2.

    A difference to PyTorch's MSELoss: columns are summed, PyTorch's "mean" divides by them as
    well.

    Args:
        reduction: "mean" over rows, or "sum", the program of the teaching notes.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.SquaredError()(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2)))
        np.float64(15.0)

    Source: Legendre, Nouvelles methodes pour la determination des orbites des cometes (1805).
    """

    reduction: str = "mean"
    default_rates = (0.2, 0.01)

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """sum_j (outputs_ij - targets_ij)^2: (rows, columns) twice -> (rows,)."""
        return np.sum((outputs - targets) ** 2, axis=1)


@dataclass(frozen=True)
class AbsoluteError(_OfNumbers):
    """The L1 loss (MAE): a row's loss is the sum over columns of |y_pred - y|.

    What it is least for is the median of the targets, so that a few outliers count little. Its
    slope is -1 or 1, and 0 where y_pred = y.

    A difference to PyTorch's L1Loss: columns are summed, PyTorch's "mean" divides by them as
    well.

    Args:
        reduction: "mean" or "sum" over rows.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.AbsoluteError()(np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2)))
        np.float64(5.0)

    Source: Koenker and Bassett, Regression quantiles (1978).
    """

    reduction: str = "mean"
    default_rates = (0.2, 0.01)

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """sum_j |outputs_ij - targets_ij|: (rows, columns) twice -> (rows,)."""
        return np.sum(np.abs(outputs - targets), axis=1)


@dataclass(frozen=True)
class Huber(_OfNumbers):
    """Squared near the target, absolute far from it; a row's loss is the sum over columns.

    With e = y_pred - y: e^2 / 2 where |e| <= delta, delta (|e| - delta / 2) elsewhere. The two
    meet with the same slope, so there is no kink: the derivative is e, clipped to
    [-delta, delta].

    A difference to PyTorch's HuberLoss: columns are summed, PyTorch's "mean" divides by them as
    well. Its SmoothL1Loss(beta=delta) is this divided by delta.

    Args:
        reduction: "mean" or "sum" over rows.
        delta: A finite number > 0, in the unit of the targets; an input of the program.

    Raises:
        UsageError: When a setting is not allowed.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.Huber(delta=2.0).rows(np.array([[1.0], [10.0]]), np.zeros((2, 1)))
        array([ 0.5, 18. ])

    Source: Huber, Robust estimation of a location parameter (1964).
    """

    reduction: str = "mean"
    delta: float = 1.0
    default_rates = (0.2, 0.01)

    def __post_init__(self) -> None:
        super().__post_init__()
        number_in("Huber", "delta", self.delta, "> 0")

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """sum_j huber(outputs_ij - targets_ij): (rows, columns) twice -> (rows,)."""
        delta = varying(float(self.delta), "delta", like=outputs)
        return np.sum(residuals.huber(outputs - targets, delta), axis=1)


@dataclass(frozen=True)
class LogCosh(_OfNumbers):
    """The smooth relative of the L1 loss: a row's loss is the sum over columns of log(cosh(e)).

    With e = y_pred - y it is about e^2 / 2 near 0 and |e| - log(2) far from it, without overflow
    and exact near 0; its derivative is tanh(e), curved everywhere. PyTorch has no such loss.

    Args:
        reduction: "mean" or "sum" over rows.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.LogCosh().rows(np.array([[1e-4], [1e4]]), np.zeros((2, 1)))
        array([4.99999999e-09, 9.99930685e+03])

    Source: Green, Bayesian reconstructions from emission tomography data using a modified EM
    algorithm (1990).
    """

    reduction: str = "mean"
    default_rates = (0.2, 0.01)

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """sum_j log(cosh(outputs_ij - targets_ij)): (rows, columns) twice -> (rows,)."""
        return np.sum(residuals.log_cosh(outputs - targets), axis=1)


@dataclass(frozen=True)
class Poisson(Reduced):
    """For counts: a row's loss is the sum over columns of exp(z) - y z, where exp(z) is the rate.

    It is minus the logarithm of the Poisson probability of y, but for log(y!), which is left out
    because no output moves it; so the loss may be below 0. The derivative is (exp(z) - y) / rows.
    Both overflow to infinity with exp(z) itself, at z = 709 in float64 and 88 in float32.

    It is PyTorch's PoissonNLLLoss(log_input=True, full=False). Differences: columns are summed,
    PyTorch's "mean" divides by them as well; there is neither full=True, which adds Stirling's
    approximation of log(y!), nor log_input=False, whose outputs are the rates themselves.

    Args:
        reduction: "mean" or "sum" over rows.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> loss = pb.losses.Poisson()
        >>> loss(np.array([[0.0], [np.log(2.0)]]), np.array([[3.0], [2.0]])).round(4)
        np.float64(0.8069)
        >>> loss.predicted(np.array([[0.0]]))
        array([[1.]])

    Source: McCullagh and Nelder, Generalized Linear Models (1989), chapter 6.
    """

    reduction: str = "mean"
    outputs_name = "log_rate"
    targets = "counts"
    default_rates = (0.2, 0.01)

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """sum_j exp(outputs_ij) - targets_ij outputs_ij: (rows, columns) twice -> (rows,)."""
        return np.sum(np.exp(outputs) - targets * outputs, axis=1)

    def predicted(self, outputs: Any) -> Any:
        """exp(outputs): the rates, in the unit of the targets."""
        return np.exp(outputs)

"""The label space: targets as points of the probability simplex.

The rows of K numbers >= 0 that sum to 1 form the simplex. Its K corners are the one-hot rows, a
class each (`one_hot`); its centre is the uniform row, which knows nothing; a soft target lies in
between. `softmax` maps logits into its inside, so a classifier's answers and its targets are
points of the same space, and a loss says how far they are apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DataError, PullbackError, ShapeError
from ..primitives import labels
from .settings import number_in, real


def smooth_labels(y: Any, amount: Any) -> Any:
    """(1 - amount) y + amount / classes: each row goes a step towards the uniform one.

    One-hot rows are the corners of the label space, the probability simplex; smoothed they lie
    inside it, where softmax can reach them with finite logits. A row that sums to 1 still does.

    Args:
        y: Targets of shape (..., classes).
        amount: How far, in [0, 1]: 0 leaves y as it is, 1 makes every row uniform.

    Returns:
        Floating targets of y's shape; float32 stays float32.

    Raises:
        UsageError: When the amount is a number outside [0, 1], or y does not hold real numbers.
        ShapeError: When y has no axis of classes, or no class.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.smooth_labels(np.array([[1.0, 0.0]]), 0.2)
        array([[0.9, 0.1]])

    Source: Szegedy et al., Rethinking the inception architecture (2016), section 7.
    """
    if not hasattr(amount, "__pullback_bind__"):
        number_in("[]", 0, 1, "smooth_labels", "amount", amount)
        amount = float(amount)
    return labels.smooth_labels(_rows("smooth_labels", y), amount)


def distribution(y: Any, tolerance: float = labels.TOLERANCE) -> Any:
    """y itself, declared to be distributions: rows >= 0 that sum to 1, points of the simplex.

    The declaration is checked whenever the program runs, and lets the derivative of a
    cross-entropy collapse to softmax(z) - y. One-hot vectors are the corners of the simplex;
    `one_hot`, `softmax` and `smooth_labels` of such rows need no declaration.

    Args:
        y: Targets of shape (..., classes).
        tolerance: How far a sum may be from 1 and an entry below 0, in [0, 1]; 1e-5, the
            default, is well above the rounding of float32.

    Returns:
        y.

    Raises:
        DataError: When a row is no distribution; a program raises `ValueError`, as its emitted
            source does.
        UsageError: When the tolerance is outside [0, 1], or y does not hold real numbers.
        ShapeError: When y has no axis of classes, or no class.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.distribution(np.array([[0.25, 0.75], [1.0, 0.0]]))
        array([[0.25, 0.75],
               [1.  , 0.  ]])
    """
    number_in("[]", 0, 1, "distribution", "tolerance", tolerance)
    try:
        return labels.distribution(_rows("distribution", y), tolerance=float(tolerance))
    except ValueError as error:
        if isinstance(error, PullbackError):
            raise
        raise DataError(f"The targets are no distributions: {error}.") from None


def _rows(owner: str, y: Any) -> Any:
    rows = real(owner, y, "y")
    if not rows.ndim:
        raise ShapeError("Targets must have an axis of classes; this is one number.")
    if isinstance(rows, np.ndarray) and not rows.shape[-1]:
        raise ShapeError("Targets must have at least one class.")
    return rows

"""Functions of a row of logits, and one-hot rows; they take arrays and traced values alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import UsageError
from ..primitives import fused


def softmax(z: Any, axis: int = -1) -> Any:
    """exp(z) / sum(exp(z)) along an axis, without overflow.

    Args:
        z: Logits of any shape.
        axis: The axis along which the result sums to 1.

    Returns:
        Probabilities of z's shape; float32 stays float32.

    Raises:
        ShapeError: When there is no such axis.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.softmax(np.array([[0.0, 0.0]]))
        array([[0.5, 0.5]])
    """
    return fused.softmax(z, axis=_from_front(z, axis))


def log_softmax(z: Any, axis: int = -1) -> Any:
    """log(softmax(z)) along an axis, exact where softmax itself rounds to 0.

    Args:
        z: Logits of any shape.
        axis: The axis of the classes.

    Returns:
        Numbers <= 0 of z's shape; float32 stays float32.

    Raises:
        ShapeError: When there is no such axis.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.log_softmax(np.array([0.0, 1e4]))
        array([-10000.,      0.])
    """
    return fused.log_softmax(z, axis=_from_front(z, axis))


def logsumexp(z: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """log(sum(exp(z))) along an axis, without overflow.

    Args:
        z: An array of any shape.
        axis: The axis that is summed.
        keepdims: Whether the axis stays, with length 1.

    Returns:
        An array without that axis (or with length 1 there); float32 stays float32.

    Raises:
        ShapeError: When there is no such axis.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.logsumexp(np.array([1e4, 1e4])).round(4)
        np.float64(10000.6931)
    """
    return fused.logsumexp(z, axis=_from_front(z, axis), keepdims=keepdims)


def one_hot(labels: Any, classes: int, dtype: Any = np.float64) -> Any:
    """Class numbers as rows with a single 1: the corners of the label space.

    Args:
        labels: Integers in [0, classes), of any shape.
        classes: Number of classes.
        dtype: dtype of the result.

    Returns:
        An array of shape (*labels.shape, classes).

    Raises:
        UsageError: When a label lies outside the classes or is no integer.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.one_hot(np.array([1, 0]), 2)
        array([[0., 1.],
               [1., 0.]])
    """
    if not hasattr(labels, "__pullback_bind__"):
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise UsageError(f"The labels must be integers (class numbers), not {labels.dtype}.")
    if isinstance(labels, np.ndarray) and labels.size:
        low, high = int(np.min(labels)), int(np.max(labels))
        if low < 0 or high >= classes:
            wrong = low if low < 0 else high
            raise UsageError(f"The label {wrong} is not one of the classes 0 to {classes - 1}.")
    return fused.one_hot(labels, classes=classes, dtype=np.dtype(dtype))


def _from_front(z: Any, axis: int) -> int:
    """The axis counted from the front where it exists; the primitive refuses the others."""
    ndim = np.ndim(z)
    return axis % ndim if -ndim <= axis < ndim else axis

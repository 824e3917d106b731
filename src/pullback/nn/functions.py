"""Functions of a row of logits, and one-hot rows; they take arrays and traced values alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, UsageError
from ..primitives import fused
from ..primitives.shape_rules import normal_axis
from .settings import real


def softmax(z: Any, axis: int = -1) -> Any:
    """exp(z) / sum(exp(z)) along an axis, without overflow.

    The error of a probability is at most 1e-15 in float64 and 5e-7 in float32 for up to 100
    classes. An entry of minus infinity has the probability 0, one of infinity all of it, several
    of them share it evenly (PyTorch gives NaN); a row of nothing but minus infinity has none and
    becomes NaN, as does a row with a NaN.

    Args:
        z: Logits of any shape.
        axis: The axis along which the result sums to 1.

    Returns:
        Probabilities of z's shape; float32 stays float32.

    Raises:
        ShapeError: When there is no such axis, or nothing along it.
        UsageError: When the axis is no whole number, or z does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.softmax(np.array([[0.0, 0.0]]))
        array([[0.5, 0.5]])

    Source: Bridle, Probabilistic interpretation of feedforward classification network outputs
    (1990).
    """
    z, axis = _along("softmax", z, axis)
    return fused.softmax(z, axis=axis)


def log_softmax(z: Any, axis: int = -1) -> Any:
    """log(softmax(z)) along an axis, exact where softmax itself rounds to 0.

    The error is at most 1e-15 in float64 and 5e-7 in float32 for up to 100 classes, relative to
    the value where that is above 1.

    Args:
        z: Logits of any shape; minus infinity stays so, infinity makes its row NaN.
        axis: The axis of the classes.

    Returns:
        Numbers <= 0 of z's shape; float32 stays float32.

    Raises:
        ShapeError: When there is no such axis, or nothing along it.
        UsageError: When the axis is no whole number, or z does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.log_softmax(np.array([0.0, 1e4]))
        array([-10000.,      0.])

    Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions
    (2021).
    """
    z, axis = _along("log_softmax", z, axis)
    return fused.log_softmax(z, axis=axis)


def logsumexp(z: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """log(sum(exp(z))) along an axis, without overflow.

    Args:
        z: An array of any shape.
        axis: The axis that is summed.
        keepdims: Whether the axis stays, with length 1.

    Returns:
        An array without that axis (or with length 1 there); float32 stays float32.

    Raises:
        ShapeError: When there is no such axis, or nothing along it.
        UsageError: When the axis is no whole number, or z does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.logsumexp(np.array([1e4, 1e4])).round(4)
        np.float64(10000.6931)

    Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions
    (2021).
    """
    z, axis = _along("logsumexp", z, axis)
    return fused.logsumexp(z, axis=axis, keepdims=bool(keepdims))


def one_hot(labels: Any, classes: int, dtype: Any = np.float64) -> Any:
    """Class numbers as rows with a single 1: the corners of the label space.

    Args:
        labels: Integers in [0, classes), of any shape.
        classes: Number of classes.
        dtype: dtype of the result.

    Returns:
        An array of shape (*labels.shape, classes).

    Raises:
        UsageError: When a label lies outside the classes or is no integer, `classes` is no whole
            number above 0, or `dtype` is none of numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.one_hot(np.array([1, 0]), 2)
        array([[0., 1.],
               [1., 0.]])
    """
    if isinstance(classes, bool) or not isinstance(classes, int | np.integer) or classes < 1:
        raise UsageError(f"one_hot(classes={classes!r}): it must be a whole number of at least 1.")
    if not hasattr(labels, "__pullback_bind__"):
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise UsageError(f"The labels must be integers (class numbers), not {labels.dtype}.")
    if isinstance(labels, np.ndarray) and labels.size:
        low, high = int(np.min(labels)), int(np.max(labels))
        if low < 0 or high >= classes:
            wrong = low if low < 0 else high
            raise UsageError(f"The label {wrong} is not one of the classes 0 to {classes - 1}.")
    return fused.one_hot(labels, classes=int(classes), dtype=_dtype_of_numbers(dtype))


def _dtype_of_numbers(dtype: Any) -> Any:
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted is None or wanted.kind not in "iuf":
        raise UsageError(f"one_hot(dtype={dtype!r}): it must be a dtype of numbers.")
    return wanted


def _along(owner: str, z: Any, axis: int) -> tuple[Any, int]:
    """The logits, and the axis counted from the front; in a trace the primitive refuses others."""
    z = real(owner, z, "z")
    ndim = np.ndim(z)
    if not isinstance(z, np.ndarray):
        known = isinstance(axis, int | np.integer) and -ndim <= axis < ndim
        return z, axis % ndim if known else axis
    axis = normal_axis(owner, axis, ndim)
    if z.shape[axis] == 0:
        raise ShapeError(f"{owner}: axis {axis} of z has no entries; z has the shape {z.shape}.")
    return z, axis

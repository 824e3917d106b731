"""What outputs, targets and weights a loss takes, and the first one that it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dims import Shape, format_shape
from ..errors import DataError, ShapeError
from ..nn.settings import real
from ..primitives import labels

_ENTRIES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "distribution": ("numbers >= 0", lambda y: y >= 0),
    "fractions": ("numbers in [0, 1]", lambda y: (y >= 0) & (y <= 1)),
    "counts": ("finite numbers >= 0", lambda y: (y >= 0) & np.isfinite(y)),
    "numbers": ("finite numbers", np.isfinite),
}
"""For each word what its entries may be, in words and as a test."""


def allowed_targets(kind: str) -> str:
    """What the entries of targets of a kind may be, in words."""
    return _ENTRIES[kind][0]


def first_wrong(kind: str, targets: Any) -> tuple[int, ...] | None:
    """The place of the first entry that a kind of targets does not allow; None without."""
    wrong = np.argwhere(~_ENTRIES[kind][1](targets))
    return tuple(wrong[0].tolist()) if len(wrong) else None


def check_targets(kind: str, targets: Any, name: str) -> None:
    """Refuse targets that a loss cannot take.

    Args:
        kind: "distribution" (rows >= 0 that sum to 1), "fractions" (each entry in [0, 1]),
            "counts" (each entry >= 0) or "numbers"; see `Loss`.
        targets: An array of shape (rows, columns).
        name: What to call it.

    Raises:
        DataError: With the first bad entry or row, its value, and what is allowed.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.BinaryCrossEntropy().check_targets(np.array([[0.0, 1.5]]), "y")
        Traceback (most recent call last):
        pullback.errors.DataError: y[0, 1] is 1.5; allowed are numbers in [0, 1].
    """
    y = np.asarray(targets)
    if y.dtype.kind not in "biuf":
        raise DataError(f"{name} has the dtype {y.dtype}; allowed are {allowed_targets(kind)}.")
    place = first_wrong(kind, y)
    if place is not None:
        entry = ", ".join(map(str, place))
        raise DataError(f"{name}[{entry}] is {y[place]:g}; allowed are {allowed_targets(kind)}.")
    if kind != "distribution":
        return
    try:
        labels.distribution(y, tolerance=labels.TOLERANCE)
    except ValueError as error:
        raise DataError(f"{name}: {error}.") from None


def paired(owner: str, outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Outputs and targets of one shape, (rows, columns).

    Args:
        owner: The loss.
        outputs: An array, nested lists or a traced value.
        targets: The same.

    Raises:
        ShapeError: When the shapes are not the same: (5, 1) and (5,) would make 25 residuals.
        UsageError: When one of them does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.SquaredError()(np.zeros((5, 1)), np.zeros(5))
        Traceback (most recent call last):
        pullback.errors.ShapeError: SquaredError: outputs have the shape (5, 1) and targets (5,); \
both must be (rows, columns).
    """
    outputs, targets = real(owner, outputs, "outputs"), real(owner, targets, "targets")
    shapes = shape_of(outputs), shape_of(targets)
    if len(shapes[0]) != 2 or shapes[0] != shapes[1]:
        given = " and targets ".join(map(format_shape, shapes))
        raise ShapeError(f"{owner}: outputs have the shape {given}; both must be (rows, columns).")
    return outputs, targets


def row_weights(owner: str, weights: Any, rows: Any) -> Any:
    """The weights of rows with losses `rows`; None stays None.

    Raises:
        ShapeError: When there is not one weight per row, or no row.
        UsageError: When they are no real numbers.
        DataError: When one of an array is no finite number >= 0, or all of them are 0.
    """
    count = shape_of(rows)
    if count == (0,):
        raise ShapeError(f"{owner}: a batch without a row has no loss.")
    if weights is None:
        return None
    weights = real(owner, weights, "weights")
    if shape_of(weights) != count:
        raise ShapeError(
            f"{owner}: weights have the shape {format_shape(shape_of(weights))}; it must be "
            f"{format_shape(count)}, one for each row."
        )
    if isinstance(weights, np.ndarray):
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(wrong):
            raise DataError(
                f"{owner}: weights[{wrong[0]}] is {weights[wrong[0]]:g}; allowed are finite "
                "numbers >= 0."
            )
        if not np.any(weights):
            raise DataError(f"{owner}: every weight is 0; at least one row must count.")
    return weights


def shape_of(value: Any) -> Shape:
    """The shape with named axes as they are: a size of a traced value would be an equation."""
    shape: Shape = value.aval.shape if hasattr(value, "aval") else np.shape(value)
    return shape

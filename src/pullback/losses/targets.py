"""What targets a loss takes, and the first one that it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DataError
from ..primitives import labels

_ENTRIES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "distribution": ("numbers >= 0", lambda y: y >= 0),
    "fractions": ("numbers in [0, 1]", lambda y: (y >= 0) & (y <= 1)),
    "counts": ("finite numbers >= 0", lambda y: (y >= 0) & np.isfinite(y)),
    "numbers": ("finite numbers", np.isfinite),
}
"""For each word what its entries may be, in words and as a test."""


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
    allowed, holds = _ENTRIES[kind]
    if y.dtype.kind not in "biuf":
        raise DataError(f"{name} has the dtype {y.dtype}; allowed are {allowed}.")
    wrong = np.argwhere(~holds(y))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        entry = ", ".join(map(str, place))
        raise DataError(f"{name}[{entry}] is {y[place]:g}; allowed are {allowed}.")
    if kind != "distribution":
        return
    try:
        labels.distribution(y, tolerance=labels.TOLERANCE)
    except ValueError as error:
        raise DataError(f"{name}: {error}.") from None

"""Settings of a run: checked before the first step, and the defaults that depend on the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.labels import Classes
from ..errors import DataError, UsageError

SCALINGS = ("standard", "unit")


def whole_number(name: str, value: Any, least: int) -> int:
    """The value, when it is a whole number of at least `least`; else `UsageError`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UsageError(f"{name}={value!r}: it must be a whole number of at least {least}.")
    return int(value)


def checked_seed(seed: Any) -> int:
    """The seed, when it is a whole number in [0, 2^64); raises `UsageError`."""
    if whole_number("seed", seed, 0) >= 2**64:
        raise UsageError(f"seed={seed!r}: it must be below 2^64.")
    return int(seed)


def checked_rule(optimizer: Any) -> Any:
    """The update rule; raises `UsageError` when it is none."""
    complete = all(hasattr(optimizer, name) for name in ("init", "update", "learning_rate"))
    if isinstance(optimizer, type) or not complete:
        raise UsageError(f"optimizer={optimizer!r}: it must be a rule such as pb.optim.SGD(0.1).")
    return optimizer


def rows_per_step(batch_size: Any, rows: int) -> int:
    """The number of rows per step: "full" means all of them; raises `UsageError`."""
    if batch_size == "full":
        return rows
    try:
        return min(whole_number("batch_size", batch_size, 1), rows)
    except UsageError:
        raise UsageError(
            f"batch_size={batch_size!r}: it must be 'full' or a whole number of at least 1."
        ) from None


def floating_dtype(dtype: Any) -> Any:
    """float32 or float64; raises `UsageError` on anything else."""
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted is None or wanted not in (np.dtype("f4"), np.dtype("f8")):
        raise UsageError(f"dtype={dtype!r}: allowed are 'float32' and 'float64'.")
    return wanted


def checked_rows(X: Any, dtype: Any, name: str = "X") -> Any:
    """X as finite numbers of shape (rows, columns) in a dtype; raises `DataError`."""
    if isinstance(X, np.ma.MaskedArray):
        raise DataError(f"{name} is a masked array; fill it first, its mask would be lost.")
    try:
        given = np.asarray(X)
        if given.dtype.kind == "c":
            raise TypeError("complex ones are not allowed")
        rows = given.astype(dtype)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must hold numbers: {error}.") from None
    if rows.ndim != 2 or rows.shape[0] == 0 or rows.shape[1] == 0:
        raise DataError(f"{name} has shape {rows.shape}; it must have rows and columns.")
    if not np.all(np.isfinite(rows)):
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise DataError(
            f"{name}[{row}, {column}] is {rows[row, column]}; allowed are finite numbers."
        )
    return np.ascontiguousarray(rows)


def is_classification(task: str, loss: Any, y: Any) -> bool:
    """Whether y holds labels. "auto": always for a loss on logits, else unless y is floating."""
    if task not in ("auto", "classification", "regression"):
        raise UsageError(f"task={task!r}: allowed are 'auto', 'classification' and 'regression'.")
    if task != "auto":
        return task == "classification"
    array = np.asarray(y)
    return loss.outputs_name == "logits" or array.dtype.kind != "f"


def encoded_targets(classes: Classes | None, y: Any, dtype: Any, rows: int, name: str) -> Any:
    """Class indices, or floating targets of shape (rows, columns); raises `DataError`."""
    if classes is not None:
        targets = classes.encode(y)
    else:
        array = y if isinstance(y, np.ma.MaskedArray) else np.asarray(y)
        targets = checked_rows(array[:, None] if array.ndim == 1 else array, dtype, name)
    if len(targets) != rows:
        raise DataError(f"{name} has {len(targets)} rows, X has {rows}.")
    return targets


@dataclass(frozen=True)
class Scaling:
    """(x - mean) / scale, as a NumPy function of arrays and traced values alike."""

    mean: Any
    scale: Any

    def __call__(self, x: Any) -> Any:
        """x scaled; a mean of None is left out."""
        return (x if self.mean is None else x - self.mean) / self.scale


def scaling_of(X: Any, scaling: str | None) -> Scaling | None:
    """How inputs are scaled, learned from the training data.

    Args:
        X: The training data, (rows, columns).
        scaling: "standard": each column to mean 0 and standard deviation 1 (a constant column
            to 0); "unit": everything divided by the largest absolute value; None: as it is.

    Raises:
        UsageError: When `scaling` is anything else.
    """
    if scaling is None:
        return None
    if scaling not in SCALINGS:
        raise UsageError(
            f"scaling={scaling!r}: allowed are {', '.join(map(repr, SCALINGS))}, None."
        )
    if scaling == "unit":
        return Scaling(None, X.dtype.type(np.max(np.abs(X)) or 1))
    mean = np.mean(X, axis=0, dtype=np.float64)
    spread = np.std(X, axis=0, dtype=np.float64)
    return Scaling(mean.astype(X.dtype), np.where(spread > 0, spread, 1.0).astype(X.dtype))

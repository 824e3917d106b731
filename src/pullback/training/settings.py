"""Settings of a run: checked before the first step, and the defaults that depend on the data."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from types import NoneType
from typing import Any

import numpy as np

from ..data.labels import Classes
from ..errors import DataError, UsageError, nearest
from ..numbers import is_number, is_whole_number

SCALINGS = ("standard", "unit")
SAMPLINGS = ("shuffle", "replacement", "ordered")


@dataclass(frozen=True)
class Settings:
    """Everything that may be set about a run; `pb.train` says what each means."""

    loss: Any = None
    optimizer: Any = None
    schedule: Any = None
    batch_size: int | str = 32
    accumulate: int = 1
    sampling: str = "shuffle"
    epochs: int = 10
    seed: int = 0
    penalty: Any = None
    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None
    validation: Any = None
    metrics: Mapping[str, Callable[..., Any]] | None = None
    early_stopping: int | None = None
    sample_weight: Any = None
    class_weight: Any = None
    scaling: str | None = None
    target_scaling: str | None = None
    task: str = "auto"
    dtype: Any = "float32"
    engine: str = "auto"
    info: Mapping[str, Any] = field(default_factory=dict)


def whole_number(name: str, value: Any, least: int) -> int:
    """The value, when it is a whole number of at least `least`; else `UsageError`."""
    if not is_whole_number(value) or value < least:
        raise UsageError(f"{name}={value!r}: it must be a whole number of at least {least}.")
    return int(value)


def checked_seed(seed: Any) -> int:
    """The seed, when it is a whole number in [0, 2^64); raises `UsageError`."""
    if whole_number("seed", seed, 0) >= 2**64:
        raise UsageError(f"seed={seed!r}: it must be below 2^64.")
    return int(seed)


def number_at_least_zero(name: str, value: Any) -> float:
    """The value as a float, when it is finite and at least 0; else `UsageError`."""
    if not is_number(value) or not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{name}={value!r}: it must be a finite number of at least 0.")
    return float(value)


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> Any:
    """The value, when it is one of the allowed words; else `UsageError`."""
    if not isinstance(value, str) or value not in allowed:
        raise UsageError(
            f"{name}={value!r}: allowed are {', '.join(map(repr, allowed))}."
            f"{nearest(str(value), list(allowed))}"
        )
    return value


def number_above_zero(name: str, value: Any) -> float:
    """The value as a float, when it is finite and above 0; else `UsageError`."""
    if not is_number(value) or not (math.isfinite(value) and value > 0):
        raise UsageError(f"{name}={value!r}: it must be a finite number above 0.")
    return float(value)


def share(name: str, value: Any) -> float:
    """The value as a float, when it is in (0, 1); else `UsageError`."""
    if not is_number(value) or not 0 < value < 1:
        raise UsageError(f"{name}={value!r}: it must be a number in (0, 1).")
    return float(value)


def name_of(value: Any) -> str:
    """A function by its name, anything else as it prints.

    Addresses are left out: they are others in the process that resumes a run.
    """
    return getattr(value, "__name__", None) or re.sub(r" at 0x[0-9A-Fa-f]+", "", str(value))


def plain_info(info: Any, columns: int) -> dict[str, Any]:
    """What a model keeps beside, when it is plain data; else `UsageError`."""
    if not isinstance(info, Mapping):
        raise UsageError(f"info={info!r}: it must be a dict of plain data by name.")
    try:
        json.dumps(dict(info))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"info: {error}; allowed are numbers, texts, None, lists and dicts of these."
        ) from None
    names = info.get("feature_names")
    if names is not None and (not isinstance(names, list | tuple) or len(names) != columns):
        raise UsageError(f"info: feature_names must be a list of {columns} names, one per column.")
    return dict(info)


def is_solver(optimizer: Any) -> bool:
    """Whether it chooses its own steps (L-BFGS) instead of being an update rule."""
    return hasattr(optimizer, "minimize")


def checked_rule(optimizer: Any) -> Any:
    """The update rule; raises `UsageError` when it is none."""
    needed = ("init", "numbers", "update", "learning_rate")
    complete = is_solver(optimizer) or all(hasattr(optimizer, name) for name in needed)
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
    rows = _numbers(X, dtype, name)
    if rows.ndim != 2 or rows.shape[0] == 0 or rows.shape[1] == 0:
        raise DataError(f"{name} has shape {rows.shape}; it must have rows and columns.")
    if not np.all(np.isfinite(rows)):
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise DataError(
            f"{name}[{row}, {column}] is {rows[row, column]}; allowed are finite numbers."
        )
    return np.ascontiguousarray(rows)


def _numbers(values: Any, dtype: Any, name: str) -> Any:
    """An array of real numbers in a dtype; raises `DataError` on what NumPy would make into some.

    Texts, dates and integers with more digits than float64 has are refused: whoever gives them
    should know what becomes of them.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(f"{name} is a masked array; fill it first, its mask would be lost.")
    try:
        given = np.asarray(values)
        if given.dtype.kind == "O":
            odd = next((item for item in np.ndenumerate(given) if _is_no_number(item[1])), None)
            if odd is not None:
                place = f"{name}[{', '.join(map(str, odd[0]))}]" if given.ndim else "it"
                raise TypeError(f"{place} is a {type(odd[1]).__name__}")
        elif given.dtype.kind not in "fiub":
            raise TypeError(f"it holds {_KINDS.get(given.dtype.kind, given.dtype)}")
        numbers = given.astype(dtype)
    except (OverflowError, TypeError, ValueError) as error:
        raise DataError(f"{name} must hold numbers: {error}.") from None
    if given.dtype.kind in "iu":
        beyond = (given > _EXACT) | (given < -_EXACT)
        if np.any(beyond):
            raise DataError(
                f"{name} holds {given[beyond][0]}: integers beyond 2^53 lose digits as floating "
                "numbers; subtract an offset, or leave the column out if it is a name."
            )
    return numbers


def _is_no_number(value: Any) -> bool:
    allowed = (int, float, np.integer, np.floating, np.bool_, Decimal, Fraction, NoneType)
    return not isinstance(value, allowed)


_EXACT = 2**53
_KINDS = {"U": "texts", "S": "bytes", "M": "dates", "m": "durations", "c": "complex numbers"}


def is_classification(task: str, loss: Any, y: Any) -> bool:
    """Whether y holds class labels.

    "auto": not when y has columns or the loss counts; always for a loss on logits; else unless
    y is floating.
    """
    if task not in ("auto", "classification", "regression"):
        raise UsageError(f"task={task!r}: allowed are 'auto', 'classification' and 'regression'.")
    if task != "auto":
        return task == "classification"
    array = y if isinstance(y, np.ma.MaskedArray) else np.asarray(y)
    if array.ndim > 1 or loss.targets == "counts":
        return False
    return loss.outputs_name == "logits" or array.dtype.kind != "f"


def encoded_targets(
    classes: Classes | None, loss: Any, y: Any, dtype: Any, rows: int, name: str
) -> Any:
    """Class indices, or floating targets of shape (rows, columns); raises `DataError`."""
    if classes is not None:
        targets = classes.encode(y)
    else:
        array = y if isinstance(y, np.ma.MaskedArray) else np.asarray(y)
        targets = checked_rows(array[:, None] if array.ndim == 1 else array, dtype, name)
        loss.check_targets(targets, name)
    if len(targets) != rows:
        raise DataError(f"{name} has {len(targets)} rows, X has {rows}.")
    return targets


def row_weights(
    sample_weight: Any, class_weight: Any, classes: Classes | None, targets: Any, dtype: Any
) -> Any:
    """One weight per row, from both kinds of weights; None where there are none.

    Raises:
        DataError: When the sample weights do not fit, are negative or all 0.
        UsageError: When the class weights name no class.
    """
    weights = None
    if sample_weight is not None:
        weights = _sample_weights(sample_weight, len(targets), dtype)
    if class_weight is not None:
        of_class = _class_weights(class_weight, classes, targets)
        weights = of_class[targets] * (1 if weights is None else weights)
        if not np.any(weights > 0):
            raise UsageError("class_weight: every row has the weight 0; at least one must count.")
    return None if weights is None else weights.astype(dtype)


def _sample_weights(sample_weight: Any, rows: int, dtype: Any) -> Any:
    weights = _numbers(sample_weight, np.float64, "sample_weight")
    if weights.shape != (rows,):
        raise DataError(f"sample_weight has shape {weights.shape}; it must be ({rows},).")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if np.any(wrong):
        row = int(np.argmax(wrong))
        raise DataError(
            f"sample_weight[{row}] is {weights[row]}; allowed are finite numbers of at least 0."
        )
    if not np.any(weights.astype(dtype) > 0):
        raise DataError("sample_weight is 0 for every row; at least one must count.")
    return weights


def _class_weights(class_weight: Any, classes: Classes | None, targets: Any) -> Any:
    if classes is None:
        raise UsageError("class_weight needs class labels; these targets are numbers.")
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(targets, minlength=len(classes))
        return len(targets) / (len(classes) * np.maximum(counts, 1))
    if not isinstance(class_weight, Mapping):
        raise UsageError(
            f"class_weight={class_weight!r}: it must be 'balanced' or a dict of numbers by class."
        )
    weights = np.ones(len(classes))
    labels = classes.labels.tolist()
    for label, weight in class_weight.items():
        if label not in labels:
            shown = ", ".join(map(repr, labels[:12]))
            raise UsageError(f"class_weight: {label!r} is none of the classes {shown}.")
        if not is_number(weight) or not (math.isfinite(weight) and weight >= 0):
            raise UsageError(f"class_weight[{label!r}]={weight!r}: it must be finite and >= 0.")
        weights[labels.index(label)] = weight
    return weights


@dataclass(frozen=True)
class Scaling:
    """(x - mean) / scale, as a NumPy function of arrays and traced values alike."""

    mean: Any
    scale: Any

    def __call__(self, x: Any) -> Any:
        """x scaled; a mean of None is left out."""
        return (x if self.mean is None else x - self.mean) / self.scale

    def inverse(self, x: Any) -> Any:
        """What x was before it was scaled."""
        return x * self.scale if self.mean is None else x * self.scale + self.mean


def scaling_of(X: Any, scaling: str | None, name: str = "scaling") -> Scaling | None:
    """How inputs (or targets) are scaled, learned from the training data.

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
        raise UsageError(f"{name}={scaling!r}: allowed are {', '.join(map(repr, SCALINGS))}, None.")
    if scaling == "unit":
        return Scaling(None, X.dtype.type(np.max(np.abs(X)) or 1))
    mean = np.mean(X, axis=0, dtype=np.float64)
    spread = np.std(X, axis=0, dtype=np.float64)
    return Scaling(mean.astype(X.dtype), np.where(spread > 0, spread, 1.0).astype(X.dtype))

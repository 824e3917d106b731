"""How one array stands to another: equal, up to a factor, transposed, summed or not, a part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

CLOSE = 1e-8
"""Relative error within which two values are taken for the same."""


class How(IntEnum):
    """Ways in which a value may stand to another one, the closest first."""

    EQUAL = 0
    FACTOR = 1
    TRANSPOSED = 2
    SUMMED = 3
    UNSUMMED = 4
    PART = 5


@dataclass(frozen=True)
class Relation:
    """value = factor * (other, transposed, summed, ...).

    Attributes:
        how: In which way.
        factor: The constant factor.
        axis: The axis that is summed, or not yet summed.
    """

    how: How
    factor: float = 1.0
    axis: int | None = None

    @property
    def is_close(self) -> bool:
        """Whether the one follows from the other by a factor, a transpose or a new shape."""
        return self.how <= How.TRANSPOSED


def relation(value: Any, other: Any, scale: float = 0.0) -> Relation | None:
    """The closest way in which `value` follows from `other`; None where there is none.

    Args:
        value: An array of float64.
        other: An array of float64 of any shape.
        scale: Of the other: where all its entries are smaller than this, it is zero but for
            rounding, and so is the value.
    """
    if not may_relate(value, other) or not np.all(np.isfinite(value)):
        return None
    if not np.all(np.isfinite(other)):
        return None
    if np.max(np.abs(other), initial=0.0) < scale:
        zero = _dims(value) == _dims(other) and np.max(np.abs(value), initial=0.0) < scale
        return Relation(How.EQUAL) if zero else None
    return next(_relations(value, other), None)


def may_relate(value: Any, other: Any) -> bool:
    """Whether the shapes allow it: the same lengths in some order, or all of them but one."""
    few, many = sorted((_dims(value), _dims(other)), key=len)
    if len(few) == len(many):
        return sorted(few) == sorted(many)
    return len(many) == len(few) + 1 and any(
        many[:k] + many[k + 1 :] == few for k in range(len(many))
    )


def close_relation(value: Any, other: Any) -> Relation | None:
    """The relation where it is a factor, a transpose or a new shape only."""
    found = next(_alike(value, other), None)
    return found if found is not None and np.all(np.isfinite(value)) else None


def _relations(value: Any, other: Any) -> Iterator[Relation]:
    yield from _alike(value, other)
    yield from _summed(value, other)
    yield from _part(value, other)


def _alike(value: Any, other: Any) -> Iterator[Relation]:
    if value.size != other.size:
        return
    if _dims(value) == _dims(other):
        factor = factor_of(value.reshape(-1), other.reshape(-1))
        if factor is not None:
            yield Relation(How.EQUAL if factor == 1.0 else How.FACTOR, factor)
    if value.ndim == 2 and _dims(value.T) == _dims(other):
        factor = factor_of(value.T.reshape(-1), other.reshape(-1))
        if factor is not None:
            yield Relation(How.TRANSPOSED, factor)


def factor_of(value: Any, other: Any) -> float | None:
    """c where value = c * other for arrays of the same shape, exactly 1.0 where they are equal.

    One number, or one that is repeated, tells no factor and must be equal.
    """
    largest = float(np.max(np.abs(other), initial=0.0))
    if np.all(np.abs(value - other) <= CLOSE * largest):
        return 1.0
    if not largest or not _tells(value):
        return None
    c = float(np.sum(value * other) / np.sum(other * other))
    close = abs(c) > CLOSE and np.all(np.abs(value - c * other) <= CLOSE * abs(c) * largest)
    return c if close else None


def _summed(value: Any, other: Any) -> Iterator[Relation]:
    for how, small, large in ((How.SUMMED, value, other), (How.UNSUMMED, other, value)):
        if small.size >= large.size or not _tells(small):
            continue
        for axis in range(large.ndim):
            total = np.sum(large, axis=axis)
            if _dims(total) == _dims(small):
                pair = (small, total) if how is How.SUMMED else (total, small)
                factor = factor_of(*(each.reshape(-1) for each in pair))
                if factor is not None:
                    yield Relation(how, factor, axis)


def _part(value: Any, other: Any) -> Iterator[Relation]:
    """A row or column of the other, or the other repeated along an axis."""
    if not _tells(value):
        return
    flat = value.reshape(-1)
    for axis in range(other.ndim):
        rows = np.moveaxis(other, axis, 0)
        if rows.size > value.size and _dims(rows[0]) == _dims(value):
            factor = _factor_of_a_row(flat, rows.reshape(len(rows), -1))
            if factor is not None:
                yield Relation(How.PART, factor, axis)
    for axis in range(value.ndim):
        rows = np.moveaxis(value, axis, 0)
        fits = len(rows) > 1 and other.size > 1 and _dims(rows[0]) == _dims(other)
        if fits and _close(rows, rows[:1] + 0 * rows):
            factor = factor_of(rows[0].reshape(-1), other.reshape(-1))
            if factor is not None:
                yield Relation(How.PART, factor, axis)


def _factor_of_a_row(flat: Any, rows: Any) -> float | None:
    """c where entries are c times those of one of the rows, 1.0 where they are equal to them."""
    sizes = np.sum(rows * rows, axis=1)
    factors = np.divide(rows @ flat, sizes, out=np.zeros(len(rows)), where=sizes > 0)
    off = np.max(np.abs(flat - factors[:, None] * rows), axis=1)
    close = (off <= CLOSE * np.max(np.abs(flat))) & (np.abs(factors) > CLOSE)
    if not np.any(close):
        return None
    nearest = factors[close][np.argmin(np.abs(factors[close] - 1))]
    return 1.0 if abs(nearest - 1) <= CLOSE else float(nearest)


def is_scaled(value: Any, other: Any) -> bool:
    """Whether a value is another one with a factor, or an added number, for each row or column."""
    for axis in range(value.ndim):
        shift = np.mean(value - other, axis=axis, keepdims=True)
        size = np.sum(other * other, axis=axis, keepdims=True)
        factor = np.sum(value * other, axis=axis, keepdims=True) / np.where(size > 0, size, 1.0)
        if _close(value, other + shift) or _close(value, factor * other):
            return True
    return False


def _tells(value: Any) -> bool:
    """Whether a match says something: a number, or one that is repeated, is met by chance."""
    return value.size > 1 and float(np.ptp(value)) > CLOSE * float(np.max(np.abs(value)))


def _close(value: Any, other: Any) -> bool:
    return bool(np.all(np.abs(value - other) <= CLOSE * np.max(np.abs(other), initial=0.0)))


def _dims(value: Any) -> tuple[int, ...]:
    """The shape without axes of length one."""
    return tuple(dim for dim in value.shape if dim != 1)

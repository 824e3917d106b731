"""Small functions that emitted modules call."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "combine_all",
    "combine_any",
    "combine_max",
    "combine_min",
    "combine_prod",
    "combine_sum",
    "gather",
    "place_in",
    "whole_number",
]

Array = np.ndarray[Any, Any]


def gather(out: Array, source: Array, order: Array, start: int, lo: int, hi: int) -> None:
    """Rows lo .. hi of out become source[order[start + row]]."""
    for row in range(lo, hi):
        out[row] = source[order[start + row]]


def place_in(place: int, size: int) -> int:
    """A place in an axis, counted from the end where it is below 0; IndexError outside."""
    if place < -size or place >= size:
        raise IndexError("an index is out of bounds")
    return place + size if place < 0 else place


def whole_number(value: float) -> int:
    """The int64 that lies in the bits of a float64."""
    return np.float64(value).view(np.int64)  # type: ignore[return-value]


def combine_sum(parts: Array, pieces: int, lo: int, hi: int) -> None:
    """Row 0 of the parts, at lo .. hi, becomes the sum of all rows, in their order."""
    for piece in range(1, pieces):
        for i in range(lo, hi):
            parts[0, i] = parts[0, i] + parts[piece, i]


def combine_prod(parts: Array, pieces: int, lo: int, hi: int) -> None:
    """Row 0 becomes the product of all rows."""
    for piece in range(1, pieces):
        for i in range(lo, hi):
            parts[0, i] = parts[0, i] * parts[piece, i]


def combine_max(parts: Array, pieces: int, lo: int, hi: int) -> None:
    """Row 0 becomes the largest of all rows; NaN counts as the largest."""
    for piece in range(1, pieces):
        for i in range(lo, hi):
            if parts[piece, i] > parts[0, i] or parts[piece, i] != parts[piece, i]:
                parts[0, i] = parts[piece, i]


def combine_min(parts: Array, pieces: int, lo: int, hi: int) -> None:
    """Row 0 becomes the smallest of all rows; NaN counts as the smallest."""
    for piece in range(1, pieces):
        for i in range(lo, hi):
            if parts[piece, i] < parts[0, i] or parts[piece, i] != parts[piece, i]:
                parts[0, i] = parts[piece, i]


def combine_any(parts: Array, pieces: int, lo: int, hi: int) -> None:
    """Row 0 becomes whether any row is true."""
    for piece in range(1, pieces):
        for i in range(lo, hi):
            parts[0, i] = parts[0, i] | parts[piece, i]


def combine_all(parts: Array, pieces: int, lo: int, hi: int) -> None:
    """Row 0 becomes whether all rows are true."""
    for piece in range(1, pieces):
        for i in range(lo, hi):
            parts[0, i] = parts[0, i] & parts[piece, i]

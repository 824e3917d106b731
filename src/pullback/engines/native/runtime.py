"""Small functions that emitted modules call."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "block_rows",
    "combine_all",
    "combine_any",
    "combine_max",
    "combine_min",
    "combine_prod",
    "combine_sum",
    "fill",
    "gather_numbers",
    "gather_rows",
    "place_in",
    "tell",
    "whole_number",
]

Array = np.ndarray[Any, Any]


def block_rows(row: int) -> int:
    """The rows of a gradient that are computed and used up together, by the bytes of a row.

    128 KiB of them stay in the second-level cache; at least as many rows (a multiple of six, the
    rows of a tile) that the other factor of the product, which is laid out anew for each block,
    costs little beside the product.
    """
    return max(198, 131072 // max(row, 1))


def fill(out: Array, value: Any) -> None:
    """Every entry of a vector becomes a value."""
    for i in range(len(out)):
        out[i] = value


def gather_rows(out: Array, source: Array, order: Array, start: int, lo: int, hi: int) -> None:
    """Rows lo .. hi of a matrix become source[order[start + row]]."""
    for row in range(lo, hi):
        place = order[start + row]
        for column in range(out.shape[1]):
            out[row, column] = source[place, column]


def gather_numbers(out: Array, source: Array, order: Array, start: int, lo: int, hi: int) -> None:
    """Entries lo .. hi of a vector become source[order[start + row]]."""
    for row in range(lo, hi):
        out[row] = source[order[start + row]]


def tell(told: Array, step: int, column: int, values: Array) -> None:
    """Some columns of what a step tells become the values of a vector."""
    for i in range(len(values)):
        told[step, column + i] = values[i]


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

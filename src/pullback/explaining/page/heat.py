"""Numbers as colours: one hue above zero, one below, nothing at zero.

Purple and green are told apart by all common kinds of colour vision, and neither is a colour of
values or error signals. Strength is opacity, so the same picture reads on a light ground and on a
dark one, and a zero shows the ground itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .png import Pixels

ABOVE, BELOW, NOT_FINITE = (158, 84, 189), (0, 140, 112), (224, 160, 0)
"""Red, green and blue of numbers above zero, below zero, and of NaN and infinities."""

LONGEST_SIDE = 128
"""Pictures have no more pixels along either side; larger arrays are averaged in blocks."""

LEVELS = 9


def as_matrix(value: Any) -> Any:
    """An array as a matrix: a vector is one row, leading axes are laid out one below the other."""
    array = np.asarray(value, float)
    return array.reshape(1, -1) if array.ndim < 2 else array.reshape(-1, array.shape[-1])


def largest_size(value: Any) -> float:
    """The largest |entry| that is finite; 0 where there is none."""
    sizes = np.abs(np.asarray(value, float))
    return float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))


def pixels_of(matrix: Any) -> tuple[Pixels, float]:
    """A matrix as pixels, and the size of a number that has full colour."""
    reduced = _averaged(matrix)
    top = largest_size(reduced)
    finite = np.isfinite(reduced)
    known = np.where(finite, reduced, 0.0)
    strength = np.abs(known) / top if top > 0 else np.zeros_like(known)
    pixels = np.empty((*reduced.shape, 4), np.uint8)
    pixels[..., :3] = np.where((known > 0)[..., None], ABOVE, BELOW)
    pixels[..., 3] = np.rint(255 * strength)
    pixels[~finite] = (*NOT_FINITE, 255)
    return pixels, top


def level_of(number: float, top: float) -> str:
    """The class of a cell: p1 to p9 above zero, n1 to n9 below, z at zero, x where not finite."""
    if not np.isfinite(number):
        return "x"
    if number == 0 or top == 0:
        return "z"
    level = max(1, round(LEVELS * min(1.0, abs(number) / top)))
    return f"{'p' if number > 0 else 'n'}{level}"


def is_averaged(matrix: Any) -> bool:
    """Whether a pixel of its picture stands for several entries."""
    return bool(max(matrix.shape) > LONGEST_SIDE)


def _averaged(matrix: Any) -> Any:
    for axis in (0, 1):
        length = matrix.shape[axis]
        if length > LONGEST_SIDE:
            starts = np.arange(LONGEST_SIDE) * length // LONGEST_SIDE
            widths = np.diff([*starts, length])
            sums = np.add.reduceat(matrix, starts, axis=axis)
            matrix = sums / (widths[:, None] if axis == 0 else widths)
    return matrix

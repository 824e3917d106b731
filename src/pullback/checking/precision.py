"""What a check may expect of a precision: step sizes, noise, tolerances and bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError

WORDS = ("right", "close", "doubtful", "wrong")
"""A word for each band of relative errors, closest first."""


@dataclass(frozen=True)
class Precision:
    """A floating dtype, and what differences in it can show.

    Attributes:
        dtype: float64 or float32.
        steps: Relative step sizes of a difference, largest first. The frozen function has no
            kinks, so they may be large; where a larger step leaves the function's domain (log
            near 0), smaller ones are tried.
        shortest: The shortest step, relative to the coordinates that move.
        rtol: Allowed relative difference.
        one_sided: The step of one-sided slopes.
        close: How far two one-sided slopes may be apart that count as equal, relative to them.
        flat: The same relative to the terms that make up the function's value.
        bands: Where the bands of relative errors end: right up to the first bound, close up to
            the second, doubtful up to the third, wrong beyond.
        curve: Step sizes at which the error of a plain central difference is kept.
    """

    dtype: np.dtype[Any]
    steps: tuple[float, ...]
    shortest: float
    rtol: float
    one_sided: float
    close: float
    flat: float
    bands: tuple[float, float, float]
    curve: tuple[float, ...]

    @property
    def rounding(self) -> float:
        """How far a value may be rounded, relative to the terms that make it up."""
        return 4 * float(np.finfo(self.dtype).eps)

    def band(self, relative: float) -> str:
        """The word for a relative error."""
        return WORDS[sum(relative > bound for bound in self.bands)]


DOUBLE = Precision(
    dtype=np.dtype("f8"),
    steps=tuple(10.0**-k for k in range(3, 16)),
    shortest=1e-14,
    rtol=1e-6,
    one_sided=1e-5,
    close=1e-5,
    flat=1e-9,
    bands=(1e-7, 1e-4, 1e-2),
    curve=tuple(10.0**-k for k in range(1, 13)),
)
SINGLE = Precision(
    dtype=np.dtype("f4"),
    steps=(1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5),
    shortest=1e-4,
    rtol=1e-3,
    one_sided=1e-2,
    close=3e-2,
    flat=1e-3,
    bands=(1e-3, 1e-2, 1e-1),
    curve=tuple(10.0**-k for k in range(1, 8)),
)


def precision_of(dtype: Any) -> Precision:
    """The precision that a `dtype=` means; raises `UsageError` when it is none of the two."""
    try:
        wanted = np.dtype(dtype)
        return next(each for each in (DOUBLE, SINGLE) if each.dtype == wanted)
    except (TypeError, StopIteration):
        pass
    raise UsageError(f"dtype={dtype!r}: gradients are checked in 'f8' or 'f4'.")

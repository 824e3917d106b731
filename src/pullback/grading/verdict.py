"""Whether a returned gradient is the derived one, and if not, how it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .sweeping import as_floats
from .tolerance import FLOAT32, FLOAT64

SIMPLE = {-1.0: "its sign is wrong", 0.0: "it is zero"}


@dataclass(frozen=True)
class GradientVerdict:
    """What was found of one gradient.

    Attributes:
        name: The input, as the caller writes it: W1, params['W1'].
        right: Whether the returned gradient is the derived one.
        how: What is wrong with it, as a phrase; empty when it is right.
        shape: The input's shape.
        error: Largest |returned - derived| / largest |derived|; NaN where that has no meaning.
    """

    name: str
    right: bool
    how: str
    shape: tuple[int, ...]
    error: float


def agrees(returned: Any, derived: Any, scale: float, allowed: float = FLOAT64) -> bool:
    """Whether two arrays are the same but for rounding.

    Args:
        returned: An array.
        derived: An array; another shape never agrees.
        scale: What the rounding error is relative to; see `tolerance.scales`.
        allowed: The allowed difference in units of the scale.
    """
    if np.shape(returned) != np.shape(derived):
        return False
    difference = np.abs(as_floats(returned) - derived)
    return bool(np.all(difference <= allowed * scale + np.finfo(np.float64).tiny))


def precision_of(returned: Any) -> float:
    """The allowed error of an array: that of float32 for what is float32 or less."""
    dtype = np.asarray(returned).dtype
    return FLOAT32 if dtype.kind == "f" and dtype.itemsize < 8 else FLOAT64


def judged(name: str, returned: Any, derived: Any, scale: float) -> GradientVerdict:
    """The verdict on one returned gradient."""
    derived = as_floats(derived)
    right = agrees(returned, derived, scale, precision_of(returned))
    right = right or agrees(returned, derived, scale, FLOAT32)
    how = "" if right else how_wrong(name, as_floats(returned), derived, scale)
    return GradientVerdict(name, right, how, derived.shape, _error(returned, derived))


def missing(name: str, derived: Any) -> GradientVerdict:
    """The verdict on a gradient that was not returned."""
    return GradientVerdict(name, False, "it was not returned", np.shape(derived), np.nan)


def is_imprecise(returned: Any, derived: Any, scale: float) -> bool:
    """Whether a float64 array agrees as float32 would, but not better."""
    return precision_of(returned) == FLOAT64 and not agrees(returned, derived, scale)


def how_wrong(name: str, returned: Any, derived: Any, scale: float) -> str:
    """A phrase that says how a wrong gradient differs from the derived one."""
    if returned.shape != derived.shape:
        return _shape_text(name, returned, derived, scale)
    bad = ~np.isfinite(returned)
    if np.any(bad):
        entry = tuple(int(i) for i in np.argwhere(bad)[0])
        return (
            f"{np.count_nonzero(bad)} of {_entries(bad.size)} are not finite (entry {list(entry)})"
        )
    factor = constant_factor(returned, derived, scale)
    if factor is not None:
        return SIMPLE.get(factor) or f"it is {factor_text(factor)} times the right one"
    if derived.ndim == 2 and agrees(returned.T, derived, scale):
        return "it is transposed"
    if derived.size == 1:
        return f"it is {returned.item():.6g} in place of {derived.item():.6g}"
    off = np.abs(returned - derived) > FLOAT32 * scale
    entry = tuple(int(i) for i in np.argwhere(off)[0])
    place = f" at entry {list(entry)}" if entry else ""
    return (
        f"{np.count_nonzero(off)} of {_entries(off.size)} differ: {returned[entry]:.6g} in place "
        f"of {derived[entry]:.6g}{place}"
    )


def constant_factor(returned: Any, derived: Any, scale: float) -> float | None:
    """c where returned = c * derived, for more than one entry; None where there is none."""
    size = float(np.sum(derived * derived))
    if derived.size < 2 or not np.isfinite(size) or np.max(np.abs(derived)) <= FLOAT64 * scale:
        return None
    factor = round(float(np.sum(returned * derived)) / size, 12)
    if not np.isfinite(factor):
        return None
    close = agrees(returned, factor * derived, max(1.0, abs(factor)) * scale)
    return factor if close else None


def factor_text(factor: float) -> str:
    """0.5 as 1/2, 3.0000000001 as 3, -0.7071 as -0.7071."""
    nearest_whole = round(factor)
    if nearest_whole and abs(factor - nearest_whole) <= 1e-6 * abs(factor):
        return str(nearest_whole)
    inverse = 1 / factor
    if abs(inverse - round(inverse)) <= 1e-6 * abs(inverse):
        return f"{'-' if factor < 0 else ''}1/{abs(round(inverse))}"
    return f"{factor:.4g}"


def _shape_text(name: str, returned: Any, derived: Any, scale: float) -> str:
    text = f"its shape is {returned.shape}, that of {name} is {derived.shape}"
    if returned.ndim == 2 and agrees(returned.T, derived, scale):
        return f"{text}: it is transposed"
    if returned.size == derived.size and agrees(returned.reshape(derived.shape), derived, scale):
        return f"{text}; its entries are right"
    for axis in range(returned.ndim if returned.size else 0):
        for keepdims in (False, True):
            if agrees(np.sum(returned, axis=axis, keepdims=keepdims), derived, scale):
                return f"{text}: it is not yet summed over axis {axis}"
    return text


def _entries(size: int) -> str:
    return "1 entry" if size == 1 else f"{size} entries"


def _error(returned: Any, derived: Any) -> float:
    if np.shape(returned) != derived.shape:
        return float("nan")
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(derived), initial=0.0))
        difference = float(np.max(np.abs(as_floats(returned) - derived), initial=0.0))
        return difference / largest if largest else difference

"""Reading x[index], and writes to traced values, which rebind instead of changing anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dims import Dim, Slice
from ..errors import ShapeError, UsageError, refuse
from ..primitives.indexing import ARRAY, Index, getitem, setitem
from ..primitives.kinked import where
from ..primitives.shapes import expand_dims
from . import records
from .sizes import TracedSize
from .traced import TracedArray


def read(x: TracedArray, index: Any) -> Any:
    """x[index] for slices, integers, new axes, integer arrays and boolean masks."""
    normal, arrays = normal_index(x, index)
    result = getitem(x, *arrays, index=normal)
    with_ellipsis = isinstance(index, tuple) and any(item is Ellipsis for item in index)
    if result.ndim == 0 and with_ellipsis:
        result.is_scalar = False
        x.add_view(result)
    return result


def write(target: TracedArray, index: Any, value: Any) -> None:
    """target[index] = value: from here on the target stands for the array so changed."""
    refuse_unless_writable(target)
    mask = _single_mask(index)
    if mask is not None and np.ndim(value) == 0:
        new = where(_aligned(mask, target), _in_dtype(value, target), target)
    else:
        normal, arrays = normal_index(target, index)
        new = setitem(target, _in_dtype(value, target), *arrays, index=normal)
    target.rebind(new)


def write_whole(target: Any, value: TracedArray) -> Any:
    """What `out=target` and `target += v` do: the target stands for the value."""
    if isinstance(target, tuple):
        (target,) = target
    if not isinstance(target, TracedArray):
        refuse(
            "A traced value cannot be stored into an ordinary array by out=; leave out= away, "
            "or pass a traced array made by np.zeros_like(x)."
        )
    refuse_unless_writable(target)
    if target.aval.shape != value.aval.shape:
        raise ShapeError(
            f"A result of {value.aval.shape_text} does not fit out= of {target.aval.shape_text}."
        )
    if not np.can_cast(value.dtype, target.dtype, "same_kind"):
        refuse(
            f"A result of {value.dtype} cannot be stored into an array of {target.dtype}; make the "
            "array with a floating dtype, such as np.zeros_like(x, dtype=float)."
        )
    target.rebind(_in_dtype(value, target))
    return target


def refuse_unless_writable(target: TracedArray) -> None:
    """Raise where a write would change more than the variable it goes to."""
    if target.is_argument:
        refuse(
            "This writes to an argument of the traced function, whose array belongs to the "
            "caller; write to a copy: h = np.copy(h)."
        )
    if target.base is not None:
        refuse(
            "This writes to a view (a slice, reshape or transpose) of another array; "
            "write to that array itself (h[0] = h[0] + v in place of h[0] += v), or to np.copy "
            "of the view."
        )
    if target.has_live_view:
        refuse(
            "This writes to an array of which a view (a slice, reshape or transpose) is still in "
            "use and would change with it; take np.copy of the view first."
        )


def _in_dtype(value: Any, target: TracedArray) -> Any:
    """The value as it is stored: NumPy casts on assignment to the array's dtype."""
    if isinstance(value, bool | int | float):
        return value if target.dtype.kind == "f" else target.dtype.type(value).item()
    if isinstance(value, TracedArray):
        return value if value.dtype == target.dtype else records.astype(value, target.dtype)
    return np.asarray(value, target.dtype)[()]


def _single_mask(index: Any) -> Any:
    if isinstance(index, tuple) and len(index) == 1:
        (index,) = index
    if isinstance(index, list):
        index = np.asarray(index)
    is_mask = isinstance(index, TracedArray | np.ndarray) and index.dtype.kind == "b"
    return index if is_mask else None


def _aligned(mask: Any, target: TracedArray) -> Any:
    """A mask over the first axes, laid out so that it broadcasts against the whole array."""
    shape = mask.aval.shape if isinstance(mask, TracedArray) else mask.shape
    if tuple(shape) != target.aval.shape[: len(shape)]:
        raise ShapeError(f"A mask of {shape} does not fit an array of {target.aval.shape_text}.")
    missing = target.ndim - len(shape)
    return mask if not missing else expand_dims(mask, axis=tuple(range(-missing, 0)))


def normal_index(x: TracedArray, index: Any) -> tuple[Index, list[Any]]:
    """An index in the form that programs hold, and its integer arrays.

    Raises `TraceError` for a mask whose number of true entries is not known while tracing.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    items = _without_ellipsis(items, x.ndim)
    normal: list[Any] = []
    arrays: list[Any] = []
    rest = x.aval.shape
    for item in items:
        _refuse_unfitting_mask(item, rest, x)
        rest = rest[_axes_consumed(item) :]
        if item is None or (isinstance(item, int | np.integer) and not isinstance(item, bool)):
            normal.append(None if item is None else int(item))
        elif isinstance(item, slice):
            normal.append(_normal_slice(item))
        else:
            for array in _integer_arrays(item):
                normal.append(ARRAY)
                arrays.append(array)
    return tuple(normal), arrays


def _refuse_unfitting_mask(item: Any, axes: Any, x: TracedArray) -> None:
    mask = np.asarray(item) if isinstance(item, list) else item
    if getattr(getattr(mask, "dtype", None), "kind", "") != "b":
        return
    shape = tuple(mask.aval.shape if isinstance(mask, TracedArray) else mask.shape)
    if shape != axes[: len(shape)]:
        refuse(f"A mask of shape {shape} does not fit an array of {x.aval.shape_text}.")


def _without_ellipsis(items: list[Any], ndim: int) -> list[Any]:
    places = [i for i, item in enumerate(items) if item is Ellipsis]
    if not places:
        return items
    consumed = sum(_axes_consumed(item) for item in items)
    whole = [slice(None)] * (ndim - consumed)
    return items[: places[0]] + whole + [i for i in items[places[0] + 1 :] if i is not Ellipsis]


def _axes_consumed(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    item = np.asarray(item) if isinstance(item, list) else item
    dtype = getattr(item, "dtype", None)
    return item.ndim if dtype is not None and dtype.kind == "b" else 1


def _normal_slice(item: slice) -> Slice:
    def bound(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, TracedSize):
            return value.dim
        return value if isinstance(value, Dim) else value.__index__()

    return Slice(bound(item.start), bound(item.stop), bound(item.step))


def _integer_arrays(item: Any) -> list[Any]:
    if isinstance(item, list):
        item = np.asarray(item)
    if isinstance(item, TracedArray):
        if item.dtype.kind == "b":
            value = item._value_for("Reading with a boolean mask, whose result's length it sets,")
            return list(np.nonzero(value))
        if item.dtype.kind in "iu":
            return [item]
    elif isinstance(item, np.ndarray) and item.dtype.kind == "b":
        return list(np.nonzero(item))
    elif isinstance(item, np.ndarray) and item.dtype.kind in "iu":
        return [item]
    raise UsageError(
        f"{item!r} is not an index; allowed are integers, slices, None, ..., integer arrays and "
        "boolean masks."
    )

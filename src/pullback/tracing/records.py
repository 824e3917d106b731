"""What each of NumPy's functions records: its arguments in normal form, then primitives.

Each has NumPy's own parameters in NumPy's order. An `out` is there to be counted: it is written
to by `numpy_functions`, which calls these functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dims import exact_quotient, product
from ..errors import ShapeError, at, refuse, user_location
from ..primitives import elementwise, indexing, kinked, linear, reductions, shapes
from ..primitives.elementwise import is_literal
from ..primitives.shape_rules import normal_axes, normal_axis
from .sizes import TracedSize, as_dimension
from .traced import TracedArray


def dtype_kind(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return "b" if isinstance(value, bool) else dtype.kind if dtype is not None else ""


def reduction(primitive: Any) -> Callable[..., Any]:
    def record(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False
    ) -> Any:
        axes = reduced_axes(primitive.name, axis, np.ndim(a))
        if dtype is not None:
            a = astype(a, dtype)
        return primitive(a, axis=axes, keepdims=bool(keepdims))

    return record


def reduced_axes(name: str, axis: Any, ndim: int) -> Any:
    axes = normal_axes(name, axis, ndim)
    return axes[0] if axes is not None and len(axes) == 1 else axes


def extreme(primitive: Any) -> Callable[..., Any]:
    def record(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        axes = reduced_axes(primitive.name, axis, np.ndim(a))
        return primitive(a, axis=axes, keepdims=bool(keepdims))

    return record


def prod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False
) -> Any:
    if np.ndim(a) == 0:
        return shapes.copy(a)
    return reduction(reductions.prod)(a, axis, dtype, out, keepdims)


def moment(primitive: Any) -> Callable[..., Any]:
    def record(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: int = 0,
        keepdims: Any = False,
    ) -> Any:
        axes = reduced_axes(primitive.name, axis, np.ndim(a))
        if dtype is not None:
            a = astype(a, dtype)
        return primitive(a, axis=axes, ddof=ddof, keepdims=bool(keepdims))

    return record


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    axes = reduced_axes("norm", axis, np.ndim(x))
    vector = isinstance(axes, int) or (axes is None and np.ndim(x) == 1)
    if ord is None or (ord == 2 and vector) or (ord == "fro" and not vector):
        if axes is None and not keepdims and np.ndim(x) != 1:
            return reductions.norm(ravel(x), axis=None, keepdims=False)
        return reductions.norm(x, axis=axes, keepdims=bool(keepdims))
    if vector and ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    if vector and ord == np.inf:
        return np.max(np.abs(x), axis=axes, keepdims=keepdims)
    return refuse(f"np.linalg.norm with ord={ord!r} is not traced; allowed are None, 1, 2, np.inf.")


def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    if dtype is not None:
        a = astype(a, dtype)
    if axis is None:
        return reductions.cumsum(ravel(a), axis=0)
    return reductions.cumsum(a, axis=normal_axis("cumsum", axis, np.ndim(a)))


def where(condition: Any, x: Any, y: Any) -> Any:
    if isinstance(condition, list | tuple):
        condition = np.asarray(condition)
    if dtype_kind(condition) != "b":
        condition = condition != 0
    return kinked.where(condition, x, y)


def clip(
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None and high is None:
        return shapes.copy(a)
    if high is None:
        return kinked.maximum(a, low)
    if low is None:
        return kinked.minimum(a, high)
    if is_literal(low) and is_literal(high):
        return kinked.clip(a, low, high)
    return kinked.minimum(kinked.maximum(a, low), high)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return elementwise.multiply(a, b)
    if np.ndim(a) > 2 or np.ndim(b) > 2:
        refuse("np.dot is traced for vectors and matrices; use np.matmul or np.einsum.")
    return linear.matmul(a, b)


def outer(a: Any, b: Any, out: Any = None) -> Any:
    return linear.outer(ravel(a), ravel(b))


def einsum(subscripts: Any, *operands: Any) -> Any:
    if not isinstance(subscripts, str):
        refuse("np.einsum is traced with its subscripts as text: np.einsum('ij,jk->ik', a, b).")
    if len(operands) > 2:
        refuse("np.einsum is traced for at most two arrays; apply it to two at a time.")
    explicit = linear.explicit_subscripts(subscripts)
    term, _, result = explicit.partition("->")
    if len(operands) == 1 and sorted(term) == sorted(result):
        return transpose(operands[0], [term.index(letter) for letter in result])
    return linear.einsum(*operands, subscripts=explicit)


def transpose(a: Any, axes: Any = None) -> Any:
    ndim = np.ndim(a)
    if ndim == 0:
        return a
    order = range(ndim)[::-1] if axes is None else axes
    normal = tuple(normal_axis("transpose", axis, ndim) for axis in order)
    return shapes.transpose(a, axes=normal)


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    order = list(range(np.ndim(a)))
    first, second = (normal_axis("swapaxes", axis, np.ndim(a)) for axis in (axis1, axis2))
    order[first], order[second] = order[second], order[first]
    return transpose(a, order)


def moveaxis(a: Any, source: int, destination: int) -> Any:
    order = list(range(np.ndim(a)))
    axis = order.pop(normal_axis("moveaxis", source, np.ndim(a)))
    order.insert(normal_axis("moveaxis", destination, np.ndim(a)), axis)
    return transpose(a, order)


def result_type(*arrays_and_dtypes: Any) -> Any:
    avals = (getattr(value, "aval", None) for value in arrays_and_dtypes)
    pairs = zip(arrays_and_dtypes, avals, strict=True)
    return np.result_type(*(v if aval is None else aval.promotion_type for v, aval in pairs))


def shape_of(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def reshape(a: Any, shape: Any, order: str = "C") -> Any:
    if order != "C":
        refuse("np.reshape is traced in row order (order='C') only; transpose first.")
    dims = [as_dimension(dim) for dim in shape_of(shape)]
    if -1 in dims:
        known = product(tuple(dim for dim in dims if dim != -1))
        missing = exact_quotient(product(a.aval.shape), known)
        if missing is None or dims.count(-1) > 1:
            raise ShapeError(
                at(f"reshape: {a.aval.shape_text} does not divide by {known}.", user_location())
            )
        dims[dims.index(-1)] = missing
    return shapes.reshape(a, shape=tuple(dims))


def ravel(a: Any, order: str = "C") -> Any:
    return reshape(a, (-1,), order) if isinstance(a, TracedArray) else np.ravel(a)


def broadcast_to(array: Any, shape: Any) -> Any:
    dims = tuple(as_dimension(dim) for dim in shape_of(shape))
    return shapes.broadcast_to(array, shape=dims)


def expand_dims(a: Any, axis: Any) -> Any:
    count = len(axis) if isinstance(axis, tuple | list) else 1
    axes = normal_axes("expand_dims", axis, np.ndim(a) + count) or ()
    return shapes.expand_dims(a, axis=axes[0] if len(axes) == 1 else axes)


def squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        axis = tuple(i for i, dim in enumerate(a.aval.shape) if dim == 1)
    axes = normal_axes("squeeze", axis, np.ndim(a)) or ()
    return shapes.squeeze(a, axis=axes[0] if len(axes) == 1 else axes)


def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    if axis is None:
        return shapes.concatenate(*(ravel(array) for array in arrays), axis=0)
    arrays = list(arrays)
    return shapes.concatenate(*arrays, axis=normal_axis("concatenate", axis, np.ndim(arrays[0])))


def stack(arrays: Any, axis: int = 0) -> Any:
    arrays = list(arrays)
    return shapes.stack(*arrays, axis=normal_axis("stack", axis, np.ndim(arrays[0]) + 1))


def filled(value: Any) -> Callable[..., Any]:
    def record(a: Any, dtype: Any = None, shape: Any = None) -> Any:
        return full_like(a, value, dtype, shape)

    return record


def full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    dims = a.aval.shape if shape is None else tuple(as_dimension(d) for d in shape_of(shape))
    kind = np.dtype(dtype) if dtype is not None else a.dtype
    if isinstance(fill_value, TracedArray | TracedSize | np.ndarray):
        filling = astype(a.builder.wrap(a.builder.atom(fill_value)), kind)
        return shapes.copy(shapes.broadcast_to(filling, shape=dims))
    value = kind.type(fill_value).item()
    return a.builder.bind(shapes.full, (), {"shape": dims, "value": value, "dtype": kind})


def astype(a: Any, dtype: Any, copy: bool = True) -> Any:
    dtype = np.dtype(dtype)
    if dtype.kind not in "biuf":
        refuse(f"astype({dtype}) is not traced; allowed are floats, integers and booleans.")
    if a.aval.weak:
        return shapes.as_scalar(a, dtype=dtype)
    if a.dtype == dtype:
        return shapes.copy(a) if copy else a
    return shapes.astype(a, dtype=dtype)


def copy(a: Any, order: str = "K") -> Any:
    return shapes.copy(a)


def take_along_axis(arr: Any, indices: Any, axis: int = -1) -> Any:
    return indexing.take_along_axis(
        arr, indices, axis=normal_axis("take_along_axis", axis, np.ndim(arr))
    )


def flip(m: Any, axis: Any = None) -> Any:
    axes = normal_axes("flip", axis, np.ndim(m))
    backwards = range(np.ndim(m)) if axes is None else axes
    return m[tuple(slice(None, None, -1 if i in backwards else None) for i in range(np.ndim(m)))]

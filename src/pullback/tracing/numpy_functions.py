"""How calls of NumPy's functions, operators and methods become primitives.

One table per way in: `UFUNCS` for `__array_ufunc__`, `FUNCTIONS` for `__array_function__`,
`METHODS` for `x.sum()` and its kin. What is in no table is refused with the nearest names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dims import exact_quotient, product
from ..errors import ShapeError, TraceError, at, nearest, user_location
from ..primitives import elementwise, indexing, kinked, linear, reductions, shapes
from ..primitives.shape_rules import normal_axes, normal_axis
from .entries import write_whole
from .traced import TracedArray, TracedSize, as_dimension, refuse

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: elementwise.add,
    np.subtract: elementwise.subtract,
    np.multiply: elementwise.multiply,
    np.true_divide: elementwise.divide,
    np.power: elementwise.power,
    np.negative: elementwise.negative,
    np.positive: lambda x: x,
    np.square: elementwise.square,
    np.reciprocal: elementwise.reciprocal,
    np.sqrt: elementwise.sqrt,
    np.exp: elementwise.exp,
    np.expm1: elementwise.expm1,
    np.log: elementwise.log,
    np.log1p: elementwise.log1p,
    np.sin: elementwise.sin,
    np.cos: elementwise.cos,
    np.tanh: elementwise.tanh,
    np.logaddexp: elementwise.logaddexp,
    np.maximum: kinked.maximum,
    np.minimum: kinked.minimum,
    np.absolute: kinked.absolute,
    np.fabs: kinked.absolute,
    np.sign: kinked.sign,
    np.greater: kinked.greater,
    np.greater_equal: kinked.greater_equal,
    np.less: kinked.less,
    np.less_equal: kinked.less_equal,
    np.equal: kinked.equal,
    np.not_equal: kinked.not_equal,
    np.logical_and: kinked.logical_and,
    np.logical_or: kinked.logical_or,
    np.logical_xor: kinked.logical_xor,
    np.logical_not: kinked.logical_not,
    np.isfinite: kinked.isfinite,
    np.isnan: kinked.isnan,
    np.isinf: kinked.isinf,
    np.matmul: linear.matmul,
}

_ON_MASKS = {
    np.bitwise_and: kinked.logical_and,
    np.bitwise_or: kinked.logical_or,
    np.bitwise_xor: kinked.logical_xor,
    np.invert: kinked.logical_not,
}


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: Any) -> Any:
    """np.ufunc(*inputs) with at least one traced input (or a traced out=)."""
    out = options.pop("out", None)
    dtype = options.pop("dtype", None)
    if method != "__call__":
        advice = {"reduce": "np.sum or np.max", "at": "writes such as h[i] = v"}.get(method)
        refuse(f"np.{ufunc.__name__}.{method} is not traced; use {advice or 'whole functions'}.")
    if any(not (key == "where" and value is True) for key, value in options.items()):
        refuse(f"np.{ufunc.__name__} with {', '.join(options)}= is not traced; use np.where.")
    if ufunc in _ON_MASKS and all(_dtype_kind(value) == "b" for value in inputs):
        record: Callable[..., Any] = _ON_MASKS[ufunc]
    elif ufunc in UFUNCS:
        record = UFUNCS[ufunc]
    else:
        return _unknown(f"np.{ufunc.__name__}")
    result = record(*inputs)
    if dtype is not None:
        result = _astype(result, dtype)
    return result if out is None else write_whole(out, result)


def call_function(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """function(*args, **kwargs) of NumPy's with a traced value among its arguments."""
    record = FUNCTIONS.get(function)
    if record is None:
        name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        return _unknown(name)
    out = kwargs.pop("out", None)
    try:
        bound = inspect.signature(record).bind(*args, **kwargs)
    except TypeError as error:
        refuse(f"np.{function.__name__} is traced without this argument: {error}.")
    result = record(*bound.args, **bound.kwargs)
    return result if out is None else write_whole(out, result)


def vocabulary() -> list[str]:
    """The names of NumPy's functions that can be traced, sorted."""
    names = {ufunc.__name__ for ufunc in (*UFUNCS, *_ON_MASKS)}
    names |= {
        f"{function.__module__}.{function.__name__}".removeprefix("numpy.")
        for function in FUNCTIONS
    }
    return sorted(f"np.{name}" for name in names)


def _unknown(name: str) -> Any:
    known = vocabulary()
    raise TraceError(
        at(
            f"{name} is not in the vocabulary of {len(known)} NumPy functions that can be "
            f"traced.{nearest(name, known)} Write it with those (pb.vocabulary() lists them).",
            user_location(),
        )
    )


def _dtype_kind(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return "b" if isinstance(value, bool) else dtype.kind if dtype is not None else ""


def _reduction(primitive: Any) -> Callable[..., Any]:
    def record(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
        axes = _reduced_axes(primitive.name, axis, np.ndim(a))
        if dtype is not None:
            a = _astype(a, dtype)
        return primitive(a, axis=axes, keepdims=bool(keepdims))

    return record


def _reduced_axes(name: str, axis: Any, ndim: int) -> Any:
    axes = normal_axes(name, axis, ndim)
    return axes[0] if axes is not None and len(axes) == 1 else axes


def _extreme(primitive: Any) -> Callable[..., Any]:
    def record(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
        axes = _reduced_axes(primitive.name, axis, np.ndim(a))
        return primitive(a, axis=axes, keepdims=bool(keepdims))

    return record


def _prod(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    if np.ndim(a) == 0:
        return shapes.copy(a)
    return _reduction(reductions.prod)(a, axis, dtype, keepdims)


def _moment(primitive: Any) -> Callable[..., Any]:
    def record(
        a: Any, axis: Any = None, dtype: Any = None, ddof: int = 0, keepdims: Any = False
    ) -> Any:
        axes = _reduced_axes(primitive.name, axis, np.ndim(a))
        if dtype is not None:
            a = _astype(a, dtype)
        return primitive(a, axis=axes, ddof=ddof, keepdims=bool(keepdims))

    return record


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    axes = _reduced_axes("norm", axis, np.ndim(x))
    vector = isinstance(axes, int) or (axes is None and np.ndim(x) == 1)
    if ord is None or (ord == 2 and vector) or (ord == "fro" and not vector):
        if axes is None and not keepdims and np.ndim(x) != 1:
            return reductions.norm(_ravel(x), axis=None, keepdims=False)
        return reductions.norm(x, axis=axes, keepdims=bool(keepdims))
    if vector and ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    if vector and ord == np.inf:
        return np.max(np.abs(x), axis=axes, keepdims=keepdims)
    return refuse(f"np.linalg.norm with ord={ord!r} is not traced; allowed are None, 1, 2, np.inf.")


def _cumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    if dtype is not None:
        a = _astype(a, dtype)
    if axis is None:
        return reductions.cumsum(_ravel(a), axis=0)
    return reductions.cumsum(a, axis=normal_axis("cumsum", axis, np.ndim(a)))


def _where(condition: Any, x: Any, y: Any) -> Any:
    if _dtype_kind(condition) != "b":
        condition = condition != 0
    return kinked.where(condition, x, y)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, **bounds: Any) -> Any:
    low, high = bounds.get("min", a_min), bounds.get("max", a_max)
    if low is None and high is None:
        return shapes.copy(a)
    if high is None:
        return kinked.maximum(a, low)
    return kinked.minimum(a, high) if low is None else kinked.clip(a, low, high)


def _dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return elementwise.multiply(a, b)
    if np.ndim(a) > 2 or np.ndim(b) > 2:
        refuse("np.dot is traced for vectors and matrices; use np.matmul or np.einsum.")
    return linear.matmul(a, b)


def _outer(a: Any, b: Any) -> Any:
    return linear.outer(_ravel(a), _ravel(b))


def _einsum(subscripts: Any, *operands: Any) -> Any:
    if not isinstance(subscripts, str):
        refuse("np.einsum is traced with its subscripts as text: np.einsum('ij,jk->ik', a, b).")
    if len(operands) > 2:
        refuse("np.einsum is traced for at most two arrays; apply it to two at a time.")
    return linear.einsum(*operands, subscripts=linear.explicit_subscripts(subscripts))


def _viewing(result: Any, source: Any) -> Any:
    return source.viewed_as(result) if isinstance(source, TracedArray) else result


def _transpose(a: Any, axes: Any = None) -> Any:
    ndim = np.ndim(a)
    order = range(ndim)[::-1] if axes is None else axes
    normal = tuple(normal_axis("transpose", axis, ndim) for axis in order)
    return _viewing(shapes.transpose(a, axes=normal), a)


def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    order = list(range(np.ndim(a)))
    first, second = (normal_axis("swapaxes", axis, np.ndim(a)) for axis in (axis1, axis2))
    order[first], order[second] = order[second], order[first]
    return _transpose(a, order)


def _moveaxis(a: Any, source: int, destination: int) -> Any:
    order = list(range(np.ndim(a)))
    axis = order.pop(normal_axis("moveaxis", source, np.ndim(a)))
    order.insert(normal_axis("moveaxis", destination, np.ndim(a)), axis)
    return _transpose(a, order)


def _shape_of(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _reshape(a: Any, shape: Any, order: str = "C") -> Any:
    if order != "C":
        refuse("np.reshape is traced in row order (order='C') only; transpose first.")
    dims = [as_dimension(dim) for dim in _shape_of(shape)]
    if -1 in dims:
        known = product(tuple(dim for dim in dims if dim != -1))
        missing = exact_quotient(product(a.aval.shape), known)
        if missing is None or dims.count(-1) > 1:
            raise ShapeError(
                at(f"reshape: {a.aval.shape_text} does not divide by {known}.", user_location())
            )
        dims[dims.index(-1)] = missing
    return _viewing(shapes.reshape(a, shape=tuple(dims)), a)


def _ravel(a: Any, order: str = "C") -> Any:
    return _reshape(a, (-1,), order)


def _broadcast_to(array: Any, shape: Any) -> Any:
    dims = tuple(as_dimension(dim) for dim in _shape_of(shape))
    return _viewing(shapes.broadcast_to(array, shape=dims), array)


def _expand_dims(a: Any, axis: Any) -> Any:
    count = len(axis) if isinstance(axis, tuple | list) else 1
    axes = normal_axes("expand_dims", axis, np.ndim(a) + count) or ()
    return _viewing(shapes.expand_dims(a, axis=axes[0] if len(axes) == 1 else axes), a)


def _squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        axis = tuple(i for i, dim in enumerate(a.aval.shape) if dim == 1)
    axes = normal_axes("squeeze", axis, np.ndim(a)) or ()
    return _viewing(shapes.squeeze(a, axis=axes[0] if len(axes) == 1 else axes), a)


def _concatenate(arrays: Any, axis: int | None = 0) -> Any:
    if axis is None:
        return shapes.concatenate(*(_ravel(array) for array in arrays), axis=0)
    arrays = list(arrays)
    return shapes.concatenate(*arrays, axis=normal_axis("concatenate", axis, np.ndim(arrays[0])))


def _stack(arrays: Any, axis: int = 0) -> Any:
    arrays = list(arrays)
    return shapes.stack(*arrays, axis=normal_axis("stack", axis, np.ndim(arrays[0]) + 1))


def _filled(value: Any) -> Callable[..., Any]:
    def record(a: Any, dtype: Any = None, shape: Any = None) -> Any:
        return _full_like(a, value, dtype, shape)

    return record


def _full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    dims = a.aval.shape if shape is None else tuple(as_dimension(d) for d in _shape_of(shape))
    kind = np.dtype(dtype) if dtype is not None else a.dtype
    if isinstance(fill_value, TracedArray | TracedSize | np.ndarray):
        return shapes.copy(
            _broadcast_to(_astype(a.builder.wrap(a.builder.atom(fill_value)), kind), dims)
        )
    value = kind.type(fill_value).item()
    return a.builder.bind(shapes.full, (), {"shape": dims, "value": value, "dtype": kind})


def _astype(a: Any, dtype: Any, copy: bool = True) -> Any:
    dtype = np.dtype(dtype)
    if dtype.kind not in "biuf":
        refuse(f"astype({dtype}) is not traced; allowed are floats, integers and booleans.")
    if a.dtype == dtype and not a.aval.weak:
        return shapes.copy(a) if copy else a
    return shapes.astype(a, dtype=dtype)


def _copy(a: Any, order: str = "K") -> Any:
    return shapes.copy(a)


def _take_along_axis(arr: Any, indices: Any, axis: int = -1) -> Any:
    return indexing.take_along_axis(
        arr, indices, axis=normal_axis("take_along_axis", axis, np.ndim(arr))
    )


def _flip(m: Any, axis: Any = None) -> Any:
    axes = normal_axes("flip", axis, np.ndim(m))
    backwards = range(np.ndim(m)) if axes is None else axes
    return m[tuple(slice(None, None, -1 if i in backwards else None) for i in range(np.ndim(m)))]


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: _reduction(reductions.sum_),
    np.mean: _reduction(reductions.mean),
    np.prod: _prod,
    np.var: _moment(reductions.var),
    np.std: _moment(reductions.std),
    np.max: _extreme(reductions.max_),
    np.amax: _extreme(reductions.max_),
    np.min: _extreme(reductions.min_),
    np.amin: _extreme(reductions.min_),
    np.argmax: _extreme(reductions.argmax),
    np.argmin: _extreme(reductions.argmin),
    np.any: _extreme(reductions.any_),
    np.all: _extreme(reductions.all_),
    np.cumsum: _cumsum,
    np.linalg.norm: _norm,
    np.where: _where,
    np.clip: _clip,
    np.dot: _dot,
    np.outer: _outer,
    np.einsum: _einsum,
    np.transpose: _transpose,
    np.swapaxes: _swapaxes,
    np.moveaxis: _moveaxis,
    np.reshape: _reshape,
    np.ravel: _ravel,
    np.broadcast_to: _broadcast_to,
    np.expand_dims: _expand_dims,
    np.squeeze: _squeeze,
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.flip: _flip,
    np.zeros_like: _filled(0),
    np.ones_like: _filled(1),
    np.empty_like: _filled(0),
    np.full_like: _full_like,
    np.copy: _copy,
    np.take_along_axis: _take_along_axis,
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
}


def _spread_arguments(record: Callable[..., Any]) -> Callable[..., Any]:
    """x.reshape(2, 3) and x.reshape((2, 3)) alike."""

    def method(a: Any, *dims: Any) -> Any:
        return record(a, dims[0] if len(dims) == 1 else dims or None)

    return method


METHODS: dict[str, Callable[..., Any]] = {
    name: FUNCTIONS[getattr(np, name)]
    for name in (
        "sum mean prod var std max min argmax argmin any all cumsum clip dot swapaxes ravel "
        "squeeze copy"
    ).split()
} | {
    "transpose": _spread_arguments(_transpose),
    "reshape": _spread_arguments(_reshape),
    "flatten": lambda a: shapes.copy(_ravel(a)),
    "astype": _astype,
}

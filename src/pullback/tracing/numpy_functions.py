"""How calls of NumPy's functions, operators and methods become primitives.

One table per way in: `UFUNCS` for `__array_ufunc__`, `FUNCTIONS` for `__array_function__`,
`METHODS` for `x.sum()` and its kin. What is in no table is refused with the nearest names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..errors import TraceError, at, nearest, refuse, user_location
from ..primitives import elementwise, kinked, linear, reductions, shapes
from . import records
from .entries import write_whole

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: elementwise.add,
    np.subtract: elementwise.subtract,
    np.multiply: elementwise.multiply,
    np.true_divide: elementwise.divide,
    np.power: elementwise.power,
    np.negative: elementwise.negative,
    np.positive: shapes.copy,
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
    np.floor: kinked.floor,
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
        advice = {"reduce": "np.sum, np.prod or np.max", "at": "writes such as h[i] = v"}
        instead = advice.get(method, "whole functions")
        refuse(f"np.{ufunc.__name__}.{method} is not traced; use {instead}.")
    if any(not (key == "where" and value is True) for key, value in options.items()):
        refuse(f"np.{ufunc.__name__} with {', '.join(options)}= is not traced; use np.where.")
    record = UFUNCS.get(ufunc) or _ON_MASKS.get(ufunc)
    if record is None:
        return _unknown(f"np.{ufunc.__name__}")
    if ufunc in _ON_MASKS and any(records.dtype_kind(value) != "b" for value in inputs):
        refuse(
            f"np.{ufunc.__name__} (one of &, |, ^, ~) is traced for masks alone, arrays of bools "
            "such as x > 0; bits of numbers have no gradient."
        )
    result = record(*inputs)
    if dtype is not None:
        result = records.astype(result, dtype)
    return result if out is None else write_whole(out, result)


def call_function(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """function(*args, **kwargs) of NumPy's with a traced value among its arguments."""
    record = FUNCTIONS.get(function)
    if record is None:
        name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        return _unknown(name)
    return _recorded(record, function.__name__, args, kwargs)


def call_method(name: str, args: Any, kwargs: Any) -> Any:
    """The method of this name, called on the first of the arguments."""
    return _recorded(METHODS[name], name, args, kwargs)


def _recorded(record: Callable[..., Any], name: str, args: Any, kwargs: Any) -> Any:
    signature = _signature(record)
    out = kwargs.pop("out", None) if "out" not in signature.parameters else None
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        refuse(f"np.{name} is traced without this argument: {error}.")
    out = bound.arguments.get("out", out)
    result = record(*bound.args, **bound.kwargs)
    return result if out is None else write_whole(out, result)


@cache
def _signature(record: Callable[..., Any]) -> inspect.Signature:
    """The signature of one of our own functions, of which there is a fixed number."""
    return inspect.signature(record)


def vocabulary() -> list[str]:
    """The names of NumPy's functions that can be traced, sorted.

    Example:
        >>> import pullback as pb
        >>> "np.tanh" in pb.vocabulary(), "np.linalg.inv" in pb.vocabulary()
        (True, False)
    """
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


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: records.reduction(reductions.sum_),
    np.mean: records.reduction(reductions.mean),
    np.prod: records.prod,
    np.var: records.moment(reductions.var),
    np.std: records.moment(reductions.std),
    np.max: records.extreme(reductions.max_),
    np.amax: records.extreme(reductions.max_),
    np.min: records.extreme(reductions.min_),
    np.amin: records.extreme(reductions.min_),
    np.argmax: records.extreme(reductions.argmax),
    np.argmin: records.extreme(reductions.argmin),
    np.any: records.extreme(reductions.any_),
    np.all: records.extreme(reductions.all_),
    np.cumsum: records.cumsum,
    np.linalg.norm: records.norm,
    np.where: records.where,
    np.clip: records.clip,
    np.dot: records.dot,
    np.outer: records.outer,
    np.einsum: records.einsum,
    np.transpose: records.transpose,
    np.swapaxes: records.swapaxes,
    np.moveaxis: records.moveaxis,
    np.reshape: records.reshape,
    np.ravel: records.ravel,
    np.broadcast_to: records.broadcast_to,
    np.expand_dims: records.expand_dims,
    np.squeeze: records.squeeze,
    np.concatenate: records.concatenate,
    np.stack: records.stack,
    np.flip: records.flip,
    np.zeros_like: records.filled(0),
    np.ones_like: records.filled(1),
    np.empty_like: records.filled(0),
    np.full_like: records.full_like,
    np.copy: records.copy,
    np.take_along_axis: records.take_along_axis,
    np.shape: lambda a: a.shape,
    np.result_type: records.result_type,
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
    "transpose": _spread_arguments(records.transpose),
    "reshape": _spread_arguments(records.reshape),
    "flatten": lambda a: shapes.copy(records.ravel(a)),
    "astype": records.astype,
}

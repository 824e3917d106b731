"""Operations that move, repeat or join entries without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import Dim, Dimension, Shape, format_shape, product
from ..errors import ShapeError
from ..formula import build
from ..formula import notation as written
from ..primitive import ATOM, SUM, Case, Params, Primitive, Source, TextOf, call, vjp_of
from .elementwise import any_real
from .shape_rules import normal_axes, normal_axis, shapes_text


def _transpose_aval(x: Aval, axes: tuple[int, ...]) -> Aval:
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"transpose: {axes} does not order the {x.ndim} axes of {x.shape_text}.")
    return Aval(x.dtype, tuple(x.shape[i] for i in axes))


def _emit_transpose(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    axes = params["axes"]
    if axes == tuple(reversed(range(len(axes)))):
        return Source(f"{arguments[0].within(ATOM)}.T")
    return Source(f"np.transpose({arguments[0].text}, {text_of(axes)})")


transpose = Primitive(
    "transpose",
    _transpose_aval,
    _emit_transpose,
    lambda random: [
        Case((any_real(random, (3, 4)),), {"axes": (1, 0)}),
        Case((any_real(random, (2, 3, 1)),), {"axes": (2, 0, 1)}),
    ],
    view=True,
    free_to_repeat=lambda params: params["axes"] == tuple(reversed(range(len(params["axes"])))),
    notation=written.moved,
)


@vjp_of(transpose)
def transpose_vjp(ct: Any, out: Any, x: Any, axes: tuple[int, ...]) -> tuple[Any]:
    """ct with the axes put back."""
    return (np.transpose(ct, tuple(axes.index(i) for i in range(len(axes)))),)


def _positional(function: str, param: str) -> Any:
    def emit(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
        return Source(f"{function}({arguments[0].text}, {text_of(params[param])})")

    return emit


def _reshape_aval(x: Aval, shape: Shape) -> Aval:
    if product(x.shape) != product(shape):
        raise ShapeError(
            f"reshape: {x.shape_text} has {product(x.shape)} entries, "
            f"{format_shape(shape)} has {product(shape)}."
        )
    return Aval(x.dtype, shape)


reshape = Primitive(
    "reshape",
    _reshape_aval,
    _positional("np.reshape", "shape"),
    lambda random: [
        Case((any_real(random, (3, 4)),), {"shape": (2, 6)}),
        Case((any_real(random, (1, 3)),), {"shape": (3,)}),
        Case((any_real(random, ()),), {"shape": (1, 1)}),
    ],
    view=True,
    notation=written.array_function("reshape", "reshape", written.shape_subscript),
)


@vjp_of(reshape)
def reshape_vjp(ct: Any, out: Any, x: Any, shape: Shape) -> tuple[Any]:
    """ct in x's shape."""
    return (np.reshape(ct, x.shape),)


def _broadcast_aval(x: Aval, shape: Shape) -> Aval:
    tail = shape[len(shape) - x.ndim :]
    fits = x.ndim <= len(shape) and all(
        dim in (1, wide) for dim, wide in zip(x.shape, tail, strict=True)
    )
    if not fits:
        raise ShapeError(f"broadcast_to: {x.shape_text} does not fit {format_shape(shape)}.")
    return Aval(x.dtype, shape)


broadcast_to = Primitive(
    "broadcast_to",
    _broadcast_aval,
    _positional("np.broadcast_to", "shape"),
    lambda random: [
        Case((any_real(random, ()),), {"shape": (2, 3)}),
        Case((any_real(random, (3, 1)),), {"shape": (2, 3, 4)}),
        Case((any_real(random, (1, 3)),), {"shape": (1, 3)}),
    ],
    view=True,
    notation=written.repetition,
)


@vjp_of(broadcast_to)
def broadcast_to_vjp(ct: Any, out: Any, x: Any, shape: Shape) -> tuple[Any]:
    """ct; the sweep sums it over the repeated axes."""
    return (ct,)


def _expand_aval(x: Aval, axis: int | tuple[int, ...]) -> Aval:
    ndim = x.ndim + (len(axis) if isinstance(axis, tuple) else 1)
    new = normal_axes("expand_dims", axis, ndim) or ()
    rest = iter(x.shape)
    return Aval(x.dtype, tuple(1 if i in new else next(rest) for i in range(ndim)))


expand_dims = Primitive(
    "expand_dims",
    _expand_aval,
    call("np.expand_dims", "axis"),
    lambda random: [
        Case((any_real(random, (3, 4)),), {"axis": 1}),
        Case((any_real(random, (3,)),), {"axis": (0, 2)}),
    ],
    view=True,
    notation=written.with_axes,
)


@vjp_of(expand_dims)
def expand_dims_vjp(ct: Any, out: Any, x: Any, axis: Any) -> tuple[Any]:
    """ct without the new axes."""
    return (np.squeeze(ct, axis=axis),)


def _squeeze_aval(x: Aval, axis: int | tuple[int, ...]) -> Aval:
    axes = normal_axes("squeeze", axis, x.ndim) or ()
    wide = [i for i in axes if x.shape[i] != 1]
    if wide:
        raise ShapeError(f"squeeze: axis {wide[0]} of {x.shape_text} is not 1.")
    return Aval(x.dtype, tuple(dim for i, dim in enumerate(x.shape) if i not in axes))


squeeze = Primitive(
    "squeeze",
    _squeeze_aval,
    call("np.squeeze", "axis"),
    lambda random: [
        Case((any_real(random, (3, 1, 4)),), {"axis": 1}),
        Case((any_real(random, (1, 3, 1)),), {"axis": (0, 2)}),
    ],
    view=True,
    notation=written.without_axes,
)


@vjp_of(squeeze)
def squeeze_vjp(ct: Any, out: Any, x: Any, axis: Any) -> tuple[Any]:
    """ct with the axes of length 1 put back."""
    return (np.expand_dims(ct, axis),)


def _emit_list(function: str) -> Any:
    def emit(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
        items = ", ".join(argument.text for argument in arguments)
        return Source(f"{function}([{items}], axis={text_of(params['axis'])})")

    return emit


def _concatenate_aval(*avals: Aval, axis: int) -> Aval:
    first = avals[0]
    normal_axis("concatenate", axis, first.ndim)
    total: Dimension = 0
    for aval in avals:
        if aval.shape[:axis] + aval.shape[axis + 1 :] != (
            first.shape[:axis] + first.shape[axis + 1 :]
        ):
            raise ShapeError(f"concatenate: only axis {axis} may differ, {shapes_text(avals)}.")
        total = total + aval.shape[axis]
    dtype = np.result_type(*(aval.dtype for aval in avals))
    return Aval(dtype, (*first.shape[:axis], total, *first.shape[axis + 1 :]))


concatenate = Primitive(
    "concatenate",
    _concatenate_aval,
    _emit_list("np.concatenate"),
    lambda random: [
        Case((any_real(random, (2, 3)), any_real(random, (1, 3))), {"axis": 0}),
        Case(tuple(any_real(random, (2, n)) for n in (1, 2, 3)), {"axis": 1}),
    ],
    notation=written.array_function("concatenate", "concatenate", written.axis_text),
)


@vjp_of(concatenate)
def concatenate_vjp(ct: Any, out: Any, *inputs: Any, axis: int) -> tuple[Any, ...]:
    """To each input its own stretch of ct."""
    start: Any = 0
    pieces = []
    for x in inputs:
        stop = start + x.shape[axis]
        pieces.append(ct[(slice(None),) * axis + (slice(start, stop),)])
        start = stop
    return tuple(pieces)


def _stack_aval(*avals: Aval, axis: int) -> Aval:
    first = avals[0]
    if any(aval.shape != first.shape for aval in avals):
        raise ShapeError(f"stack: all shapes must be equal, {shapes_text(avals)}.")
    axis = normal_axis("stack", axis, first.ndim + 1)
    dtype = np.result_type(*(aval.dtype for aval in avals))
    return Aval(dtype, (*first.shape[:axis], len(avals), *first.shape[axis:]))


stack = Primitive(
    "stack",
    _stack_aval,
    _emit_list("np.stack"),
    lambda random: [
        Case((any_real(random, (2, 3)), any_real(random, (2, 3))), {"axis": 1}),
        Case((any_real(random, ()), any_real(random, ()), any_real(random, ())), {"axis": 0}),
    ],
    notation=written.array_function("stack", "stack", written.axis_text),
)


@vjp_of(stack)
def stack_vjp(ct: Any, out: Any, *inputs: Any, axis: int) -> tuple[Any, ...]:
    """To each input its own slice of ct."""
    return tuple(ct[(slice(None),) * axis + (i,)] for i in range(len(inputs)))


def _emit_full(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    shape, value, dtype = params["shape"], params["value"], params["dtype"]
    kind = {"0.0": "zeros", "1.0": "ones"}.get(str(float(value)))
    parts = [text_of(shape)] if kind else [text_of(shape), text_of(value)]
    if dtype != np.float64:
        parts.append(f"dtype={text_of(dtype)}")
    return Source(f"np.{kind or 'full'}({', '.join(parts)})")


full = Primitive(
    "full",
    lambda shape, value, dtype: Aval(dtype, shape),
    _emit_full,
    lambda random: [Case((), {"shape": (2, 3), "value": 0.5, "dtype": np.dtype("f8")})],
    keeps_array=True,
    notation=written.constant,
)


@vjp_of(full)
def full_vjp(ct: Any, out: Any, shape: Shape, value: Any, dtype: Any) -> tuple[()]:
    """No inputs, no cotangents."""
    return ()


def _emit_astype(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    return Source(f"{arguments[0].within(ATOM)}.astype({text_of(params['dtype'])})")


astype = Primitive(
    "astype",
    lambda x, dtype: x.with_dtype(dtype),
    _emit_astype,
    lambda random: [Case((any_real(random, (2, 3)),), {"dtype": np.dtype("f8")})],
    notation=written.conversion,
)


@vjp_of(astype)
def astype_vjp(ct: Any, out: Any, x: Any, dtype: Any) -> tuple[Any]:
    """ct; the sweep brings it back to x's dtype. Not differentiable towards integers."""
    return (ct if dtype.kind == "f" else None,)


as_scalar = Primitive(
    "as_scalar",
    lambda x, dtype: Aval(dtype, x.shape),
    lambda arguments, params, text_of: Source(f"{text_of(params['dtype'])}({arguments[0].text})"),
    lambda random: [Case((0.7,), {"dtype": np.dtype("f8")})],
    notation=written.conversion,
)
"""A Python number as a NumPy scalar."""


@vjp_of(as_scalar)
def as_scalar_vjp(ct: Any, out: Any, x: Any, dtype: Any) -> tuple[Any]:
    """ct. Not differentiable towards integers."""
    return (ct if dtype.kind == "f" else None,)


copy = Primitive(
    "copy",
    lambda x: x.with_dtype(x.dtype),
    call("np.copy"),
    lambda random: [Case((any_real(random, (2, 3)),))],
    keeps_array=True,
    notation=written.of_parts(written.same),
)


@vjp_of(copy)
def copy_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct."""
    return (ct,)


def _emit_size(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    text = text_of(params["dim"])
    return Source(text, ATOM if text.isalnum() or (text.endswith("]") and " " not in text) else SUM)


def _size_aval(dim: Dimension) -> Aval:
    return Aval(np.dtype(np.int64), (), weak=True)


size = Primitive(
    "size",
    _size_aval,
    _emit_size,
    lambda random: [Case((), {"dim": 3})],
    free_to_repeat=lambda params: True,
    notation=lambda parts, params, shape: build.size(params["dim"]),
)


@vjp_of(size)
def size_vjp(ct: Any, out: Any, dim: Dim) -> tuple[()]:
    """No inputs, no cotangents."""
    return ()

"""Shape and dtype rules that several families of primitives share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import Dimension, Shape
from ..errors import ShapeError, UsageError
from ..program import float_dtype_of


def shapes_text(avals: Sequence[Aval]) -> str:
    """The shapes of an operation's inputs for an error message: left is (N, D), right is (H, C)."""
    if len(avals) == 2:
        return f"left is {avals[0].shape_text}, right is {avals[1].shape_text}"
    return "the inputs are " + ", ".join(aval.shape_text for aval in avals)


def broadcast_shapes(name: str, avals: Sequence[Aval]) -> Shape:
    """NumPy's broadcasting, in which a named axis is never 1."""
    first = avals[0].shape
    if all(aval.shape == first for aval in avals):
        return first
    ndim = max(aval.ndim for aval in avals)
    result: list[Dimension] = []
    for axis in range(-ndim, 0):
        dims = [aval.shape[axis] for aval in avals if aval.ndim >= -axis]
        wide = [dim for dim in dims if dim != 1]
        if any(dim != wide[0] for dim in wide):
            other = next(dim for dim in wide if dim != wide[0])
            raise ShapeError(
                f"{name}: shapes do not broadcast, {shapes_text(avals)}: {wide[0]} is not {other}."
            )
        result.append(wide[0] if wide else 1)
    return tuple(result)


def ufunc_dtype(ufunc: np.ufunc, avals: Sequence[Aval]) -> Any:
    """The dtype that a NumPy ufunc gives for these inputs."""
    if all(aval.weak for aval in avals):
        return ufunc(*(aval.dtype.type(1) for aval in avals)).dtype
    try:
        return _resolved(ufunc, tuple(aval.promotion_type for aval in avals))
    except TypeError as error:
        dtypes = ", ".join(str(aval.dtype) for aval in avals)
        raise ShapeError(f"{ufunc.__name__} is not defined for {dtypes}.") from error


@lru_cache(maxsize=4096)
def _resolved(ufunc: np.ufunc, types: tuple[Any, ...]) -> Any:
    return ufunc.resolve_dtypes((*types, None))[-1]


def elementwise_aval(name: str, ufunc: np.ufunc, operator: bool) -> Callable[..., Aval]:
    """The rule of a ufunc; an operator on Python numbers alone gives a Python number."""

    def aval(*avals: Aval) -> Aval:
        weak = operator and all(aval.weak for aval in avals)
        return Aval(ufunc_dtype(ufunc, avals), broadcast_shapes(name, avals), weak)

    return aval


def floating_aval(name: str) -> Callable[..., Aval]:
    """The rule of a smooth function that NumPy has no ufunc for: broadcast, floating dtype."""

    def aval(*avals: Aval) -> Aval:
        return Aval(float_dtype_of(avals), broadcast_shapes(name, avals))

    return aval


def normal_axis(name: str, axis: int, ndim: int) -> int:
    """An axis counted from the front; raises `ShapeError` when there is no such axis."""
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        raise UsageError(f"{name}: axis must be a whole number, not {axis!r}.")
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{name}: axis {axis} does not exist, the array has {ndim} axes.")
    return int(axis) % ndim


def normal_axes(name: str, axis: Any, ndim: int) -> tuple[int, ...] | None:
    """Axes counted from the front, sorted; None (all of them) stays None."""
    if axis is None:
        return None
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    normal = tuple(sorted(normal_axis(name, item, ndim) for item in axes))
    if len(set(normal)) != len(normal):
        raise ShapeError(f"{name}: an axis is named twice in {axis!r}.")
    return normal


def reduced_shape(shape: Shape, axis: Any, keepdims: bool) -> Shape:
    """The shape after a reduction over `axis` (None, an int or a tuple, from the front)."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if keepdims:
        return tuple(1 if i in axes else dim for i, dim in enumerate(shape))
    return tuple(dim for i, dim in enumerate(shape) if i not in axes)

"""Formulas put together: shapes found by broadcasting, trivial factors left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..dims import Dimension, Shape
from .tree import (
    Add,
    Elementwise,
    First,
    Formula,
    Index,
    Indexed,
    Matmul,
    Negative,
    Number,
    Ones,
    Outer,
    Over,
    Power,
    Quotient,
    Silent,
    Size,
    Subscript,
    Subtract,
    Symbol,
    Times,
    Transpose,
    Zeros,
)


def broadcast(*parts: Formula) -> Shape:
    """The shape of parts that are known to fit."""
    rank = max((part.rank for part in parts), default=0)
    shape: list[Dimension] = []
    for axis in range(-rank, 0):
        dims = [part.shape[axis] for part in parts if part.rank >= -axis]
        shape.append(next((dim for dim in dims if dim != 1), 1))
    return tuple(shape)


def number(value: Any) -> Number:
    """A constant."""
    return Number((), value=value)


def size(dim: Dimension) -> Formula:
    """The length of an axis; a number when it is known."""
    return number(dim) if isinstance(dim, int) else Size((), dim=dim)


def add(left: Formula, right: Formula) -> Formula:
    """left + right."""
    return Add(broadcast(left, right), (left, right))


def subtract(left: Formula, right: Formula) -> Formula:
    """left - right."""
    return Subtract(broadcast(left, right), (left, right))


def negative(x: Formula) -> Formula:
    """-x."""
    return Negative(x.shape, (x,))


def times(left: Formula, right: Formula) -> Formula:
    """left times right, entry by entry; a column times a row is the outer product of vectors."""
    for column, row in ((left, right), (right, left)):
        x, y = _vector(column, added=1), _vector(row, added=0)
        if x is not None and y is not None:
            return outer(x, y)
    return Times(broadcast(left, right), (left, right))


def _vector(x: Formula, added: int) -> Formula | None:
    """The vector that is laid out as a row (an axis added at 0) or as a column (at 1)."""
    if x.rank < 2:
        return x if x.rank == 1 and added == 0 else None
    if isinstance(x, Silent) and x.added and x.rank == 2 and x.axes == (added,):
        return x.parts[0]
    if not isinstance(x, Elementwise):
        return None
    parts = [part if part.rank == 0 else _vector(part, added) for part in x.parts]
    known = tuple(part for part in parts if part is not None)
    return replace(x, shape=broadcast(*known), parts=known) if len(known) == len(parts) else None


def outer(x: Formula, y: Formula) -> Formula:
    """The products of each entry of x with each entry of y."""
    return Outer(x.shape + y.shape, (x, y))


def quotient(left: Formula, right: Formula) -> Formula:
    """left over right, entry by entry."""
    return Quotient(broadcast(left, right), (left, right))


def power(base: Formula, exponent: Formula) -> Formula:
    """base to the exponent, entry by entry."""
    return Power(broadcast(base, exponent), (base, exponent))


def matmul(left: Formula, right: Formula, shape: Shape) -> Formula:
    """The matrix product."""
    return Matmul(shape, (left, right))


def transpose(x: Formula) -> Formula:
    """A matrix transposed; twice is not at all."""
    if isinstance(x, Transpose):
        return x.parts[0]
    return Transpose(x.shape[::-1], (x,))


def laid_out(x: Formula, shape: Shape, axes: tuple[int, ...], added: bool) -> Formula:
    """x with axes of length 1 added or taken away."""
    return Silent(shape, (x,), axes=axes, added=added)


def repeated(x: Formula, shape: Shape) -> Formula | None:
    """x repeated to a shape, as a product with ones; None where that is no matrix product."""
    if x.shape == shape:
        return x
    if x.rank == 0:
        return times(x, Ones(shape))
    if len(shape) == 2 and x.rank == 1:
        row = laid_out(x, (1, *x.shape), (0,), added=True)
        return matmul(Ones((shape[0], 1)), row, shape) if x.shape[0] == shape[1] else None
    if len(shape) == 2 and x.shape == (shape[0], 1):
        return matmul(x, Ones((1, shape[1])), shape)
    if len(shape) == 2 and x.shape == (1, shape[1]):
        return matmul(Ones((shape[0], 1)), x, shape)
    return None


def over(sign: str, x: Formula, axes: Sequence[int], keepdims: bool = False) -> Formula:
    """A sum (product, ...) of the entries of x over axes, counted from the front."""
    single = [axis for axis in axes if x.shape[axis] == 1 and sign in ("∑", "∏", "max", "min")]
    indices = {axis: Index(x.shape[axis]) for axis in axes if axis not in single}
    places: dict[int, Subscript] = {**indices, **dict.fromkeys(single, First())}
    result = at(x, tuple(places.get(axis) for axis in range(x.rank)))
    if indices:
        result = Over(result.shape, (result,), sign=sign, indices=tuple(indices.values()))
    if not keepdims:
        return result
    shape = tuple(1 if axis in axes else dim for axis, dim in enumerate(x.shape))
    return laid_out(result, shape, tuple(sorted(axes)), added=True)


def at(x: Formula, subscripts: tuple[Subscript, ...]) -> Formula:
    """Part of x. The subscripts go down to the letters wherever that is the same."""
    if all(subscript is None for subscript in subscripts):
        return x
    shape = _left_over(x.shape, subscripts)
    match x:
        case Ones():
            return Ones(shape) if shape else number(1)
        case Zeros():
            return Zeros(shape) if shape else number(0)
        case Transpose():
            return at(x.parts[0], subscripts[::-1])
        case Silent():
            return _at_other_layout(x, subscripts)
        case Indexed():
            given = iter(subscripts)
            filled = tuple(next(given) if s is None else s for s in x.subscripts)
            return at(x.parts[0], filled)
        case Over():
            return replace(x, shape=shape, parts=(at(x.parts[0], subscripts),))
        case Outer():
            left, right = x.parts
            return times(at(left, subscripts[:1]), at(right, subscripts[1:]))
        case Elementwise():
            parts = tuple(_at_broadcast(part, subscripts, x.shape) for part in x.parts)
            return replace(x, shape=shape, parts=parts)
    return Indexed(shape, (x,), subscripts=subscripts)


def _left_over(shape: Shape, subscripts: tuple[Subscript, ...]) -> Shape:
    return tuple(dim for dim, s in zip(shape, subscripts, strict=True) if s is None)


def _at_broadcast(part: Formula, subscripts: tuple[Subscript, ...], whole: Shape) -> Formula:
    """The part of an elementwise formula that belongs to these subscripts of the whole."""
    own = subscripts[len(subscripts) - part.rank :]
    dims = whole[len(whole) - part.rank :]
    repeats = [mine == 1 and dim != 1 for mine, dim in zip(part.shape, dims, strict=True)]
    return at(
        part,
        tuple(
            First() if repeated and subscript is not None else subscript
            for subscript, repeated in zip(own, repeats, strict=True)
        ),
    )


def _at_other_layout(x: Silent, subscripts: tuple[Subscript, ...]) -> Formula:
    """Where subscripts stay whole on an added axis, the axis is added again behind them."""
    (inner,) = x.parts
    if not x.added:
        given = iter(subscripts)
        return at(inner, tuple(First() if a in x.axes else next(given) for a in range(inner.rank)))
    result = at(inner, tuple(s for axis, s in enumerate(subscripts) if axis not in x.axes))
    left = [axis for axis, s in enumerate(subscripts) if s is None]
    still_added = tuple(place for place, axis in enumerate(left) if axis in x.axes)
    if not still_added:
        return result
    return laid_out(result, _left_over(x.shape, subscripts), still_added, added=True)


def symbol(name: str, shape: Shape, bar: bool = False, key: str = "", word: bool = False) -> Symbol:
    """A variable."""
    return Symbol(shape, name=name, bar=bar, key=key or name, word=word)

"""Equations with column vectors: each side transposed, so that a sample is a column.

Every matrix letter then stands for the transpose of the array in the code (W1 has shape
(H, D) and is written W_1 x), and every vector for a column. The transpose goes down to the
letters, where it is part of what they stand for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...dims import Shape
from ...errors import UsageError
from ...formula import Formula, tree
from ...formula.build import laid_out, transpose


def column_shape(shape: Shape) -> Shape:
    """The shape of a value in this form: matrices transposed, vectors as columns."""
    return (*shape, 1) if len(shape) == 1 else shape[::-1]


def as_columns(x: Formula) -> Formula:
    """The transpose of a formula, in terms of the transposes of its letters.

    Raises:
        UsageError: Where a value has more than two axes, or a function has no such form.
    """
    if x.rank > 2:
        raise _no_form(f"values with {x.rank} axes")
    return _FORMS.get(type(x), _part_by_part)(x)


def _no_form(what: str) -> UsageError:
    return UsageError(
        f"columns=True: {what} have no form with column vectors; leave it out to write rows."
    )


def _part_by_part(x: Formula) -> Formula:
    return replace(x, shape=column_shape(x.shape), parts=tuple(map(as_columns, x.parts)))


def _matmul(x: tree.Matmul) -> Formula:
    left, right = x.parts
    ranks = (left.rank, right.rank)
    if ranks == (2, 1):
        parts = transpose(as_columns(left)), as_columns(right)
    else:
        parts = as_columns(right), as_columns(left)
    return tree.Matmul(column_shape(x.shape), parts)


def _transposed(x: tree.Transpose) -> Formula:
    return transpose(as_columns(x.parts[0]))


def _outer(x: tree.Outer) -> Formula:
    left, right = map(as_columns, x.parts)
    return tree.Matmul(column_shape(x.shape), (right, transpose(left)))


def _norm(x: tree.Norm) -> Formula:
    return tree.Norm((), (as_columns(x.parts[0]),))


def _indexed(x: tree.Indexed) -> Formula:
    base = as_columns(x.parts[0])
    if x.parts[0].rank == 1:
        return replace(x, parts=(base,), subscripts=(*x.subscripts, tree.First()))
    part = replace(x, parts=(base,), subscripts=x.subscripts[::-1])
    return laid_out(part, (*x.shape, 1), (1,), added=True) if x.rank else part


def _silent(x: tree.Silent) -> Formula:
    (inner,) = x.parts
    column = as_columns(inner)
    if x.added and inner.rank == 1:
        return column if x.axes == (0,) else transpose(column)
    if not x.added and inner.rank == 2 and x.rank == 1:
        return column if x.axes == (0,) else transpose(column)
    shape = column_shape(x.shape)
    axes = tuple(range(max(len(shape), column.rank)))
    return laid_out(column, shape, axes, added=x.added)


_AXIS = re.compile(r"axis ([01])")


def _function(x: tree.Function) -> Formula:
    matrix = any(part.rank == 2 for part in x.parts)
    below = x.subscript
    if matrix and _AXIS.fullmatch(below):
        below = f"axis {1 - int(below[-1])}"
    elif below:
        raise _no_form(f"{x.name}'s results")
    parts = tuple(map(as_columns, x.parts))
    return replace(x, shape=column_shape(x.shape), parts=parts, subscript=below, columns=True)


def _entries(x: tree.Entries) -> Formula:
    raise _no_form("parts taken out of an array")


_FORMS: dict[type, Callable[[Any], Formula]] = {
    tree.Matmul: _matmul,
    tree.Transpose: _transposed,
    tree.Outer: _outer,
    tree.Norm: _norm,
    tree.Indexed: _indexed,
    tree.Silent: _silent,
    tree.Function: _function,
    tree.Entries: _entries,
}

"""Products of matrices, and sums of products in general."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...avals import Aval
from ...primitives import linear
from ...program import Equation
from .axes import Axis
from .lowering import Lowering, Operand, View, loops_for, moved
from .moving import view_of
from .scalars import converted
from .statements import COSTLY, Product, Read, Statement, Value

Dims = tuple[Axis | None, ...]


@loops_for(linear.matmul)
def _matmul(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, y = (view_of(lowering, operand, "factor") for operand in operands)
    lowering.joined((x.dims[-1],), (y.dims[-2 if len(y.dims) > 1 else 0],))
    if len(x.dims) > 2 or len(y.dims) > 2 or len(x.dims) == len(y.dims) == 1:
        return _stacked(lowering, equation, x, y)
    left = x if len(x.dims) == 2 else View((None, *x.dims), moved(x.read, {0: 1}))
    right = y if len(y.dims) == 2 else View((*y.dims, None), y.read)
    dims = [d for d, whole in ((left.dims[0], x), (right.dims[1], y)) if len(whole.dims) == 2]
    return product(lowering, equation, left, right, tuple(dims))


def product(lowering: Lowering, equation: Equation, left: View, right: View, dims: Dims) -> Operand:
    """A product of two matrices; where the inner axis has the length 1, of entries."""
    name, aval = lowering.name_of(equation), equation.out.aval
    if left.dims[1] is None:
        wide = (left.dims[0], right.dims[1])
        pairs = lowering.entries(name, aval, wide, "{0} * {1}", [left, right], [aval.dtype] * 2)
        return View(dims, moved(pairs.read, _squeezed(wide, dims)))
    left_value, left_transposed = _matrix(lowering, left, name, aval.dtype)
    right_value, right_transposed = _matrix(lowering, right, name, aval.dtype, left_transposed)
    value = Value(name, aval.dtype, tuple(d for d in dims if d is not None))
    shapes = (left.dims[:2], right.dims[:2], (left.dims[0], right.dims[1]))
    inner = left.dims[1]
    lowering.items.append(
        Product(
            value,
            left_value,
            right_value,
            left_transposed,
            right_transposed,
            inner,
            shapes=shapes,  # type: ignore[arg-type]
        )
    )
    return lowering.whole(value, dims)


def _squeezed(wide: Dims, dims: Dims) -> dict[int, int | None]:
    kept = [i for i in range(len(wide)) if len(dims) == len(wide) or wide[i] is not None]
    return {i: n for n, i in enumerate(kept)}


def _matrix(
    lowering: Lowering, view: View, name: str, dtype: Any, upright: bool = False
) -> tuple[Value, bool]:
    """The value behind a factor, and whether the factor is its transpose; never if `upright`."""
    value = view.read.value
    if value.dtype == dtype:
        if view.is_whole:
            return value, False
        swapped = View(view.dims[::-1], moved(view.read, {0: 1, 1: 0}))
        if swapped.is_whole and not upright:
            return value, True
    name = lowering.unique(f"{name}_factor")
    text = converted("{0}", value.dtype, dtype)
    copied = lowering.entries(name, Aval(dtype), view.dims, text, [view], [value.dtype])
    return copied.read.value, False


def _stacked(lowering: Lowering, equation: Equation, x: View, y: View) -> Operand:
    """A product of stacks of matrices, or of two vectors: a sum over the inner axis."""
    stack_x, stack_y = x.dims[:-2], y.dims[:-2]
    wide = lowering.joined(stack_x, stack_y) if len(x.dims) > 2 or len(y.dims) > 2 else ()
    rows = x.dims[-2:-1] if len(x.dims) > 1 else ()
    columns = y.dims[-1:] if len(y.dims) > 1 else ()
    dims = (*wide, *rows, *columns)
    inner = len(dims)
    batch = len(wide)
    places_x = _trailing(len(stack_x), batch) | (
        {len(x.dims) - 2: batch, len(x.dims) - 1: inner} if rows else {0: inner}
    )
    last = batch + len(rows)
    places_y = _trailing(len(stack_y), batch) | (
        {len(y.dims) - 2: inner, len(y.dims) - 1: last} if columns else {0: inner}
    )
    loops = (*dims, x.dims[-1])
    return summed_products(lowering, equation, loops, inner, [(x, places_x), (y, places_y)], dims)


def _trailing(count: int, total: int) -> dict[int, int]:
    return {i: total - count + i for i in range(count)}


def summed_products(
    lowering: Lowering,
    equation: Equation,
    loops: Dims,
    kept: int,
    factors: Sequence[tuple[View, dict[int, int]]],
    dims: Dims,
) -> Operand:
    """The sum of products over the loops from number `kept` on."""
    name, dtype = lowering.name_of(equation), equation.out.aval.dtype
    number = {i: n for n, i in enumerate(i for i, d in enumerate(loops) if d is not None)}
    reads: list[Read] = []
    texts = []
    for view, places in factors:
        home = {old: number.get(new) for old, new in places.items()}
        texts.append(converted(f"{{{len(reads)}}}", view.read.value.dtype, dtype))
        reads.append(moved(view.read, home))
    value = Value(name, dtype, tuple(d for d in dims if d is not None))
    looped = tuple(d for d in loops if d is not None)
    positions = tuple(number[i] for i in range(kept) if i in number)
    reduction = "sum" if len(positions) < len(looped) else ""
    text = " * ".join(texts)
    lowering.items.append(
        Statement(value, looped, positions, text, tuple(reads), reduction, cost=COSTLY)
    )
    return lowering.whole(value, dims)


@loops_for(linear.einsum)
def _einsum(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    views = [view_of(lowering, operand, "factor") for operand in operands]
    terms, result = equation.params["subscripts"].split("->")
    axis_of: dict[str, Axis | None] = {}
    for term, view in zip(terms.split(","), views, strict=True):
        for letter, dim in zip(term, view.dims, strict=True):
            met = axis_of.setdefault(letter, dim)
            if met is not None and dim is not None:
                met.join(dim)
    letters = result + "".join(c for c in axis_of if c not in result)
    loops = tuple(axis_of[letter] for letter in letters)
    factors = [
        (view, {i: letters.index(letter) for i, letter in enumerate(term)})
        for term, view in zip(terms.split(","), views, strict=True)
    ]
    dims = tuple(axis_of[letter] for letter in result)
    if len(views) == 2 and len(letters) == 3 and len(result) == 2:
        inner = letters[2]
        left, right = views
        first, second = terms.split(",")
        if first in (result[0] + inner, inner + result[0]) and (
            second in (inner + result[1], result[1] + inner)
        ):
            left = left if first[1] == inner else _swapped(left)
            right = right if second[0] == inner else _swapped(right)
            return product(lowering, equation, left, right, dims)
    return summed_products(lowering, equation, loops, len(result), factors, dims)


def _swapped(view: View) -> View:
    return View(view.dims[::-1], moved(view.read, {0: 1, 1: 0}))

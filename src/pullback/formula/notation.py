"""How primitives are written: functions from the formulas of the inputs to that of the result.

A notation gets the formulas of an equation's inputs, its params and the shape of its output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from ..dims import Shape, product
from . import tree
from .build import (
    add,
    at,
    broadcast,
    laid_out,
    matmul,
    number,
    over,
    power,
    quotient,
    repeated,
    size,
    subtract,
    times,
    transpose,
)
from .tree import Formula

Notation = Callable[[Sequence[Formula], Mapping[str, Any], Shape], Formula]


def of_parts(build: Callable[..., Formula]) -> Notation:
    """A formula that the inputs alone determine."""

    def notation(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
        return build(*parts)

    return notation


def entrywise(name: str, *parts: Formula) -> Formula:
    """A named function of each entry: exp(x)."""
    return tree.Entrywise(broadcast(*parts), parts, name=name, primitive=name)


def entry_function(name: str, primitive: str = "") -> Notation:
    """A named function of each entry."""

    def notation(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
        given = primitive or name
        return tree.Entrywise(shape, tuple(parts), name=name, primitive=given, params=params)

    return notation


def array_function(name: str, primitive: str, subscript: Callable[..., str] | None = None) -> Any:
    """A named function of whole arrays, with a text below its name that the params give."""

    def notation(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
        below = "" if subscript is None else subscript(parts, params)
        return tree.Function(
            shape, tuple(parts), name=name, subscript=below, primitive=primitive, params=params
        )

    return notation


def axis_unless_last(parts: Sequence[Formula], params: Mapping[str, Any]) -> str:
    """Which axis a function works along, where it is not the last one."""
    axis = params["axis"]
    return "" if axis in (-1, parts[0].rank - 1) else f"axis {axis}"


def relation(sign: str) -> Notation:
    """left sign right: 1 where it holds, 0 elsewhere."""

    def notation(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
        return tree.Relation(shape, tuple(parts), sign=sign)

    return notation


def junction(sign: str) -> Notation:
    """Two conditions joined by and, or, exclusive or."""

    def notation(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
        return tree.Junction(shape, tuple(parts), sign=sign)

    return notation


_OPPOSITE = {"<": "≥", "≥": "<", ">": "≤", "≤": ">", "=": "≠", "≠": "="}


def denied(condition: Formula) -> Formula:
    """The condition that holds where another does not."""
    if isinstance(condition, tree.Relation):
        return tree.Relation(condition.shape, condition.parts, sign=_OPPOSITE[condition.sign])
    if isinstance(condition, tree.Not):
        return condition.parts[0]
    return tree.Not(condition.shape, (condition,))


def cases(condition: Formula, yes: Formula, no: Formula) -> Formula:
    """One value where a condition holds and another elsewhere; a mask where one of them is 0."""
    if _is_number(no, 0):
        return condition if _is_number(yes, 1) else times(yes, condition)
    if _is_number(yes, 0):
        return denied(condition) if _is_number(no, 1) else times(no, denied(condition))
    return tree.Cases(broadcast(condition, yes, no), (condition, yes, no))


def _is_number(x: Formula, value: float) -> bool:
    return isinstance(x, tree.Number) and x.value == value


def axes_of(x: Formula, axis: Any) -> tuple[int, ...]:
    """The axes that a reduction's `axis` names, from the front."""
    if axis is None:
        return tuple(range(x.rank))
    return tuple(sorted(a % x.rank for a in (axis if isinstance(axis, tuple) else (axis,))))


def reduction(sign: str) -> Notation:
    """A large operator with its index: sum, product, maximum."""

    def notation(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
        (x,) = parts
        return over(sign, x, axes_of(x, params["axis"]), params["keepdims"])

    return notation


def _count(x: Formula, axes: Sequence[int]) -> Formula:
    return size(product(tuple(x.shape[axis] for axis in axes)))


def mean(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """1 / n times the sum."""
    (x,) = parts
    axes = axes_of(x, params["axis"])
    total = over("∑", x, axes, params["keepdims"])
    return times(quotient(number(1), _count(x, axes)), total) if axes else x


def variance(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """1 / (n - ddof) times the sum of the squared distances from the mean."""
    (x,) = parts
    axes = axes_of(x, params["axis"])
    middle = mean(parts, {"axis": axes, "keepdims": True}, x.shape)
    squares = power(subtract(x, middle), number(2))
    total = over("∑", squares, axes, params["keepdims"])
    count = product(tuple(x.shape[axis] for axis in axes)) - params["ddof"]
    return times(quotient(number(1), size(count)), total)


def root(x: Formula) -> Formula:
    """The square root."""
    return tree.Root(x.shape, (x,))


def standard_deviation(
    parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape
) -> Formula:
    """The root of the variance."""
    return root(variance(parts, params, shape))


def norm(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """The length of a vector; for more entries the root of the sum of squares, index and all."""
    (x,) = parts
    if x.rank == 1 and shape == ():
        return tree.Norm((), (x,))
    squares = power(x, number(2))
    return root(over("∑", squares, axes_of(x, params["axis"]), params["keepdims"]))


def log_sum_exp(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """log of the sum of exp."""
    (z,) = parts
    total = over("∑", entrywise("exp", z), axes_of(z, params["axis"]), params["keepdims"])
    return entrywise("log", total)


def matrix_product(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """Matrices side by side; of two vectors the sum of the products of their entries."""
    left, right = parts
    if left.rank == right.rank == 1:
        return over("∑", times(left, right), (0,))
    return matmul(left, right, shape)


def moved(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """A matrix transposed; for more axes a function that names their order."""
    (x,) = parts
    axes = params["axes"]
    if axes == tuple(range(x.rank)):
        return x
    if x.rank == 2:
        return transpose(x)
    order = ", ".join(map(str, axes))
    return tree.Function(
        shape, (x,), name="transpose", subscript=order, primitive="transpose", params=params
    )


def shape_subscript(parts: Sequence[Formula], params: Mapping[str, Any]) -> str:
    """A shape as it stands below a function's name: N × D."""
    return " × ".join(map(str, params["shape"])) or "1"


def with_axes(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """Axes of length 1 added, which is not written."""
    axis = params["axis"]
    rank = len(shape)
    axes = tuple(sorted(a % rank for a in (axis if isinstance(axis, tuple) else (axis,))))
    return laid_out(parts[0], shape, axes, added=True)


def axis_text(parts: Sequence[Formula], params: Mapping[str, Any]) -> str:
    """Which axis a function joins along."""
    return f"axis {params['axis']}"


def without_axes(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """Axes of length 1 taken away, which is not written."""
    return laid_out(parts[0], shape, axes_of(parts[0], params["axis"]), added=False)


def repetition(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """A value repeated to a shape: a product with ones where there is one."""
    (x,) = parts
    product_with_ones = repeated(x, shape)
    if product_with_ones is not None:
        return product_with_ones
    notation: Notation = array_function("broadcast", "broadcast_to", shape_subscript)
    return notation(parts, params, shape)


def constant(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """A number in every entry."""
    value = number(params["value"])
    if not shape:
        return value
    if params["value"] == 0:
        return tree.Zeros(shape)
    ones = tree.Ones(shape)
    return ones if params["value"] == 1 else times(value, ones)


def same(x: Formula) -> Formula:
    """The input itself: what changes (its memory, its precision) is not written."""
    return x


def squared(x: Formula) -> Formula:
    """x^2."""
    return power(x, number(2))


def inverse(x: Formula) -> Formula:
    """1 / x."""
    return quotient(number(1), x)


def exp_minus_one(x: Formula) -> Formula:
    """exp(x) - 1."""
    return subtract(entrywise("exp", x), number(1))


def log_of_one_more(x: Formula) -> Formula:
    """log(1 + x)."""
    return entrywise("log", add(number(1), x))


def log_of_sum_of_exp(x: Formula, y: Formula) -> Formula:
    """log(exp(x) + exp(y))."""
    return entrywise("log", add(entrywise("exp", x), entrywise("exp", y)))


def log_of_cosh(x: Formula) -> Formula:
    """log(cosh(x))."""
    return entrywise("log", entrywise("cosh", x))


def conversion(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """A value in another precision is written as itself; a rounded or truth value is not."""
    kind = params["dtype"].kind
    if kind == "f":
        return parts[0]
    name = "truth" if kind == "b" else "integer"
    return tree.Entrywise(shape, tuple(parts), name=name, primitive="astype", params=params)


def entries(
    parts: Sequence[Formula], items: Sequence[str | int], shape: Shape, params: Mapping[str, Any]
) -> Formula:
    """x[...], its items texts or positions of integer arrays among the parts."""
    return tree.Entries(shape, tuple(parts), items=tuple(items), primitive="getitem", params=params)


def einsum(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
    """A sum over indices where one number comes out, two matrices side by side, or a function."""
    subscripts: str = params["subscripts"]
    terms, result = subscripts.split("->")
    if not result:
        return _full_contraction(parts, terms.split(","))
    name: Notation = array_function("einsum", "einsum", lambda parts, params: subscripts)
    return name(parts, params, shape)


def _full_contraction(parts: Sequence[Formula], terms: Sequence[str]) -> Formula:
    indices: dict[str, tree.Index] = {}
    for part, term in zip(parts, terms, strict=True):
        for letter, dim in zip(term, part.shape, strict=True):
            indices.setdefault(letter, tree.Index(dim))
    factors = [
        at(part, tuple(indices[letter] for letter in term))
        for part, term in zip(parts, terms, strict=True)
    ]
    body = reduce(times, factors)
    return tree.Over((), (body,), sign="∑", indices=tuple(indices.values())) if indices else body


def absolute(x: Formula) -> Formula:
    """|x|."""
    return tree.Absolute(x.shape, (x,))


def log_of(function: Notation) -> Notation:
    """The logarithm of what another notation writes."""

    def notation(parts: Sequence[Formula], params: Mapping[str, Any], shape: Shape) -> Formula:
        return entrywise("log", function(parts, params, shape))

    return notation

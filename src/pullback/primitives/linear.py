"""Linear algebra: products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import Dimension
from ..errors import ShapeError, UsageError
from ..formula import build
from ..formula import notation as written
from ..primitive import PRODUCT, Case, Params, Primitive, Source, TextOf, call, infix, vjp_of
from . import flop_rules
from .elementwise import any_real
from .shape_rules import broadcast_shapes, shapes_text, ufunc_dtype


def _matmul_aval(x: Aval, y: Aval) -> Aval:
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"matmul: both sides need an axis, {shapes_text([x, y])}.")
    inner_x, inner_y = x.shape[-1], y.shape[-2 if y.ndim > 1 else 0]
    if inner_x != inner_y:
        raise ShapeError(
            f"matmul: inner axes differ, {shapes_text([x, y])}: {inner_x} is not {inner_y}."
        )
    batch = [Aval(side.dtype, side.shape[:-2]) for side in (x, y)]
    shape = broadcast_shapes("matmul", batch)
    shape += x.shape[-2:-1] if x.ndim > 1 else ()
    shape += y.shape[-1:] if y.ndim > 1 else ()
    return Aval(ufunc_dtype(np.matmul, [x, y]), shape)


def _matmul_cases(random: np.random.Generator) -> list[Case]:
    shapes = [
        ((3, 4), (4, 2)),
        ((4,), (4, 2)),
        ((3, 4), (4,)),
        ((4,), (4,)),
        ((1, 4), (4, 1)),
        ((2, 3, 4), (4, 2)),
        ((2, 3, 4), (2, 4, 2)),
        ((2, 1, 3, 4), (3, 4, 2)),
        ((4,), (2, 4, 3)),
        ((2, 3, 4), (4,)),
    ]
    return [Case((any_real(random, left), any_real(random, right))) for left, right in shapes]


matmul = Primitive(
    "matmul",
    _matmul_aval,
    infix("@", PRODUCT),
    _matmul_cases,
    notation=written.matrix_product,
    flops=flop_rules.matmul,
)


@vjp_of(matmul)
def matmul_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct y^T, x^T ct: the only products with the shapes of x and y."""
    if x.ndim == 1 and y.ndim == 1:
        return ct * y, ct * x
    if x.ndim == 1:
        in_x = np.squeeze(y @ np.expand_dims(ct, -1), axis=-1)
        return in_x, np.expand_dims(x, -1) * np.expand_dims(ct, -2)
    if y.ndim == 1:
        in_y = np.squeeze(np.swapaxes(x, -1, -2) @ np.expand_dims(ct, -1), axis=-1)
        return np.expand_dims(ct, -1) * y, np.swapaxes(x, -1, -2) @ ct if x.ndim == 2 else in_y
    return ct @ np.swapaxes(y, -1, -2), np.swapaxes(x, -1, -2) @ ct


def _outer_aval(x: Aval, y: Aval) -> Aval:
    if x.ndim != 1 or y.ndim != 1:
        raise ShapeError(f"outer: both sides must be vectors, {shapes_text([x, y])}.")
    return Aval(ufunc_dtype(np.multiply, [x, y]), x.shape + y.shape)


outer = Primitive(
    "outer",
    _outer_aval,
    call("np.outer"),
    lambda random: [
        Case((any_real(random, (3,)), any_real(random, (4,)))),
        Case((any_real(random, (1,)), any_real(random, (2,)))),
    ],
    notation=written.of_parts(build.outer),
    flops=flop_rules.per_entry_written(1),
)


@vjp_of(outer)
def outer_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct y, x ct."""
    return ct @ y, x @ ct


def _einsum_dims(subscripts: str, avals: Sequence[Aval]) -> dict[str, Dimension]:
    """The dimension of each letter."""
    terms = subscripts.split("->")[0].split(",")
    if len(terms) != len(avals):
        raise ShapeError(f"einsum: {subscripts!r} names {len(terms)} arrays, given {len(avals)}.")
    dims: dict[str, Dimension] = {}
    for term, aval in zip(terms, avals, strict=True):
        if len(term) != aval.ndim:
            raise ShapeError(f"einsum: {term!r} names {len(term)} axes of {aval.shape_text}.")
        for letter, dim in zip(term, aval.shape, strict=True):
            if dims.setdefault(letter, dim) != dim:
                raise ShapeError(
                    f"einsum: {subscripts!r}, {shapes_text(avals)}: "
                    f"axis {letter!r} is {dims[letter]} and {dim}."
                )
    return dims


def _einsum_aval(*avals: Aval, subscripts: str) -> Aval:
    dims = _einsum_dims(subscripts, avals)
    result = subscripts.split("->")[1]
    dtype = np.result_type(*(aval.promotion_type for aval in avals))
    return Aval(dtype, tuple(dims[letter] for letter in result))


def explicit_subscripts(subscripts: str) -> str:
    """The subscripts with `->` spelled out; raises `UsageError` for forms left out here."""
    text = subscripts.replace(" ", "")
    terms, arrow, result = text.partition("->")
    if "." in text:
        raise UsageError(f"einsum: write the axes of '...' as letters in {subscripts!r}.")
    if any(len(set(term)) < len(term) for term in (*terms.split(","), result)):
        raise UsageError(f"einsum: {subscripts!r} repeats a letter within one array.")
    if not arrow:
        letters = terms.replace(",", "")
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return f"{terms}->{result}"


def _emit_einsum(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    parts = [text_of(params["subscripts"]), *(argument.text for argument in arguments)]
    return Source(f"np.einsum({', '.join(parts)})")


def _einsum_cases(random: np.random.Generator) -> list[Case]:
    shapes = {
        "ij,jk->ik": ((3, 4), (4, 2)),
        "i,i->": ((4,), (4,)),
        "bij,bkj->bik": ((2, 3, 4), (2, 2, 4)),
        "ij,k->i": ((3, 4), (2,)),
        "i,j->ji": ((1,), (3,)),
        "ij->j": ((3, 4),),
    }
    return [
        Case(tuple(any_real(random, shape) for shape in some), {"subscripts": subscripts})
        for subscripts, some in shapes.items()
    ]


einsum = Primitive(
    "einsum",
    _einsum_aval,
    _emit_einsum,
    _einsum_cases,
    notation=written.einsum,
    flops=flop_rules.einsum,
)


@vjp_of(einsum)
def einsum_vjp(ct: Any, out: Any, *inputs: Any, subscripts: str) -> tuple[Any, ...]:
    """Each input's letters become the result; letters that it alone sums are broadcast."""
    terms, result = subscripts.split("->")
    letters = terms.split(",")

    def cotangent(position: int) -> Any:
        others = [i for i in range(len(inputs)) if i != position]
        sources = [result, *(letters[i] for i in others)]
        wanted = letters[position]
        known = "".join(letter for letter in wanted if any(letter in term for term in sources))
        value = np.einsum(f"{','.join(sources)}->{known}", ct, *(inputs[i] for i in others))
        missing = tuple(i for i, letter in enumerate(wanted) if letter not in known)
        if not missing:
            return value
        return np.broadcast_to(np.expand_dims(value, missing), inputs[position].shape)

    return tuple(cotangent(position) for position in range(len(inputs)))

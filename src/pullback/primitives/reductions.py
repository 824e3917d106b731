"""Sums, means, products, extremes and norms over axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import product
from ..errors import ShapeError
from ..formula import Notation
from ..formula import notation as written
from ..primitive import Case, Primitive, Slopes, call, vjp_of
from . import flop_rules, helpers
from .elementwise import Sampler, any_real, nonzero_real
from .shape_rules import normal_axis, reduced_shape

REDUCTIONS = [(None, False), (0, False), (1, True), ((0, 1), False), (None, True)]


def reduction_cases(sampler: Sampler, **extra: Any) -> Callable[..., list[Case]]:
    """Cases over every form of axis, with and without keepdims, and axes of size 1."""

    def cases(random: np.random.Generator) -> list[Case]:
        shapes = [(3, 4), (1, 3), (2, 3, 2)]
        return [
            Case((sampler(random, shape),), {"axis": axis, "keepdims": keepdims, **extra})
            for shape in shapes
            for axis, keepdims in REDUCTIONS
        ]

    return cases


def _reduction(name: str, result: Callable[[Any], Any], floating: bool = False) -> Any:
    """The aval rule: `result` tells the dtype by reducing one entry."""

    def aval(x: Aval, axis: Any, keepdims: bool) -> Aval:
        dtype = np.asarray(result(np.ones(1, x.dtype))).dtype
        return Aval(dtype, reduced_shape(x.shape, axis, keepdims))

    return aval


def _primitive(name: str, reduce: Callable[[Any], Any], notation: Notation) -> Primitive:
    return Primitive(
        name,
        _reduction(name, reduce),
        call(f"np.{name}", "axis", "keepdims"),
        reduction_cases(any_real),
        notation=notation,
        flops=flop_rules.per_entry_read(1),
    )


def spread(value: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduced value laid out again so that it broadcasts against x."""
    return value if keepdims or axis is None else np.expand_dims(value, axis)


def count(x: Any, axis: Any) -> Any:
    """How many entries of x one reduced value stands for."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return product(tuple(x.shape[i] for i in axes))


sum_ = _primitive("sum", np.sum, written.reduction("∑"))
mean = _primitive("mean", np.mean, written.mean)
prod = _primitive("prod", np.prod, written.reduction("∏"))


@vjp_of(sum_)
def sum_vjp(ct: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> tuple[Any]:
    """ct to every summand."""
    return (np.broadcast_to(spread(ct, x, axis, keepdims), x.shape),)


@vjp_of(mean)
def mean_vjp(ct: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> tuple[Any]:
    """ct / n to each of the n entries."""
    return (np.broadcast_to(spread(ct / count(x, axis), x, axis, keepdims), x.shape),)


@vjp_of(prod)
def prod_vjp(ct: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> tuple[Any]:
    """ct times the product of the other entries, also where some of them are 0."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    kept = tuple(i for i in range(x.ndim) if i not in axes)
    order = kept + axes
    moved = np.transpose(x, order)
    rows = np.reshape(
        moved, (*(x.shape[i] for i in kept), product(tuple(x.shape[i] for i in axes)))
    )
    others = np.reshape(product_of_others(rows), moved.shape)
    inverse = tuple(order.index(i) for i in range(x.ndim))
    return (spread(ct, x, axis, keepdims) * np.transpose(others, inverse),)


product_of_others = Primitive(
    "product_of_others",
    lambda x: x,
    call("product_of_others"),
    lambda random: [Case((any_real(random, shape),)) for shape in [(4,), (3, 4), (2, 1)]],
    helpers=(helpers.product_of_others,),
    flops=flop_rules.per_entry_read(3),
)


@vjp_of(product_of_others)
def product_of_others_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """Entry j: the sum over i != j of ct_i times the product of all entries but i and j."""
    position = np.cumsum(np.ones_like(x), axis=-1)
    same = np.expand_dims(position, -1) == np.expand_dims(position, -2)
    without_i = np.where(same, 1.0, np.expand_dims(x, -2))
    without_i_and_j = product_of_others(without_i)
    return (np.sum(np.where(same, 0.0, np.expand_dims(ct, -1) * without_i_and_j), axis=-2),)


def _spread_moment(name: str) -> Primitive:
    emit = call(f"np.{name}", "axis", "ddof", "keepdims")

    def cases(random: np.random.Generator) -> list[Case]:
        some = reduction_cases(any_real, ddof=0)(random)
        return [*some[:5], *some[10:], Case(some[0].inputs, {**some[0].params, "ddof": 1})]

    def checked(x: Aval, axis: Any, ddof: int, keepdims: bool) -> Aval:
        result: Aval = _reduction(name, np.mean)(x, axis=axis, keepdims=keepdims)
        return result

    def emit_without_zero(arguments: Any, params: Any, text_of: Any) -> Any:
        return emit(arguments, {**params, "ddof": params["ddof"] or None}, text_of)

    return Primitive(
        name,
        checked,
        emit_without_zero,
        cases,
        slopes=_origin_slopes if name == "std" else None,
        kink="std: slope 0 where all entries are equal" if name == "std" else "",
        smooth_elsewhere=name == "std",
        notation=written.standard_deviation if name == "std" else written.variance,
        flops=flop_rules.per_entry_read(4),
    )


def _origin_slopes(x: Any, axis: Any, keepdims: bool, **params: Any) -> tuple[Slopes]:
    """Any slope in [-1, 1] is possible at the tip of the cone, where the result is 0."""
    if "ddof" in params:
        flat = np.std(x, axis=axis, keepdims=True) == 0
    else:
        flat = np.linalg.norm(x, axis=axis, keepdims=True) == 0
    tip = np.broadcast_to(np.where(flat, 1.0, 0.0), np.shape(x))
    return (Slopes(-tip, tip),)


var = _spread_moment("var")
std = _spread_moment("std")


@vjp_of(var)
def var_vjp(ct: Any, out: Any, x: Any, axis: Any, ddof: int, keepdims: bool) -> tuple[Any]:
    """ct * 2 (x - mean) / (n - ddof)."""
    scale = spread(ct * 2 / (count(x, axis) - ddof), x, axis, keepdims)
    return (scale * (x - np.mean(x, axis=axis, keepdims=True)),)


@vjp_of(std)
def std_vjp(ct: Any, out: Any, x: Any, axis: Any, ddof: int, keepdims: bool) -> tuple[Any]:
    """ct * (x - mean) / ((n - ddof) out); 0 where out is 0."""
    flat = out == 0
    slope = np.where(flat, 0.0, ct / (np.where(flat, 1.0, out) * (count(x, axis) - ddof)))
    deviation = x - np.mean(x, axis=axis, keepdims=True)
    return (spread(slope, x, axis, keepdims) * deviation,)


def _extreme(name: str, reduce: Callable[[Any], Any], tied_below: float) -> Primitive:
    def slopes(x: Any, axis: Any, keepdims: bool) -> tuple[Slopes]:
        best = (np.max if name == "max" else np.min)(x, axis=axis, keepdims=True)
        mask = np.where(x == best, 1.0, 0.0)
        tied = np.sum(mask, axis=axis, keepdims=True) > 1
        return (
            Slopes(
                np.where(tied, mask * tied_below, mask),
                np.where(tied, mask * (1 - tied_below), mask),
            ),
        )

    return Primitive(
        name,
        _reduction(name, reduce),
        call(f"np.{name}", "axis", "keepdims"),
        reduction_cases(any_real),
        slopes=slopes,
        kink=f"{name}: ties share the slope evenly",
        notation=written.reduction(name),
        flops=flop_rules.per_entry_read(1),
    )


max_ = _extreme("max", np.max, 0.0)
min_ = _extreme("min", np.min, 1.0)


def _extreme_vjp(ct: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> tuple[Any]:
    """ct to the extreme entry, shared evenly among ties."""
    mask = x == spread(out, x, axis, keepdims)
    share = spread(ct, x, axis, keepdims) / np.sum(mask, axis=axis, keepdims=True)
    return (np.where(mask, share, 0.0),)


vjp_of(max_)(_extreme_vjp)
vjp_of(min_)(_extreme_vjp)


def _norm_aval(x: Aval, axis: Any, keepdims: bool) -> Aval:
    if isinstance(axis, tuple) and len(axis) > 2:
        raise ShapeError(f"norm: at most two axes are allowed, not {axis}.")
    result: Aval = _reduction("norm", np.mean)(x, axis=axis, keepdims=keepdims)
    return result


norm = Primitive(
    "norm",
    _norm_aval,
    call("np.linalg.norm", "axis", "keepdims"),
    lambda random: [case for case in reduction_cases(nonzero_real)(random) if case[0][0].ndim < 3],
    slopes=_origin_slopes,
    kink="norm: slope 0 at the zero vector",
    smooth_elsewhere=True,
    notation=written.norm,
    flops=flop_rules.per_entry_read(2),
)


@vjp_of(norm)
def norm_vjp(ct: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> tuple[Any]:
    """ct * x / out; 0 where out is 0."""
    zero = out == 0
    slope = np.where(zero, 0.0, ct / np.where(zero, 1.0, out))
    return (spread(slope, x, axis, keepdims) * x,)


def _cumsum_aval(x: Aval, axis: int) -> Aval:
    normal_axis("cumsum", axis, x.ndim)
    return x.with_dtype(np.cumsum(np.ones(1, x.dtype)).dtype)


cumsum = Primitive(
    "cumsum",
    _cumsum_aval,
    call("np.cumsum", "axis"),
    lambda random: [
        Case((any_real(random, (3, 4)),), {"axis": 1}),
        Case((any_real(random, (5,)),), {"axis": 0}),
        Case((any_real(random, (2, 1, 3)),), {"axis": 1}),
    ],
    notation=written.array_function("cumsum", "cumsum", written.axis_unless_last),
    flops=flop_rules.per_entry_read(1),
)


@vjp_of(cumsum)
def cumsum_vjp(ct: Any, out: Any, x: Any, axis: int) -> tuple[Any]:
    """The cumulative sum of ct from the other end."""
    backwards = (slice(None),) * axis + (slice(None, None, -1),)
    return (np.cumsum(ct[backwards], axis=axis)[backwards],)


def _index_aval(x: Aval, axis: Any, keepdims: bool) -> Aval:
    return Aval(np.dtype(np.intp), reduced_shape(x.shape, axis, keepdims))


def _truth_aval(x: Aval, axis: Any, keepdims: bool) -> Aval:
    return Aval(np.dtype(bool), reduced_shape(x.shape, axis, keepdims))


def _single_axis(random: np.random.Generator) -> list[Case]:
    return [case for case in reduction_cases(any_real)(random) if case.params["axis"] != (0, 1)]


def _search(name: str, aval: Callable[..., Aval], cases: Callable[..., list[Case]]) -> Primitive:
    return Primitive(
        name,
        aval,
        call(f"np.{name}", "axis", "keepdims"),
        cases,
        notation=written.reduction(name),
        flops=flop_rules.per_entry_read(1),
    )


argmax = _search("argmax", _index_aval, _single_axis)
argmin = _search("argmin", _index_aval, _single_axis)
any_ = _search("any", _truth_aval, reduction_cases(any_real))
all_ = _search("all", _truth_aval, reduction_cases(any_real))

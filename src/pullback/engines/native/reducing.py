"""Sums, means, extremes and their kin, and sums along the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...avals import Aval
from ...primitive import Primitive
from ...primitives import reductions
from ...program import Equation
from .lowering import Lowering, Operand, View, loops_for, moved
from .moving import view_of
from .scalars import converted
from .statements import Number, Serial, Statement, Value, code_of

_OPERATIONS: dict[Primitive, str] = {
    reductions.sum_: "sum",
    reductions.prod: "prod",
    reductions.max_: "max",
    reductions.min_: "min",
    reductions.any_: "any",
    reductions.all_: "all",
    reductions.argmax: "argmax",
    reductions.argmin: "argmin",
}


@loops_for(*_OPERATIONS)
def _reduction(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, params = view_of(lowering, operands[0], "x"), equation.params
    operation = _OPERATIONS[equation.primitive]
    axes = _axes(params["axis"], len(x.dims))
    if operation in ("argmax", "argmin") and sum(d is not None for d in x.dims) > 1:
        axes_left = [i for i in range(len(x.dims)) if i not in axes and x.dims[i] is not None]
        if not axes_left:  # the place in the flattened array
            x = _flattened(lowering, x)
            axes = (0,)
    name = lowering.name_of(equation)
    first = next((i for i, dim in enumerate(x.dims) if dim is not None), None)
    if operation in ("argmax", "argmin") and first in axes:
        return _searched(lowering, name, x, first, params["keepdims"], operation, equation.out.aval)
    return reduced(lowering, name, x, axes, params["keepdims"], operation, equation.out.aval)


def _searched(
    lowering: Lowering,
    name: str,
    x: View,
    axis: int,
    keepdims: bool,
    operation: str,
    aval: Aval,
) -> View:
    """The place of the extreme along the outermost axis, for each place of the others."""
    source = lowering.stored(x, f"{name}_read")
    dims = tuple(
        None if i == axis else dim for i, dim in enumerate(x.dims) if keepdims or i != axis
    )
    sign = ">" if operation == "argmax" else "<"
    kept = [i for i, dim in enumerate(x.dims) if dim is not None and i != axis]
    at = ", ".join(f"k{i}" for i in kept) or "0"
    best = "{0}[" + ", ".join(["{out}[" + at + "]", *(f"k{i}" for i in kept)]) + "]"
    inside = [
        f"if {{0}}[{{at}}] {sign} {best} or ({{0}}[{{at}}] != {{0}}[{{at}}] and {best} == {best}):",
        f"    {{out}}[{at}] = k{axis}",
    ]
    lines = _lines(lowering, source, axis, [f"{{out}}[{at}] = 0"], inside)
    value = Value(name, aval.dtype, tuple(dim for dim in dims if dim is not None))
    lowering.items.append(Serial(value, lines, (source.read.value,)))
    return lowering.whole(value, dims)


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    return tuple(i % rank for i in (axis if isinstance(axis, tuple) else (axis,)))


def _flattened(lowering: Lowering, x: View) -> View:
    from ...dims import product

    source = lowering.stored(x, lowering.unique("flat")).read.value
    dim = product(tuple(axis.dim for axis in source.axes))
    axis = lowering.axes.of(dim)
    assert axis is not None
    return lowering.whole(Value(lowering.unique("flat"), source.dtype, (axis,), source), (axis,))


def reduced(
    lowering: Lowering,
    name: str,
    x: View,
    axes: Sequence[int],
    keepdims: bool,
    operation: str,
    aval: Aval,
) -> View:
    """The entries of a view joined over some of its axes."""
    looped = [i for i, dim in enumerate(x.dims) if dim is not None]
    loops = tuple(x.dims[i] for i in looped)
    kept = tuple(n for n, i in enumerate(looped) if i not in axes)
    dims = tuple(
        None if i in axes else dim for i, dim in enumerate(x.dims) if keepdims or i not in axes
    )
    value = Value(name, aval.dtype, tuple(loops[n] for n in kept))  # type: ignore[misc]
    read = moved(x.read, {i: n for n, i in enumerate(looped)})
    wanted = aval.dtype
    if operation in ("argmax", "argmin"):
        wanted = x.read.value.dtype
    elif operation in ("any", "all"):
        wanted = np.dtype(bool)
    text = converted("{0}", x.read.value.dtype, wanted)
    if len(kept) == len(loops):
        operation, text = "", "0" if operation.startswith("arg") else text
    statement = Statement(value, loops, kept, text, (read,), operation, True)  # type: ignore
    lowering.items.append(statement)
    return lowering.whole(value, dims)


@loops_for(reductions.mean)
def _mean(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, aval = view_of(lowering, operands[0], "x"), equation.out.aval
    axes = _axes(equation.params["axis"], len(x.dims))
    name = lowering.name_of(equation)
    total = reduced(
        lowering,
        lowering.unique(f"total_of_{name}"),
        x,
        axes,
        equation.params["keepdims"],
        "sum",
        aval,
    )
    sizes = [lowering.size(x.dims[i]) for i in axes if x.dims[i] is not None]
    count = Number(f"({' * '.join(sizes) or '1'})", np.dtype(np.int64), True)
    return lowering.computed(name, aval, "{0} / {1}", [total, count], [aval.dtype] * 2, True)


@loops_for(reductions.cumsum)
def _cumsum(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x = view_of(lowering, operands[0], "x")
    axis = equation.params["axis"] % len(x.dims)
    aval, name = equation.out.aval, lowering.name_of(equation)
    if x.dims[axis] is None:
        return x
    code = code_of(aval.dtype)
    entry = f"{code}({{0}}[{{at}}])"
    lines = ["total = " + f"{code}(0)"], [f"total = total + {entry}", "{out}[{at}] = total"]
    return _along(lowering, name, x, axis, aval, *lines)


@loops_for(reductions.product_of_others)
def _product_of_others(
    lowering: Lowering, equation: Equation, operands: Sequence[Operand]
) -> Operand:
    """Products of what stands before, times products of what stands behind."""
    x = view_of(lowering, operands[0], "x")
    aval, name = equation.out.aval, lowering.name_of(equation)
    one = f"{code_of(aval.dtype)}(1)"
    if x.dims[-1] is None:
        return lowering.entries(name, aval, x.dims, one, (), ())
    there = ["{out}[{at}] = total", "total = total * {0}[{at}]"]
    back = ["{out}[{at}] = {out}[{at}] * total", "total = total * {0}[{at}]"]
    view = _along(lowering, name, x, len(x.dims) - 1, aval, [f"total = {one}"], there)
    serial = lowering.items[-1]
    again = _lines(lowering, x, len(x.dims) - 1, [f"total = {one}"], back, backwards=True)
    assert isinstance(serial, Serial)
    serial.lines = (*serial.lines, *again)
    return view


def _along(
    lowering: Lowering,
    name: str,
    x: View,
    axis: int,
    aval: Aval,
    before: Sequence[str],
    inside: Sequence[str],
) -> View:
    """A serial loop along one axis for each place of the others; {at} is the place."""
    source = lowering.stored(x, name + "_read")
    value = Value(name, aval.dtype, source.read.value.axes)
    lines = _lines(lowering, source, axis, before, inside)
    lowering.items.append(Serial(value, lines, (source.read.value,)))
    return lowering.whole(value, source.dims)


def _lines(
    lowering: Lowering,
    x: View,
    axis: int,
    before: Sequence[str],
    inside: Sequence[str],
    backwards: bool = False,
) -> tuple[str, ...]:
    looped = [i for i, dim in enumerate(x.dims) if dim is not None]
    others = [i for i in looped if i != axis]
    at = ", ".join(f"k{i}" for i in looped)
    lines, margin = [], ""
    for i in others:
        lines.append(f"{margin}for k{i} in range({lowering.size(x.dims[i])}):")
        margin += "    "
    lines += [margin + line for line in before]
    size = lowering.size(x.dims[axis])
    turns = f"range({size} - 1, -1, -1)" if backwards else f"range({size})"
    lines.append(f"{margin}for k{axis} in {turns}:")
    lines += [margin + "    " + line.replace("{at}", at) for line in inside]
    return tuple(lines)

"""Operations that move entries or make them from their place alone: views cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...avals import Aval
from ...dims import Dim, Slice
from ...primitives import custom, fused, indexing, labels, random, shapes
from ...program import Equation
from . import NotCompilable
from .axes import Axis, size_text
from .lowering import Lowering, Operand, View, loops_for, moved
from .scalars import literal
from .statements import Number, Place, Read, Value, code_of


def view_of(lowering: Lowering, operand: Operand, name: str) -> View:
    """The operand as a view; a number becomes an array without axes."""
    return operand if isinstance(operand, View) else lowering.copied(operand, name)


@loops_for(shapes.transpose)
def _transpose(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, axes = view_of(lowering, operands[0], "x"), equation.params["axes"]
    places = {old: new for new, old in enumerate(axes)}
    return View(tuple(x.dims[i] for i in axes), moved(x.read, places))


@loops_for(shapes.expand_dims)
def _expand_dims(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, given = view_of(lowering, operands[0], "x"), equation.params["axis"]
    rank = equation.out.aval.ndim
    new = {i % rank for i in (given if isinstance(given, tuple) else (given,))}
    return _with_rank(x, [i for i in range(rank) if i not in new], rank)


@loops_for(shapes.squeeze)
def _squeeze(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, given = view_of(lowering, operands[0], "x"), equation.params["axis"]
    gone = {i % len(x.dims) for i in (given if isinstance(given, tuple) else (given,))}
    kept = [i for i in range(len(x.dims)) if i not in gone]
    places = {old: new for new, old in enumerate(kept)}
    return View(tuple(x.dims[i] for i in kept), moved(x.read, places))


def _with_rank(x: View, homes: Sequence[int], rank: int) -> View:
    """The view with its axes at some positions of more, the others of length 1."""
    dims: list[Any] = [None] * rank
    for old, new in enumerate(homes):
        dims[new] = x.dims[old]
    return View(tuple(dims), moved(x.read, dict(enumerate(homes))))


@loops_for(shapes.broadcast_to)
def _broadcast_to(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    if isinstance(operands[0], Number) and not equation.params["shape"]:
        return operands[0]
    x, shape = view_of(lowering, operands[0], "x"), equation.params["shape"]
    shift = len(shape) - len(x.dims)
    wide = _with_rank(x, range(shift, len(shape)), len(shape))
    dims = [
        lowering.axes.of(dim) if given is None else given
        for dim, given in zip(shape, wide.dims, strict=True)
    ]
    # What is repeated is read at the place 0 of an axis that its value does not have.
    return View(tuple(dims), wide.read)


@loops_for(shapes.reshape)
def _reshape(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, shape = view_of(lowering, operands[0], "x"), equation.params["shape"]
    old = [i for i, dim in enumerate(x.dims) if dim is not None]
    new = [i for i, dim in enumerate(shape) if dim != 1]
    lengths = [equation.inputs[0].aval.shape[i] for i in old]
    if lengths == [shape[i] for i in new]:  # only axes of length 1 come or go
        dims: list[Any] = [None] * len(shape)
        for before, after in zip(old, new, strict=True):
            dims[after] = x.dims[before]
        return View(tuple(dims), moved(x.read, dict(zip(old, new, strict=True))))
    name = lowering.name_of(equation)
    source = lowering.stored(x, name).read.value
    dims = list(lowering.dims_of(shape))
    axes = tuple(dim for dim in dims if dim is not None)
    value = Value(name, source.dtype, axes, source.same_memory or source)
    return lowering.whole(value, tuple(dims))


@loops_for(indexing.getitem)
def _getitem(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, *arrays = operands
    if isinstance(x, Number):
        return x
    if any(place.gathered is not None for place in x.read.places) or (arrays and not x.is_whole):
        x = lowering.copied(x, lowering.name_of(equation))
    parts = index_parts(lowering, equation, x, [view_of(lowering, a, "index") for a in arrays])
    places = tuple(_composed(place, parts.places) for place in x.read.places)
    return View(parts.dims, Read(x.read.value, places))


class IndexParts:
    """What an index makes of an array: the axes of the result, and the place along each axis."""

    def __init__(self) -> None:
        self.dims: tuple[Any, ...] = ()
        self.places: dict[int, Place] = {}


def index_parts(
    lowering: Lowering,
    equation: Equation,
    x: View,
    arrays: Sequence[View],
    target: Sequence[Any] | None = None,
) -> IndexParts:
    """The places of x[index], by NumPy's rules; `target` is the shape that the index selects."""
    index = equation.params["index"]
    shape = equation.out.aval.shape if target is None else target
    advanced = [i for i, item in enumerate(index) if item == indexing.ARRAY]
    advanced += [i for i, item in enumerate(index) if arrays and isinstance(item, int)]
    advanced.sort()
    adjacent = not advanced or advanced[-1] - advanced[0] == len(advanced) - 1
    wide = lowering.joined(*(array.dims for array in arrays)) if arrays else ()
    dims: list[Any] = [] if adjacent else list(wide)
    first = 0
    parts, rest = IndexParts(), list(arrays)
    axis = 0
    for position, item in enumerate(index):
        if position in advanced:
            if adjacent and position == advanced[0]:
                first = len(dims)
                dims.extend(wide)
            parts.places[axis] = (
                looked_up(x.dims[axis], _gathered(rest.pop(0), first, len(wide)))
                if item == indexing.ARRAY
                else _fixed(lowering, x, axis, item)
            )
        elif item is None:
            dims.append(None)
            continue
        elif isinstance(item, Slice):
            place = _sliced(lowering, x, axis, item, len(dims))
            dims.append(x.dims[axis] if place.is_whole else lowering.axes.of(shape[len(dims)]))
            parts.places[axis] = place if dims[-1] is not None else Place(None, place.start)
        else:
            parts.places[axis] = _fixed(lowering, x, axis, item)
        axis += 1
    for rest_axis in range(axis, len(x.dims)):
        parts.places[rest_axis] = Place(len(dims))
        dims.append(x.dims[rest_axis])
    parts.dims = tuple(dims)
    return parts


def _fixed(lowering: Lowering, x: View, axis: int, item: int) -> Place:
    start = str(item) if item >= 0 else f"{lowering.size(x.dims[axis])} - {-item}"
    return Place(None, "0" if x.dims[axis] is None else start)


def _gathered(array: View, first: int, wide: int) -> Read:
    """The entry of an index array whose axes stand at `first` of the result."""
    shift = first + wide - len(array.dims)
    return moved(array.read, {i: i + shift for i in range(len(array.dims))})


def looked_up(axis: Axis | None, entry: Read) -> Place:
    """A place along an axis that an array tells; compiled code looks whether it is there.

    Raises:
        NotCompilable: For an axis of length 1, which loops do not know: they could not look.
    """
    if axis is None:
        raise NotCompilable("places in an axis of length 1 are not looked up in an array.")
    return Place(None, "0", 1, entry)


def _sliced(lowering: Lowering, x: View, axis: int, item: Slice, loop: int) -> Place:
    step = item.step or 1
    size = lowering.size(x.dims[axis])
    start = item.start
    if start is None:
        text = "0" if step > 0 else f"{size} - 1"
    elif isinstance(start, Dim):
        text = size_text(start, {name: f"size_{name}" for name in start.axes})
    else:
        text = str(start) if start >= 0 else f"{size} - {-start}"
    return Place(loop, text, step, part=item.stop is not None)


def _composed(place: Place, parts: dict[int, Place]) -> Place:
    """A place of x.read, its loop replaced by the place that the index gives along that axis."""
    if place.loop is None:
        return place
    inner = parts[place.loop]
    if inner.gathered is not None:
        return inner
    if place.is_whole:
        return inner
    scaled = inner.start if place.step == 1 else f"{place.step} * ({inner.start})"
    start = scaled if place.start == "0" else f"{place.start} + {scaled}"
    part = place.part or inner.part
    return replace(inner, start=start, step=place.step * inner.step, part=part)


@loops_for(shapes.full)
def _full(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    aval = equation.out.aval
    dims = lowering.dims_of(aval.shape)
    text = literal(equation.params["value"], aval.dtype)
    return lowering.entries(lowering.name_of(equation), aval, dims, text, (), ())


@loops_for(shapes.size)
def _size(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    dim = equation.params["dim"]
    names = {name: f"size_{name}" for name in dim.axes} if isinstance(dim, Dim) else {}
    lowering.dims_of((dim,))
    return Number(size_text(dim, names), np.dtype(np.int64), True)


@loops_for(custom.with_rule, labels.distribution)
def _same(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    """The value passes; that rows are distributions is checked before the loops run."""
    return operands[0]


@loops_for(fused.one_hot)
def _one_hot(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    labels_, aval = view_of(lowering, operands[0], "labels"), equation.out.aval
    classes = lowering.axes.of(aval.shape[-1])
    dims = (*labels_.dims, classes)
    spread = _with_rank(labels_, range(len(labels_.dims)), len(dims))
    count = lowering.size(classes)
    place = f"{{i{len(dims) - 1}}}" if classes is not None else "0"
    template = f"{code_of(aval.dtype)}(({{0}} == {place}) | ({{0}} + {count} == {place}))"
    dtype = labels_.read.value.dtype
    name = lowering.name_of(equation)
    return lowering.entries(name, aval, dims, template, [spread], [dtype])


@loops_for(random.uniform)
def _uniform(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    """Each entry's place in the whole batch, counted from the first row, is its counter."""
    seed, step, first_row = (_number(operand) for operand in operands)
    aval, name = equation.out.aval, lowering.name_of(equation)
    dims = lowering.dims_of(aval.shape)
    key = f"random_key({seed}, {step}, {equation.params['operation']})"
    keys = [lowering.unique(f"key_of_{name}"), lowering.unique(f"key_of_{name}")]
    lowering.numbers += [(keys[0], f"{key}[0]"), (keys[1], f"{key}[1]")]
    place = ""
    for i, dim in enumerate(dims):
        loop = f"{{i{i}}}" if dim is not None else "0"
        row = f"({first_row} + {loop})" if i == 0 else loop
        place = row if not place else f"({place}) * {lowering.size(dim)} + {row}"
    template = f"uniform_{code_of(aval.dtype)}({keys[0]}, {keys[1]}, {place or first_row})"
    return lowering.entries(name, Aval(aval.dtype, aval.shape), dims, template, (), (), True)


def _number(operand: Operand) -> str:
    if not isinstance(operand, Number):
        raise NotCompilable("seed, step and first_row must be numbers.")
    return operand.text

"""Operations that write entries to named places, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...primitives import indexing, shapes
from ...program import Equation
from .lowering import Lowering, Operand, View, loops_for, moved
from .moving import index_parts, looked_up, view_of
from .statements import Place, Read, Serial, Value, code_of


def _placed(lowering: Lowering, equation: Equation, value: View, arrays: Any, sign: str) -> View:
    """Zeros, with a value stored (=) or added (+=) at an index."""
    aval, name = equation.out.aval, lowering.name_of(equation)
    whole = View(lowering.dims_of(aval.shape), Read(Value(name, aval.dtype, ()), ()))
    zero = f"{{out}}[...] = {code_of(aval.dtype)}(0)"
    return _written(lowering, equation, name, whole, value, arrays, sign, [zero], ())


@loops_for(indexing.placed)
def _place(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    value = view_of(lowering, operands[0], "value")
    return _placed(lowering, equation, value, (), "=")


@loops_for(indexing.scatter_add)
def _scatter_add(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    value, *arrays = (view_of(lowering, operand, "value") for operand in operands)
    return _placed(lowering, equation, value, arrays, "+=")


@loops_for(indexing.setitem)
def _setitem(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    x, value, *arrays = (view_of(lowering, operand, "value") for operand in operands)
    name = lowering.name_of(equation)
    source = lowering.stored(x, f"{name}_before")
    first = ["{out}[...] = {0}[...]"]
    return _written(
        lowering, equation, name, source, value, arrays, "=", first, (source.read.value,)
    )


def _written(
    lowering: Lowering,
    equation: Equation,
    name: str,
    whole: View,
    value: View,
    arrays: Sequence[View],
    sign: str,
    lines: list[str],
    operands: tuple[Value, ...],
) -> View:
    out = Value(name, equation.out.aval.dtype, tuple(d for d in whole.dims if d is not None))
    rank = len(whole.dims)
    target = indexing.indexed_shape(
        equation.out.aval.shape,
        equation.params["index"],
        [atom.aval for atom in equation.inputs[-len(arrays) :]] if arrays else [],
    )
    seen = View(whole.dims, Read(out, tuple(Place(i) for i in range(rank) if whole.dims[i])))
    stored = [lowering.stored(array, f"{name}_index") for array in arrays]
    parts = index_parts(lowering, equation, seen, stored, target)
    shift = len(parts.dims) - len(value.dims)
    lowering.joined(parts.dims, value.dims)
    source = lowering.stored(value, f"{name}_value")
    values = [*operands, source.read.value, *(array.read.value for array in stored)]
    text_of = {id(v): f"{{{i}}}" for i, v in enumerate(values)}
    read = moved(source.read, {i: i + shift for i in range(len(value.dims))})
    places = [parts.places[i] for i in range(rank) if whole.dims[i] is not None]
    sizes = [lowering.size(dim) for dim in whole.dims if dim is not None]
    body = f"{{out}}[{_at(places, text_of, sizes)}] {sign} {_entry(read, text_of)}"
    lines = [*lines, *_loops(lowering, parts.dims, [body])]
    lowering.items.append(Serial(out, tuple(lines), tuple(values)))
    return lowering.whole(out, whole.dims)


def _loops(lowering: Lowering, dims: Sequence[Any], body: Sequence[str]) -> list[str]:
    lines, margin = [], ""
    for i, dim in enumerate(dims):
        if dim is not None:
            lines.append(f"{margin}for k{i} in range({lowering.size(dim)}):")
            margin += "    "
    return [*lines, *(margin + line for line in body)]


def _entry(read: Read, text_of: dict[int, str]) -> str:
    return f"{text_of[id(read.value)]}[{_at(read.places, text_of)}]"


def _at(places: Sequence[Place], text_of: dict[int, str], sizes: Sequence[str] = ()) -> str:
    """Where an entry lies; `sizes` are the lengths of the axes along which places are looked up."""
    padded = [*sizes, *[""] * (len(places) - len(sizes))]
    pairs = zip(places, padded, strict=True)
    return ", ".join(_place_text(place, text_of, size) for place, size in pairs) or "0"


def _place_text(place: Place, text_of: dict[int, str], size: str) -> str:
    if place.gathered is not None:
        return f"place_in({_entry(place.gathered, text_of)}, {size})"
    if place.loop is None:
        return place.start
    step = "" if place.step == 1 else f"{place.step} * "
    return f"k{place.loop}" if place.is_whole else f"{place.start} + {step}k{place.loop}"


@loops_for(indexing.take_along_axis)
def _take_along_axis(
    lowering: Lowering, equation: Equation, operands: Sequence[Operand]
) -> Operand:
    x, indices = (view_of(lowering, operand, "value") for operand in operands)
    axis = equation.params["axis"] % len(x.dims)
    source = lowering.stored(x, f"{lowering.name_of(equation)}_read")
    pairs = zip(source.dims, indices.dims, strict=True)
    dims = tuple(
        i if n == axis else lowering.joined((s,), (i,))[0] for n, (s, i) in enumerate(pairs)
    )
    told = looked_up(x.dims[axis], indices.read)
    places = tuple(told if place.loop == axis else place for place in source.read.places)
    return View(dims, Read(source.read.value, places))


@loops_for(indexing.scatter_along_axis)
def _scatter_along_axis(
    lowering: Lowering, equation: Equation, operands: Sequence[Operand]
) -> Operand:
    value, indices = (
        lowering.stored(view_of(lowering, operand, "value"), "value") for operand in operands
    )
    aval, name = equation.out.aval, lowering.name_of(equation)
    axis = equation.params["axis"] % aval.ndim
    lowering.joined(value.dims, indices.dims)
    dims = tuple(
        lowering.axes.of(dim) if i == axis else lowering.joined((lowering.axes.of(dim),), (d,))[0]
        for i, (dim, d) in enumerate(zip(aval.shape, value.dims, strict=True))
    )
    out = Value(name, aval.dtype, tuple(dim for dim in dims if dim is not None))
    text_of = {id(value.read.value): "{0}", id(indices.read.value): "{1}"}
    told = looked_up(dims[axis], indices.read)
    places = [told if i == axis else Place(i) for i, dim in enumerate(dims) if dim is not None]
    sizes = [lowering.size(dim) for dim in dims if dim is not None]
    body = f"{{out}}[{_at(places, text_of, sizes)}] += {_entry(value.read, text_of)}"
    zero = f"{{out}}[...] = {code_of(aval.dtype)}(0)"
    lines = [zero, *_loops(lowering, value.dims, [body])]
    lowering.items.append(Serial(out, tuple(lines), (value.read.value, indices.read.value)))
    return lowering.whole(out, dims)


@loops_for(shapes.concatenate)
def _concatenate(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    views = [view_of(lowering, operand, "part") for operand in operands]
    axis = equation.params["axis"] % len(views[0].dims)
    return _joined(lowering, equation, views, axis)


@loops_for(shapes.stack)
def _stack(lowering: Lowering, equation: Equation, operands: Sequence[Operand]) -> Operand:
    axis = equation.params["axis"] % equation.out.aval.ndim
    views = []
    for operand in operands:
        view = view_of(lowering, operand, "part")
        home = {i: i + (i >= axis) for i in range(len(view.dims))}
        dims = (*view.dims[:axis], None, *view.dims[axis:])
        views.append(View(dims, moved(view.read, home)))
    return _joined(lowering, equation, views, axis)


def _joined(lowering: Lowering, equation: Equation, views: Sequence[View], axis: int) -> Operand:
    """Parts one after the other along an axis."""
    aval, name = equation.out.aval, lowering.name_of(equation)
    others = lowering.joined(*((*v.dims[:axis], None, *v.dims[axis + 1 :]) for v in views))
    along = lowering.axes.of(aval.shape[axis])
    dims = (*others[:axis], along, *others[axis + 1 :])
    out = Value(name, aval.dtype, tuple(dim for dim in dims if dim is not None))
    lines: list[str] = []
    values: list[Value] = []
    offset = ""
    for view in views:
        source = lowering.stored(view, f"{name}_part")
        text_of = {id(source.read.value): f"{{{len(values)}}}"}
        values.append(source.read.value)
        places = [Place(i) for i, dim in enumerate(dims) if dim is not None]
        here = f"k{axis}" if view.dims[axis] is not None else "0"
        at = [
            f"{offset or '0'} + {here}" if place.loop == axis else f"k{place.loop}"
            for place in places
        ]
        entry = f"{code_of(aval.dtype)}({_entry(source.read, text_of)})"
        loops = (*others[:axis], view.dims[axis], *others[axis + 1 :])
        lines += _loops(lowering, loops, [f"{{out}}[{', '.join(at) or '0'}] = {entry}"])
        size = lowering.size(view.dims[axis])
        offset = f"{offset} + {size}" if offset else size
    lowering.items.append(Serial(out, tuple(lines), tuple(values)))
    return lowering.whole(out, dims)

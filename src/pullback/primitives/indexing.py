"""Reading and writing entries: slices, integer arrays, take_along_axis.

An index is a tuple of ints, `Slice`s, None (a new axis) and `ARRAY`, which stands for the next
of the integer arrays that follow the array among the primitive's inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import Dimension, Shape, Slice, format_shape
from ..errors import ShapeError
from ..formula import Formula, Notation
from ..formula import notation as written
from ..primitive import Case, Params, Primitive, Source, TextOf, call, vjp_of
from . import flop_rules, helpers
from .elementwise import any_real
from .shape_rules import broadcast_shapes, normal_axis

ARRAY = "array"


Index = tuple[Any, ...]


def indexed_shape(shape: Shape, index: Index, arrays: Sequence[Aval]) -> Shape:
    """The shape of x[index], by NumPy's rules for basic and advanced indexing."""
    consumed = sum(item is not None for item in index)
    if consumed > len(shape):
        raise ShapeError(f"{consumed} indices are too many for the shape {format_shape(shape)}.")
    advanced_shape = broadcast_shapes("indexing", arrays) if arrays else ()
    advanced = [
        i for i, item in enumerate(index) if item == ARRAY or (arrays and isinstance(item, int))
    ]
    adjacent = not advanced or advanced[-1] - advanced[0] == len(advanced) - 1
    result: list[Dimension] = [] if adjacent else list(advanced_shape)
    rest = iter(shape)
    for position, item in enumerate(index):
        if position in advanced:
            next(rest)
            if adjacent and position == advanced[0]:
                result.extend(advanced_shape)
        elif item is None:
            result.append(1)
        elif isinstance(item, Slice):
            result.append(item.length(next(rest)))
        else:
            _check_position(item, next(rest))
    return (*result, *rest)


def _check_position(position: int, dim: Dimension) -> None:
    if isinstance(dim, int) and not -dim <= position < dim:
        raise ShapeError(f"The index {position} is out of bounds for an axis of length {dim}.")


def index_text(index: Index, arrays: Sequence[Source], text_of: TextOf) -> str:
    """The text between the brackets."""
    remaining = iter(arrays)
    parts = []
    for item in index:
        if item == ARRAY:
            parts.append(next(remaining).text)
        else:
            parts.append(item.source(text_of) if isinstance(item, Slice) else text_of(item))
    return ", ".join(parts) if parts else "()"


def _index_value(index: Index, arrays: Sequence[Source], text_of: TextOf) -> str:
    return f"np.s_[{index_text(index, arrays, text_of)}]"


def as_python_index(index: Index, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The index as one writes it between brackets, for rules."""
    remaining = iter(arrays)
    return tuple(
        next(remaining)
        if item == ARRAY
        else slice(item.start, item.stop, item.step)
        if isinstance(item, Slice)
        else item
        for item in index
    )


def _emit_getitem(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    x, *arrays = arguments
    return Source(f"{x.within(5)}[{index_text(params['index'], arrays, text_of)}]")


def _notation_getitem(parts: Sequence[Formula], params: Params, shape: Shape) -> Formula:
    items: list[str | int] = []
    array = 1
    for item in params["index"]:
        items.append(array if item == ARRAY else _item_text(item))
        array += item == ARRAY
    return written.entries(parts, items, shape, params)


def _index_subscript(parts: Sequence[Formula], params: Params) -> str:
    texts = ("…" if item == ARRAY else _item_text(item) for item in params["index"])
    return f"[{', '.join(texts)}]"


def _item_text(item: Any) -> str:
    return "new" if item is None else str(item)


def _placing_notation(name: str) -> Notation:
    notation: Notation = written.array_function(name, name, _index_subscript)
    return notation


INDEX_CASES: list[tuple[tuple[int, ...], Index, tuple[Any, ...]]] = [
    ((3, 4), (1,), ()),
    ((3, 4), (Slice(1, None), Slice(None, None, 2)), ()),
    ((3, 4), (Slice(None, None, -1), None, 0), ()),
    ((4, 3), (ARRAY,), (np.array([2, 0, 2]),)),
    ((4, 3), (ARRAY, ARRAY), (np.array([[0], [3]]), np.array([1, 1]))),
    ((2, 4, 3), (ARRAY, Slice(), 1), (np.array([1, 1, 0]),)),
    ((1, 3), (Slice(None), ARRAY), (np.array([0]),)),
]


def _getitem_cases(random: np.random.Generator) -> list[Case]:
    return [
        Case((any_real(random, shape), *arrays), {"index": index})
        for shape, index, arrays in INDEX_CASES
    ]


getitem = Primitive(
    "getitem",
    lambda x, *arrays, index: Aval(x.dtype, indexed_shape(x.shape, index, arrays)),
    _emit_getitem,
    _getitem_cases,
    view=True,
    notation=_notation_getitem,
)


@vjp_of(getitem)
def getitem_vjp(ct: Any, out: Any, x: Any, *arrays: Any, index: Index) -> tuple[Any, ...]:
    """ct laid into zeros of x's shape; entries that were read twice get both."""
    place = scatter_add if arrays else placed
    return (place(ct, *arrays, index=index, shape=x.shape), *(None for _ in arrays))


def _placing_aval(value: Aval, *arrays: Aval, index: Index, shape: Shape) -> Aval:
    target = indexed_shape(shape, index, arrays)
    if target != value.shape:
        raise ShapeError(f"A value of {value.shape_text} does not fill {format_shape(target)}.")
    return Aval(value.dtype, shape)


def _placing(function: str) -> Any:
    def emit(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
        value, *arrays = arguments
        index = _index_value(params["index"], arrays, text_of)
        return Source(f"{function}({value.text}, {index}, {text_of(params['shape'])})")

    return emit


def _placing_cases(random: np.random.Generator, with_arrays: bool) -> list[Case]:
    return [
        Case(
            (
                any_real(random, tuple(np.empty(shape)[as_python_index(index, arrays)].shape)),
                *arrays,
            ),
            {"index": index, "shape": shape},
        )
        for shape, index, arrays in INDEX_CASES
        if bool(arrays) == with_arrays
    ]


placed = Primitive(
    "placed",
    _placing_aval,
    _placing("placed"),
    lambda random: _placing_cases(random, False),
    helpers=(helpers.placed,),
    notation=_placing_notation("placed"),
)
scatter_add = Primitive(
    "scatter_add",
    _placing_aval,
    _placing("scatter_add"),
    lambda random: _placing_cases(random, True),
    helpers=(helpers.scatter_add,),
    notation=_placing_notation("scatter_add"),
    flops=flop_rules.per_entry_read(1),
)


@vjp_of(placed)
def placed_vjp(ct: Any, out: Any, value: Any, index: Index, shape: Shape) -> tuple[Any]:
    """The entries of ct at index."""
    return (ct[as_python_index(index, ())],)


@vjp_of(scatter_add)
def scatter_add_vjp(
    ct: Any, out: Any, value: Any, *arrays: Any, index: Index, shape: Shape
) -> tuple[Any, ...]:
    """The entries of ct at index."""
    return (ct[as_python_index(index, arrays)], *(None for _ in arrays))


def _setitem_aval(x: Aval, value: Aval, *arrays: Aval, index: Index) -> Aval:
    target = Aval(x.dtype, indexed_shape(x.shape, index, arrays))
    if broadcast_shapes("assignment", [target, value]) != target.shape:
        raise ShapeError(
            f"A value of {value.shape_text} cannot be stored into {target.shape_text}."
        )
    return x.with_dtype(x.dtype)


def _emit_setitem(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    x, value, *arrays = arguments
    index = _index_value(params["index"], arrays, text_of)
    return Source(f"with_item({x.text}, {index}, {value.text})")


def _setitem_cases(random: np.random.Generator) -> list[Case]:
    filled = [Case((any_real(random, (3, 4)), 2.0), {"index": (1,)})]
    for shape, index, arrays in INDEX_CASES:
        x = any_real(random, shape)
        value = any_real(random, x[as_python_index(index, arrays)].shape)
        filled.append(Case((x, value, *arrays), {"index": index}))
    return filled


setitem = Primitive(
    "setitem",
    _setitem_aval,
    _emit_setitem,
    _setitem_cases,
    helpers=(helpers.with_item,),
    notation=_placing_notation("setitem"),
    keeps_array=True,
)


@vjp_of(setitem)
def setitem_vjp(
    ct: Any, out: Any, x: Any, value: Any, *arrays: Any, index: Index
) -> tuple[Any, ...]:
    """ct with the written entries 0 to x, the written entries of ct to the value.

    Where an index array names an entry twice, NumPy keeps the value written last, so only that
    one gets the cotangent.
    """
    kept = setitem(ct, 0.0, *arrays, index=index)
    written = ct[as_python_index(index, arrays)]
    if arrays:
        turn = np.reshape(np.cumsum(np.ravel(np.ones_like(written)), axis=0), written.shape)
        last = setitem(np.zeros_like(ct), turn, *arrays, index=index)
        written = np.where(last[as_python_index(index, arrays)] == turn, written, 0.0)
    return (kept, written, *(None for _ in arrays))


def _along_axis_aval(x: Aval, indices: Aval, axis: int) -> Aval:
    axis = normal_axis("take_along_axis", axis, x.ndim)
    others = [i for i in range(x.ndim) if i != axis]
    if indices.ndim != x.ndim or any(x.shape[i] != indices.shape[i] for i in others):
        raise ShapeError(
            f"take_along_axis: {x.shape_text} and {indices.shape_text} may differ on axis "
            f"{axis} only."
        )
    return Aval(x.dtype, indices.shape)


def _along_axis_cases(random: np.random.Generator) -> list[Case]:
    return [
        Case((any_real(random, (3, 4)), np.array([[1], [3], [0]])), {"axis": 1}),
        Case((any_real(random, (3, 2)), np.array([[1, 1], [1, 0]])), {"axis": 0}),
    ]


take_along_axis = Primitive(
    "take_along_axis", _along_axis_aval, call("np.take_along_axis", "axis"), _along_axis_cases
)


@vjp_of(take_along_axis)
def take_along_axis_vjp(ct: Any, out: Any, x: Any, indices: Any, axis: int) -> tuple[Any, None]:
    """ct added into zeros of x's shape where the entries were read."""
    return scatter_along_axis(ct, indices, axis=axis, shape=x.shape), None


def _emit_scatter_along(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    parts = [argument.text for argument in arguments]
    parts += [text_of(params["axis"]), text_of(params["shape"])]
    return Source(f"scatter_along_axis({', '.join(parts)})")


scatter_along_axis = Primitive(
    "scatter_along_axis",
    lambda value, indices, axis, shape: Aval(value.dtype, shape),
    _emit_scatter_along,
    lambda random: [
        Case((any_real(random, indices.shape), indices), {"axis": params["axis"], "shape": x.shape})
        for (x, indices), params in _along_axis_cases(random)
    ],
    helpers=(helpers.scatter_along_axis,),
    flops=flop_rules.per_entry_read(1),
)


@vjp_of(scatter_along_axis)
def scatter_along_axis_vjp(
    ct: Any, out: Any, value: Any, indices: Any, axis: int, shape: Shape
) -> tuple[Any, None]:
    """The entries of ct that the values were added to."""
    return np.take_along_axis(ct, indices, axis=axis), None

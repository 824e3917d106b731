"""How each operation writes its result into an array that is there already.

The statements do what the operation's NumPy expression does, step by step and in the same order,
so that the result has the same bits; they only leave out the new array. An operation that is not
here keeps its expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..avals import Aval
from ..dims import product
from ..primitive import Params, Source, TextOf, text_of_constant


class Form(NamedTuple):
    """Statements that fill `out`.

    Attributes:
        lines: What is done each time.
        before: What is done once, when the lengths of the axes are known.
        over: Which operands `out` may lie upon, since they are read no later than it is written.
    """

    lines: tuple[str, ...]
    before: tuple[str, ...] = ()
    over: tuple[int, ...] = ()


class Operation(NamedTuple):
    """An operation as it is printed.

    Attributes:
        name: The primitive's.
        params: Its params.
        arguments: Its operands as text.
        avals: What is known of them.
        constants: The value of each operand that is a number in the program; None for others.
        out: The name of the array for the result.
        result: What is known of it.
        text_of: How params are written.
    """

    name: str
    params: Params
    arguments: Sequence[Source]
    avals: Sequence[Aval]
    constants: Sequence[object]
    out: str
    result: Aval
    text_of: TextOf

    @property
    def texts(self) -> list[str]:
        """The operands between commas."""
        return [argument.text for argument in self.arguments]


def out_form(operation: Operation, elementwise: bool) -> Form | None:
    """The statements for one operation; None where it has only its expression."""
    if operation.name in _FORMS:
        return _FORMS[operation.name](operation)
    if elementwise and isinstance(getattr(np, operation.name, None), np.ufunc):
        return _ufunc(operation, f"np.{operation.name}")
    return None


def number_form(operation: Operation) -> str | None:
    """A reduction to one number as an expression that skips NumPy's wrapper around it."""
    x = operation.avals[0] if operation.avals else None
    if x is None or not x.ndim or operation.params.get("keepdims"):
        return None
    if operation.name == "mean" and x.dtype in (np.float32, np.float64):
        total = f"np.add.reduce({operation.texts[0]}, axis=None)"
        count = operation.text_of(product(x.shape))
        return f"{text_of_constant(x.dtype)}({total} / np.intp({count}))"
    if operation.name == "sum" and x.dtype.kind == "b":
        return f"np.intp(np.count_nonzero({operation.texts[0]}))"
    reduce = _REDUCE.get(operation.name)
    if reduce is None or (operation.name in _TRUTH and x.dtype.kind != "b"):
        return None
    return f"{reduce}({operation.texts[0]}, axis=None)"


def _ufunc(operation: Operation, function: str) -> Form:
    inside = ", ".join(operation.texts)
    whole = [i for i, aval in enumerate(operation.avals) if aval.shape == operation.result.shape]
    return Form((f"{function}({inside}, out={operation.out})",), over=tuple(whole))


def _power(operation: Operation) -> Form | None:
    """x ** 2 is a square, x ** 0.5 a root: NumPy's operator knows, its function does not."""
    x, y = operation.avals
    if y.ndim or not x.ndim:
        return _ufunc(operation, "np.power")
    exponent = operation.constants[1]
    if x.is_float and type(exponent) in (int, float) and exponent in _POWERS:
        form = _ufunc(operation._replace(arguments=operation.arguments[:1]), _POWERS[exponent])
        return form._replace(over=(0,))
    if x.shape != operation.result.shape or x.dtype != operation.result.dtype:
        return None
    base, text = operation.texts
    return Form((f"np.copyto({operation.out}, {base})", f"{operation.out}.__ipow__({text})"))


_POWERS: Mapping[object, str] = {2: "np.square", 0.5: "np.sqrt", -1: "np.reciprocal"}


def _clip(operation: Operation) -> Form:
    return _ufunc(operation, "np.clip")


def _where(operation: Operation) -> Form:
    condition, x, y = operation.texts
    out = operation.out
    lines = (f"np.copyto({out}, {y})", f"np.copyto({out}, {x}, where={condition})")
    return Form(lines, over=(2,) if operation.avals[2] == operation.result else ())


def _matmul(operation: Operation) -> Form | None:
    if operation.result.ndim > 2:
        return None
    return Form((f"np.matmul({', '.join(operation.texts)}, out={operation.out})",))


def _outer(operation: Operation) -> Form:
    x, y = (argument.within(5) for argument in operation.arguments)
    return Form((f"np.multiply({x}[:, None], {y}, out={operation.out})",))


def _reduction(operation: Operation) -> Form | None:
    x = operation.avals[0]
    if not x.ndim or (operation.name in _TRUTH and x.dtype.kind != "b"):
        return None
    axis, keepdims = operation.params["axis"], operation.params["keepdims"]
    kept = ", keepdims=True" if keepdims else ""
    reduce = _REDUCE[operation.name]
    return Form((f"{reduce}({operation.texts[0]}, axis={axis}, out={operation.out}{kept})",))


_REDUCE = {
    "sum": "np.add.reduce",
    "prod": "np.multiply.reduce",
    "max": "np.maximum.reduce",
    "min": "np.minimum.reduce",
    "any": "np.logical_or.reduce",
    "all": "np.logical_and.reduce",
}
_TRUTH = ("any", "all")


def _mean(operation: Operation) -> Form | None:
    """The sum, divided in place by the number of entries, as NumPy does it."""
    x, out = operation.avals[0], operation.out
    if not x.ndim or x.dtype not in (np.float32, np.float64):
        return None
    axis = operation.params["axis"]
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    count = operation.text_of(product(tuple(x.shape[i] for i in axes)))
    total = _reduction(operation._replace(name="sum"))
    assert total is not None
    divide = f'np.true_divide({out}, {out}_count, out={out}, casting="unsafe")'
    return Form((*total.lines, divide), (f"{out}_count = np.intp({count})",))


def _index(operation: Operation) -> Form | None:
    if operation.params["axis"] is None:
        return None
    axis, keepdims = operation.params["axis"], operation.params["keepdims"]
    kept = ", keepdims=True" if keepdims else ""
    method = f"{operation.arguments[0].within(5)}.{operation.name}"
    return Form((f"{method}(axis={axis}, out={operation.out}{kept})",))


def _cumsum(operation: Operation) -> Form:
    axis = operation.params["axis"]
    return Form((f"np.cumsum({operation.texts[0]}, axis={axis}, out={operation.out})",))


def _convert(operation: Operation) -> Form:
    return Form((f'np.copyto({operation.out}, {operation.texts[0]}, casting="unsafe")',))


def _join(operation: Operation) -> Form:
    axis = operation.text_of(operation.params["axis"])
    items = ", ".join(operation.texts)
    return Form((f"np.{operation.name}([{items}], axis={axis}, out={operation.out})",))


def _one_hot(operation: Operation) -> Form | None:
    """Ones written into zeros: `np.eye(classes)[labels]` makes a square of classes each time."""
    labels, out = operation.avals[0], operation.out
    if labels.ndim != 1:
        return None
    rows = f"{out}_rows = np.arange({operation.text_of(labels.shape[0])})"
    return Form((f"{out}.fill(0)", f"{out}[{out}_rows, {operation.texts[0]}] = 1"), (rows,))


def _placed(operation: Operation) -> Form:
    value, out = operation.texts[0], operation.out
    index = _index_of(operation, operation.texts[1:])
    return Form((f"{out}.fill(0)", f"{out}[{index}] = {value}"))


def _scatter_add(operation: Operation) -> Form:
    value, out = operation.texts[0], operation.out
    index = f"np.s_[{_index_of(operation, operation.texts[1:])}]"
    return Form((f"{out}.fill(0)", f"np.add.at({out}, {index}, {value})"))


def _setitem(operation: Operation) -> Form:
    x, value, *arrays = operation.texts
    out = operation.out
    return Form((f"np.copyto({out}, {x})", f"{out}[{_index_of(operation, arrays)}] = {value}"))


def _index_of(operation: Operation, arrays: Sequence[str]) -> str:
    from ..primitives.indexing import index_text

    sources = [Source(text) for text in arrays]
    return index_text(operation.params["index"], sources, operation.text_of)


def _uniform(operation: Operation) -> Form | None:
    """The same draws, with the counters and the words of the cipher in arrays that stay."""
    out, dtype = operation.out, operation.result.dtype
    if dtype not in (np.float32, np.float64) or not operation.result.ndim:
        return None
    number = text_of_constant(operation.params["operation"])
    draw = f"{out}_draw({', '.join(operation.texts)}, {number})"
    return Form((draw,), (f"{out}_draw = uniform_into({out})",))


_FORMS: Mapping[str, Callable[[Operation], Form | None]] = {
    "abs": lambda operation: _ufunc(operation, "np.absolute"),
    "power": _power,
    "clip": _clip,
    "where": _where,
    "matmul": _matmul,
    "outer": _outer,
    **dict.fromkeys(_REDUCE, _reduction),
    "mean": _mean,
    "argmax": _index,
    "argmin": _index,
    "cumsum": _cumsum,
    "astype": _convert,
    "copy": _convert,
    "concatenate": _join,
    "stack": _join,
    "one_hot": _one_hot,
    "placed": _placed,
    "scatter_add": _scatter_add,
    "setitem": _setitem,
    "uniform": _uniform,
}

"""Identities of layout: broadcasting that need not be done, moves that cancel."""

from __future__ import annotations

from ...primitive import Literal
from ...primitives import shapes as s
from ...primitives.shape_rules import normal_axes
from ...program import Atom, Equation
from ..simplify import Identity, Rewriter
from .arithmetic import uniform


def late_broadcast(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """f(broadcast(x), y) = f(x, y), or broadcast(f(x, y)) where the shape would differ.

    Condition: f works entry by entry, and has no kink (whose convention for a number differs
    from that for an array).
    """
    if not equation.primitive.elementwise or equation.primitive.slopes is not None:
        return None
    inputs = tuple(_unbroadcast(rewriter, atom) for atom in equation.inputs)
    if all(a is b for a, b in zip(inputs, equation.inputs, strict=True)):
        return None
    value = rewriter.record(equation.primitive, *inputs, **equation.params)
    out = equation.out.aval
    if value.aval.dtype != out.dtype:
        return None
    if value.aval.shape == out.shape:
        return value
    return rewriter.record(s.broadcast_to, value, shape=out.shape)


def _unbroadcast(rewriter: Rewriter, atom: Atom) -> Atom:
    repeated = rewriter.producer(atom, "broadcast_to")
    if repeated is not None:
        return repeated.inputs[0]
    filled = rewriter.producer(atom, "full")
    if filled is not None:
        return Literal(filled.params["dtype"].type(filled.params["value"]))
    return atom


def broadcast_number(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """A number repeated is a filled array.

    Condition: the value is a known number.
    """
    if equation.primitive.name != "broadcast_to":
        return None
    (x,) = equation.inputs
    value = uniform(rewriter, x)
    if value is None:
        return None
    out = equation.out.aval
    return rewriter.record(
        s.full, shape=out.shape, value=out.dtype.type(value).item(), dtype=out.dtype
    )


def broadcast_twice(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """broadcast(broadcast(x)) = broadcast(x); broadcast to its own shape = x.

    Condition: none; exact.
    """
    if equation.primitive.name != "broadcast_to":
        return None
    (x,) = equation.inputs
    if x.aval.shape == equation.out.aval.shape:
        return x
    inner = rewriter.producer(x, "broadcast_to")
    if inner is None:
        return None
    return rewriter.record(s.broadcast_to, inner.inputs[0], shape=equation.out.aval.shape)


def moved_broadcast(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """A move of repeated numbers repeats them in the new shape.

    Condition: all entries are the same, or the move adds axes to an array whose axes were all
    there before they were repeated.
    """
    if equation.primitive.name not in ("expand_dims", "squeeze", "reshape", "transpose"):
        return None
    inner = rewriter.producer(equation.inputs[0], "broadcast_to", "full")
    if inner is None:
        return None
    shape = equation.out.aval.shape
    if inner.primitive.name == "full":
        return rewriter.record(s.full, **{**inner.params, "shape": shape})
    (x,) = inner.inputs
    if x.aval.shape == ():
        return rewriter.record(s.broadcast_to, x, shape=shape)
    if equation.primitive.name == "expand_dims" and x.aval.ndim == inner.out.aval.ndim:
        wider = rewriter.record(s.expand_dims, x, **equation.params)
        return rewriter.record(s.broadcast_to, wider, shape=shape)
    return None


def move_and_back(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """(x.T).T = x; squeeze and expand_dims of the same axis cancel.

    Condition: none; exact.
    """
    name = equation.primitive.name
    opposite = {"transpose": "transpose", "squeeze": "expand_dims", "expand_dims": "squeeze"}
    if name not in opposite:
        return None
    if name == "transpose" and equation.params["axes"] == tuple(range(equation.out.aval.ndim)):
        return equation.inputs[0]
    inner = rewriter.producer(equation.inputs[0], opposite[name])
    if inner is None:
        return None
    if name != "transpose":
        return inner.inputs[0] if inner.params == equation.params else None
    axes = tuple(inner.params["axes"][axis] for axis in equation.params["axes"])
    if axes == tuple(range(len(axes))):
        return inner.inputs[0]
    return rewriter.record(s.transpose, inner.inputs[0], axes=axes)


def reshape_twice(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """reshape(reshape(x)) = reshape(x); reshape to its own shape = x.

    Condition: none; exact.
    """
    if equation.primitive.name != "reshape":
        return None
    (x,) = equation.inputs
    if x.aval.shape == equation.out.aval.shape:
        return x
    inner = rewriter.producer(x, "reshape")
    if inner is None:
        return None
    return rewriter.record(s.reshape, inner.inputs[0], **equation.params)


def copy_of_value(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """copy(x) = x, since nothing ever writes to x.

    Condition: it is no output.
    """
    if equation.primitive.name not in ("copy", "astype") or equation.out in rewriter.outputs:
        return None
    return equation.inputs[0]


def kept_axes(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """mean(x, keepdims=True) = expand_dims(mean(x)), and back; so with every reduction.

    Condition: the other of the two is computed before, so that one of them is enough.
    """
    params = dict(equation.params)
    kept = params.get("keepdims")
    if kept is None or len(equation.inputs) != 1:
        return None
    (x,) = equation.inputs
    other = rewriter.found(equation.primitive, x, **{**params, "keepdims": not kept})
    if other is None:
        return None
    axes = normal_axes(equation.primitive.name, params["axis"], x.aval.ndim)
    axis = tuple(range(x.aval.ndim)) if axes is None else axes
    move = s.expand_dims if kept else s.squeeze
    return rewriter.record(move, other, axis=axis[0] if len(axis) == 1 else axis)


def leading_axes(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """x * expand_dims(y) = x * y where the new axes come first; so with every such operation.

    Condition: f works entry by entry, and broadcasting adds the same axes to y by itself.
    """
    if not equation.primitive.elementwise:
        return None
    inputs = tuple(_without_leading_axes(rewriter, atom) for atom in equation.inputs)
    if all(a is b for a, b in zip(inputs, equation.inputs, strict=True)):
        return None
    if equation.primitive.aval(*(a.aval for a in inputs), **equation.params) != equation.out.aval:
        return None
    return rewriter.record(equation.primitive, *inputs, **equation.params)


def _without_leading_axes(rewriter: Rewriter, atom: Atom) -> Atom:
    expanded = rewriter.producer(atom, "expand_dims")
    if expanded is None:
        return atom
    (x,) = expanded.inputs
    added = expanded.out.aval.ndim - x.aval.ndim
    return x if expanded.out.aval.shape[added:] == x.aval.shape else atom


LAYOUT: list[Identity] = [
    broadcast_twice,
    broadcast_number,
    moved_broadcast,
    late_broadcast,
    move_and_back,
    reshape_twice,
    copy_of_value,
    kept_axes,
    leading_axes,
]

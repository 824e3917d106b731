"""Functions that NumPy lacks and networks need, each stable and smooth for every input.

They are primitives because rule by rule their usual spellings lose the gradient where kinks
cancel (max(z, 0) - z y + log1p(exp(-|z|)) at z = 0) or overflow (`where` around exp).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..avals import Aval, Dtype
from ..errors import ShapeError
from ..formula import notation as written
from ..primitive import ATOM, Case, Params, Primitive, Source, TextOf, call, vjp_of
from . import flop_rules, helpers
from .elementwise import any_real, logaddexp, sample_cases
from .reductions import spread
from .shape_rules import floating_aval, normal_axis, reduced_shape

sigmoid = Primitive(
    "sigmoid",
    floating_aval("sigmoid"),
    call("sigmoid"),
    sample_cases(any_real),
    helpers=(helpers.sigmoid,),
    elementwise=True,
    notation=written.entry_function("sigmoid"),
)


@vjp_of(sigmoid)
def sigmoid_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * out (1 - out). Reads out only."""
    return (ct * (out * (1 - out)),)


@vjp_of(logaddexp)
def logaddexp_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct * sigmoid(x - y), ct * sigmoid(y - x): the shares of the two exponentials."""
    return ct * sigmoid(x - y), ct * sigmoid(y - x)


def _along_axis(name: str) -> Callable[..., Aval]:
    def aval(z: Aval, axis: int) -> Aval:
        normal_axis(name, axis, z.ndim)
        return floating_aval(name)(z)

    return aval


def _axis_cases(random: np.random.Generator) -> list[Case]:
    shapes = [((3, 4), 1), ((3, 4), 0), ((2, 1), 1), ((5,), 0), ((2, 3, 2), 2)]
    return [Case((any_real(random, shape),), {"axis": axis}) for shape, axis in shapes]


_softmax_of = written.array_function("softmax", "softmax", written.axis_unless_last)

softmax = Primitive(
    "softmax",
    _along_axis("softmax"),
    call("softmax", "axis"),
    _axis_cases,
    helpers=(helpers.softmax,),
    notation=_softmax_of,
    flops=flop_rules.per_entry_read(5),
)
log_softmax = Primitive(
    "log_softmax",
    _along_axis("log_softmax"),
    call("log_softmax", "axis"),
    _axis_cases,
    helpers=(helpers.log_softmax,),
    notation=written.log_of(_softmax_of),
    flops=flop_rules.per_entry_read(5),
)


@vjp_of(softmax)
def softmax_vjp(ct: Any, out: Any, z: Any, axis: int) -> tuple[Any]:
    """out * (ct - sum(ct * out)): the Jacobian diag(p) - p p^T, never built."""
    return (out * (ct - np.sum(ct * out, axis=axis, keepdims=True)),)


@vjp_of(log_softmax)
def log_softmax_vjp(ct: Any, out: Any, z: Any, axis: int) -> tuple[Any]:
    """ct - softmax(z) * sum(ct)."""
    return (ct - softmax(z, axis=axis) * np.sum(ct, axis=axis, keepdims=True),)


def _logsumexp_aval(z: Aval, axis: int, keepdims: bool) -> Aval:
    normal_axis("logsumexp", axis, z.ndim)
    return Aval(floating_aval("logsumexp")(z).dtype, reduced_shape(z.shape, axis, keepdims))


def _emit_logsumexp(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    axis, keepdims = text_of(params["axis"]), text_of(params["keepdims"])
    return Source(f"logsumexp({arguments[0].text}, axis={axis}, keepdims={keepdims})")


logsumexp = Primitive(
    "logsumexp",
    _logsumexp_aval,
    _emit_logsumexp,
    lambda random: [
        Case(case.inputs, {**case.params, "keepdims": keepdims})
        for case in _axis_cases(random)
        for keepdims in (False, True)
    ],
    helpers=(helpers.logsumexp,),
    notation=written.log_sum_exp,
    flops=flop_rules.per_entry_read(4),
)


@vjp_of(logsumexp)
def logsumexp_vjp(ct: Any, out: Any, z: Any, axis: int, keepdims: bool) -> tuple[Any]:
    """ct * softmax(z)."""
    return (spread(ct, z, axis, keepdims) * softmax(z, axis=axis),)


def _one_hot_aval(labels: Aval, classes: int, dtype: Dtype) -> Aval:
    if labels.dtype.kind not in "iu":
        raise ShapeError(f"one_hot: labels must be integers, not {labels.dtype}.")
    return Aval(dtype, (*labels.shape, classes))


def _emit_one_hot(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    classes, dtype = params["classes"], params["dtype"]
    suffix = "" if dtype == np.float64 else f", dtype={text_of(dtype)}"
    return Source(f"np.eye({text_of(classes)}{suffix})[{arguments[0].within(ATOM)}]")


one_hot = Primitive(
    "one_hot",
    _one_hot_aval,
    _emit_one_hot,
    lambda random: [Case((np.array([2, 0, 1]),), {"classes": 3, "dtype": np.dtype("f8")})],
)

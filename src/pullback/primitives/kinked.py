"""Piecewise linear and piecewise constant operations, with one convention at each kink.

`maximum`, `minimum`, `clip` against a number pass the cotangent where x is strictly on its
side, so relu'(0) = 0 for `np.maximum(h, 0)`; two arrays that tie share it evenly; abs'(0) = 0;
`where` and masks follow their condition as written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..errors import ShapeError
from ..formula import Notation
from ..formula import notation as written
from ..primitive import (
    COMPARISON,
    Case,
    Params,
    Primitive,
    Slopes,
    Source,
    TextOf,
    call,
    infix,
    vjp_of,
)
from .elementwise import any_real, is_literal, nonzero_real, sample_cases
from .shape_rules import broadcast_shapes, elementwise_aval


def _indicator(condition: Any) -> Any:
    return np.where(condition, 1.0, 0.0)


def _apart(random: np.random.Generator) -> list[Case]:
    """Pairs of arrays no two entries of which meet, and an array against a number."""
    pairs = sample_cases(any_real, nonzero_real)(random)
    apart = [Case((x, x + y if np.shape(x) == np.shape(y) else y * 10)) for (x, y), _ in pairs]
    return [
        *apart,
        Case((nonzero_real(random, (3, 4)), 0.0)),
        Case((0.1, nonzero_real(random, (3,)))),
    ]


def _maximum_slopes(x: Any, y: Any) -> tuple[Slopes, Slopes]:
    return (
        Slopes(_indicator(x > y), _indicator(x >= y)),
        Slopes(_indicator(y > x), _indicator(y >= x)),
    )


def _minimum_slopes(x: Any, y: Any) -> tuple[Slopes, Slopes]:
    return (
        Slopes(_indicator(x <= y), _indicator(x < y)),
        Slopes(_indicator(y <= x), _indicator(y < x)),
    )


maximum = Primitive(
    "maximum",
    elementwise_aval("maximum", np.maximum, False),
    call("np.maximum"),
    _apart,
    slopes=_maximum_slopes,
    kink="maximum: slope 0 where x ties with a number, shared evenly where two arrays tie",
    elementwise=True,
    notation=written.entry_function("max", "maximum"),
)
minimum = Primitive(
    "minimum",
    elementwise_aval("minimum", np.minimum, False),
    call("np.minimum"),
    _apart,
    slopes=_minimum_slopes,
    kink="minimum: slope 0 where x ties with a number, shared evenly where two arrays tie",
    elementwise=True,
    notation=written.entry_function("min", "minimum"),
)


def _share(ct: Any, x: Any, y: Any, wins: Any) -> Any:
    if is_literal(x) or is_literal(y):
        return ct * wins
    return np.where(x == y, 0.5 * ct, ct * wins)


@vjp_of(maximum)
def maximum_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct where the input is the larger one; maximum routes the error signal."""
    return _share(ct, x, y, x > y), _share(ct, x, y, y > x)


@vjp_of(minimum)
def minimum_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct where the input is the smaller one."""
    return _share(ct, x, y, x < y), _share(ct, x, y, y < x)


def _clip_aval(x: Aval, low: Aval, high: Aval) -> Aval:
    lower = elementwise_aval("clip", np.maximum, False)(x, low)
    return elementwise_aval("clip", np.minimum, False)(lower, high)


def _clip_cases(random: np.random.Generator) -> list[Case]:
    x = np.array([[-3.0, -0.4, 0.2], [0.6, 2.0, 5.0]])
    return [
        Case((x, -1.0, 1.0)),
        Case((x, np.array([-2.0, -1.0, 0.0]), np.array([1.0, 1.5, 1.5]))),
        Case((np.float64(0.3), -1.0, 1.0)),
    ]


def _clip_slopes(x: Any, low: Any, high: Any) -> tuple[Slopes, Slopes, Slopes]:
    inner = np.maximum(x, low)
    x_slope, low_slope = _maximum_slopes(x, low)
    inner_slope, high_slope = _minimum_slopes(inner, high)
    return (
        Slopes(x_slope.below * inner_slope.below, x_slope.above * inner_slope.above),
        Slopes(low_slope.below * inner_slope.below, low_slope.above * inner_slope.above),
        high_slope,
    )


clip = Primitive(
    "clip",
    _clip_aval,
    call("np.clip"),
    _clip_cases,
    slopes=_clip_slopes,
    kink="clip: slope 0 at its bounds",
    elementwise=True,
    notation=written.entry_function("clip"),
)


@vjp_of(clip)
def clip_vjp(ct: Any, out: Any, x: Any, low: Any, high: Any) -> tuple[Any, Any, Any]:
    """ct strictly inside the bounds to x, below to low, above to high."""
    inside = np.logical_and(x > low, x < high)
    in_low = None if is_literal(low) else ct * np.logical_and(x < low, low < high)
    in_high = None if is_literal(high) else ct * np.logical_or(x > high, low > high)
    return ct * inside, in_low, in_high


def _between_whole_numbers(random: np.random.Generator) -> list[Case]:
    cases = sample_cases(any_real)(random)
    return [Case((np.floor(x) + random.uniform(0.2, 0.8, np.shape(x)),)) for (x,), _ in cases]


def _constant_slopes(*inputs: Any) -> tuple[Slopes, ...]:
    return tuple(Slopes(np.zeros(np.shape(x)), np.zeros(np.shape(x))) for x in inputs)


def _abs_slopes(x: Any) -> tuple[Slopes]:
    return (Slopes(np.where(x > 0, 1.0, -1.0), np.where(x >= 0, 1.0, -1.0)),)


absolute = Primitive(
    "abs",
    elementwise_aval("abs", np.absolute, False),
    call("np.abs"),
    sample_cases(nonzero_real),
    slopes=_abs_slopes,
    kink="abs: slope 0 at 0",
    elementwise=True,
    notation=written.of_parts(written.absolute),
)
sign = Primitive(
    "sign",
    elementwise_aval("sign", np.sign, False),
    call("np.sign"),
    sample_cases(nonzero_real),
    slopes=_constant_slopes,
    elementwise=True,
    notation=written.entry_function("sign"),
)
floor = Primitive(
    "floor",
    elementwise_aval("floor", np.floor, False),
    call("np.floor"),
    _between_whole_numbers,
    slopes=_constant_slopes,
    elementwise=True,
    notation=written.entry_function("floor"),
)


@vjp_of(absolute)
def abs_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * sign(x), which is 0 at 0."""
    return (ct * np.sign(x),)


@vjp_of(floor)
def floor_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """0: floor is constant on either side of its jumps."""
    return (np.zeros_like(ct),)


@vjp_of(sign)
def sign_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """0: sign is constant on either side of its jump."""
    return (np.zeros_like(ct),)


def _comparison(name: str, ufunc: np.ufunc, symbol: str, sign: str) -> Primitive:
    return Primitive(
        name,
        elementwise_aval(name, ufunc, True),
        infix(symbol, COMPARISON),
        sample_cases(any_real, any_real),
        elementwise=True,
        notation=written.relation(sign),
    )


greater = _comparison("greater", np.greater, ">", ">")
greater_equal = _comparison("greater_equal", np.greater_equal, ">=", "≥")
less = _comparison("less", np.less, "<", "<")
less_equal = _comparison("less_equal", np.less_equal, "<=", "≤")
equal = _comparison("equal", np.equal, "==", "=")
not_equal = _comparison("not_equal", np.not_equal, "!=", "≠")


def _predicate(ufunc: np.ufunc, notation: Notation) -> Primitive:
    name = ufunc.__name__
    aval = elementwise_aval(name, ufunc, False)
    cases = sample_cases(*[any_real] * ufunc.nin)
    emit = call(f"np.{name}")
    return Primitive(name, aval, emit, cases, elementwise=True, notation=notation)


logical_and = _predicate(np.logical_and, written.junction("∧"))
logical_or = _predicate(np.logical_or, written.junction("∨"))
logical_xor = _predicate(np.logical_xor, written.junction("⊕"))
logical_not = _predicate(np.logical_not, written.of_parts(written.denied))
isfinite = _predicate(np.isfinite, written.entry_function("isfinite"))
isnan = _predicate(np.isnan, written.entry_function("isnan"))
isinf = _predicate(np.isinf, written.entry_function("isinf"))


def _where_aval(condition: Aval, x: Aval, y: Aval) -> Aval:
    if condition.dtype.kind != "b":
        raise ShapeError(f"where: the condition must be boolean, not {condition.dtype}.")
    dtype = elementwise_aval("where", np.maximum, False)(x, y).dtype
    return Aval(dtype, broadcast_shapes("where", [condition, x, y]))


def _where_cases(random: np.random.Generator) -> list[Case]:
    condition = random.integers(0, 2, size=(3, 4)).astype(bool)
    return [
        Case((condition, any_real(random, (3, 4)), any_real(random, (3, 4)))),
        Case((condition, any_real(random, (4,)), any_real(random, (3, 1)))),
        Case((condition[:, :1], any_real(random, (3, 4)), 0.0)),
    ]


def _emit_where(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    return Source(f"np.where({', '.join(argument.text for argument in arguments)})")


where = Primitive(
    "where",
    _where_aval,
    _emit_where,
    _where_cases,
    kink="where and masks: the slope of the side that the condition takes, as it is written",
    elementwise=True,
    keeps_array=True,
    notation=written.of_parts(written.cases),
)


@vjp_of(where)
def where_vjp(ct: Any, out: Any, condition: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """ct where the condition holds to x, elsewhere to y."""
    return None, np.where(condition, ct, 0.0), np.where(condition, 0.0, ct)

"""Smooth elementwise operations: arithmetic, powers, exponentials, logarithms, sines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..formula import Formula, Notation, build
from ..formula import notation as written
from ..primitive import (
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Case,
    Emit,
    Params,
    Primitive,
    Source,
    TextOf,
    call,
    infix,
    vjp_of,
)
from .shape_rules import elementwise_aval

Sampler = Callable[[Any, tuple[int, ...]], Any]


def any_real(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Any real numbers."""
    return random.normal(size=shape)


def positive_real(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Numbers in [0.3, 3)."""
    return random.uniform(0.3, 3.0, size=shape)


def nonzero_real(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Numbers of either sign, at least 0.3 away from 0."""
    return positive_real(random, shape) * np.where(
        random.integers(0, 2, size=shape) == 0, -1.0, 1.0
    )


def sample_cases(*samplers: Sampler) -> Callable[[np.random.Generator], list[Case]]:
    """Cases with every broadcasting pattern that the number of inputs allows."""
    patterns: list[tuple[tuple[int, ...], ...]] = [((3, 4),), ((),), ((1, 3),), ((2, 1, 3),)]
    if len(samplers) == 2:
        patterns = [
            ((3, 4), (3, 4)),
            ((3, 4), (4,)),
            ((3, 1), (1, 4)),
            ((), (2, 3)),
            ((1, 1), (1, 1)),
            ((2, 3, 1), (3, 2)),
        ]

    def cases(random: np.random.Generator) -> list[Case]:
        return [
            Case(
                tuple(
                    sampler(random, shape) for sampler, shape in zip(samplers, shapes, strict=True)
                )
            )
            for shapes in patterns
        ]

    return cases


def unary_function(
    name: str, ufunc: np.ufunc, sampler: Sampler, notation: Notation | None = None
) -> Primitive:
    """A primitive written `np.name(x)`."""
    return Primitive(
        name,
        elementwise_aval(name, ufunc, False),
        call(f"np.{name}"),
        sample_cases(sampler),
        elementwise=True,
        notation=notation or written.entry_function(name),
    )


def binary_operator(
    ufunc: np.ufunc, emit: Emit, formula: Callable[..., Formula], *samplers: Sampler
) -> Primitive:
    """A primitive written with one of Python's operators, and as `formula(left, right)`."""
    name = ufunc.__name__
    aval = elementwise_aval(name, ufunc, True)
    return Primitive(
        name,
        aval,
        emit,
        sample_cases(*samplers),
        elementwise=True,
        notation=written.of_parts(formula),
    )


def _emit_negative(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    return Source(f"-{arguments[0].within(UNARY)}", UNARY)


def is_literal(value: Any) -> bool:
    """Whether an input of a rule is a plain number rather than a traced value or an array."""
    return isinstance(value, bool | int | float | np.number)


add = binary_operator(np.add, infix("+", SUM), build.add, any_real, any_real)
subtract = binary_operator(np.subtract, infix("-", SUM), build.subtract, any_real, any_real)
multiply = binary_operator(np.multiply, infix("*", PRODUCT), build.times, any_real, any_real)
divide = binary_operator(np.divide, infix("/", PRODUCT), build.quotient, any_real, nonzero_real)
power = binary_operator(np.power, infix("**", POWER), build.power, positive_real, any_real)
negative = Primitive(
    "negative",
    elementwise_aval("negative", np.negative, True),
    _emit_negative,
    sample_cases(any_real),
    elementwise=True,
    notation=written.of_parts(build.negative),
)
square = unary_function("square", np.square, any_real, written.of_parts(written.squared))
reciprocal = unary_function(
    "reciprocal", np.reciprocal, nonzero_real, written.of_parts(written.inverse)
)
sqrt = unary_function("sqrt", np.sqrt, positive_real, written.of_parts(written.root))
exp = unary_function("exp", np.exp, any_real)
expm1 = unary_function("expm1", np.expm1, any_real, written.of_parts(written.exp_minus_one))
log = unary_function("log", np.log, positive_real)
log1p = unary_function("log1p", np.log1p, positive_real, written.of_parts(written.log_of_one_more))
sin = unary_function("sin", np.sin, any_real)
cos = unary_function("cos", np.cos, any_real)
tanh = unary_function("tanh", np.tanh, any_real)
logaddexp = Primitive(
    "logaddexp",
    elementwise_aval("logaddexp", np.logaddexp, False),
    call("np.logaddexp"),
    sample_cases(any_real, any_real),
    elementwise=True,
    notation=written.of_parts(written.log_of_sum_of_exp),
)


@vjp_of(add)
def add_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct to both: addition hands the error signal on unchanged."""
    return ct, ct


@vjp_of(subtract)
def subtract_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct, -ct."""
    return ct, -ct


@vjp_of(multiply)
def multiply_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct * y, ct * x: multiplication swaps its inputs."""
    return ct * y, ct * x


@vjp_of(divide)
def divide_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct / y, -ct * out / y. Reads out and y."""
    return ct / y, -(ct * out / y)


@vjp_of(power)
def power_vjp(ct: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """ct * y x^(y-1), ct * x^y log x; both 0 where y = 0 or x = 0 make the factor vanish."""
    if is_literal(x):
        return None, ct * (out * np.log(x)) if x > 0 else ct * 0.0
    if is_literal(y):
        return (ct * (y * x ** (y - 1)) if y != 0 else ct * 0.0), None
    no_power = y == 0
    in_x = np.where(no_power, 0.0, y * x ** np.where(no_power, 1.0, y - 1))
    positive = x > 0
    in_y = np.where(positive, out * np.log(np.where(positive, x, 1.0)), 0.0)
    return ct * in_x, ct * in_y


@vjp_of(negative)
def negative_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """-ct."""
    return (-ct,)


@vjp_of(square)
def square_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * 2 x."""
    return (ct * (2 * x),)


@vjp_of(reciprocal)
def reciprocal_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """-ct * out^2. Reads out only."""
    return (-(ct * np.square(out)),)


@vjp_of(sqrt)
def sqrt_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct / (2 out). Reads out only; infinite at 0, as the slope is."""
    return (ct / (2 * out),)


@vjp_of(exp)
def exp_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * out. Reads out only."""
    return (ct * out,)


@vjp_of(expm1)
def expm1_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * (out + 1). Reads out only."""
    return (ct * (out + 1),)


@vjp_of(log)
def log_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct / x."""
    return (ct / x,)


@vjp_of(log1p)
def log1p_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct / (1 + x)."""
    return (ct / (1 + x),)


@vjp_of(sin)
def sin_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * cos x."""
    return (ct * np.cos(x),)


@vjp_of(cos)
def cos_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """-ct * sin x."""
    return (-(ct * np.sin(x)),)


@vjp_of(tanh)
def tanh_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * (1 - out^2). Reads out only. DLMF 4.34."""
    return (ct * (1 - np.square(out)),)

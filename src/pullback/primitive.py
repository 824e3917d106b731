"""What a primitive is, how it is written in NumPy, and the registry of all of them.

A primitive's meaning is the NumPy expression it is written as: evaluating it, emitting it and
running it are the same text, so the three can never differ. Its derivative is one VJP rule,
`rule(ct, out, *inputs, **params) -> one cotangent per input`, written in NumPy over the same
vocabulary. Because a rule is traced like any other function, it yields source, programs for
every engine and second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .avals import Aval, aval_of, dtype_code
from .dims import Dimension, Shape, product
from .errors import ProgramError
from .formula import Formula, Function, Notation
from .lazy import cached_property
from .numbers import number_text

COMPARISON, SUM, PRODUCT, UNARY, POWER, ATOM = range(6)
"""Python's operator precedences, loosest first."""

Params = Mapping[str, Any]
TextOf = Callable[[Any], str]
Rule = Callable[..., tuple[Any, ...]]
Flops = Callable[[Sequence[Aval], Aval, Params], Dimension]


class Source(NamedTuple):
    """A NumPy expression as text, with the precedence of its outermost operator."""

    text: str
    precedence: int = ATOM

    def within(self, precedence: int) -> str:
        """The text, in parentheses when it binds less tightly than its surroundings."""
        return self.text if self.precedence >= precedence else f"({self.text})"


Emit = Callable[[Sequence[Source], Params, TextOf], Source]


class Case(NamedTuple):
    """Sample inputs on which the tests examine a primitive, away from its kinks."""

    inputs: tuple[Any, ...]
    params: dict[str, Any] = {}  # noqa: RUF012 (a NamedTuple's default, never written to)


class Slopes(NamedTuple):
    """One-sided slopes of out with respect to one input, per entry of that input.

    Where `below` and `above` are equal the primitive is linear around the entry with that
    slope; where they differ the entry lies exactly on a kink.
    """

    below: Any
    above: Any


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation of the vocabulary.

    Attributes:
        name: Its name in programs and error messages.
        aval: `aval(*avals, **params) -> Aval`, the shape and dtype rule; raises `ShapeError`.
        emit: `emit(arguments, params, text_of) -> Source`, the NumPy expression it stands for.
        cases: `cases(random) -> list[Case]`, sample inputs for the tests.
        helpers: NumPy functions that the emitted source carries along when it is used.
        slopes: For a primitive that is piecewise linear in its inputs:
            `slopes(*inputs, **params) -> one Slopes per input`.
        kink: The convention at its kinks in one phrase, shown beside a gradient.
        smooth_elsewhere: With `slopes`, whether it is curved where it has no kink (a norm).
        elementwise: Whether it works entry by entry and broadcasts its inputs.
        view: Whether, applied to one array, it may share that array's memory.
        keeps_array: Whether its result without axes is a 0-d array, which can be written to,
            instead of one of NumPy's scalars, which cannot.
        free_to_repeat: Whether, with these params, writing it twice costs nothing (x.T).
        notation: `notation(formulas, params, shape) -> Formula`, how mathematics writes it;
            its name as a function when None.
        flops: `flops(avals, out, params) -> Dimension`, how many operations on numbers it does.
            An addition, a product, a comparison, a function such as exp each count as one.
            When None: one per entry of the result if it works entry by entry, else 0.
    """

    name: str
    aval: Callable[..., Aval]
    emit: Emit
    cases: Callable[[np.random.Generator], list[Case]]
    helpers: tuple[Callable[..., Any], ...] = ()
    slopes: Callable[..., tuple[Slopes | None, ...]] | None = None
    kink: str = ""
    smooth_elsewhere: bool = False
    elementwise: bool = False
    view: bool = False
    keeps_array: bool = False
    free_to_repeat: Callable[[Params], bool] = lambda params: False
    notation: Notation | None = None
    flops: Flops | None = None
    _rules: list[Rule] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if self.name in REGISTRY:
            raise ProgramError(f"A primitive named {self.name!r} exists already.")
        REGISTRY[self.name] = self

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Record the operation when an input is traced, else compute it with NumPy."""
        for value in inputs:
            bind = getattr(value, "__pullback_bind__", None)
            if bind is not None:
                return bind(self, inputs, params)
        return self.evaluate(*inputs, **params)

    def evaluate(self, *inputs: Any, **params: Any) -> Any:
        """The value of the NumPy expression on arrays and numbers."""
        return _expression(self, len(inputs), tuple(params.items()))(*inputs)

    def gives_scalar(self, out: Aval, params: Params) -> bool:
        """Whether NumPy gives a scalar, which `+=` replaces, rather than an array."""
        if out.ndim or self.keeps_array:
            return False
        index = params.get("index")
        return not self.view or (index is not None and all(isinstance(i, int) for i in index))

    def formula(self, inputs: Sequence[Formula], params: Params, shape: Shape) -> Formula:
        """Its result as mathematics writes it, from the formulas of its inputs."""
        if self.notation is not None:
            return self.notation(inputs, params, shape)
        name = self.name
        return Function(shape, tuple(inputs), name=name, primitive=name, params=params)

    def count_flops(self, inputs: Sequence[Aval], out: Aval, params: Params) -> Dimension:
        """How many operations on numbers it does."""
        if self.flops is not None:
            return self.flops(inputs, out, params)
        return product(out.shape) if self.elementwise else 0

    @property
    def rule(self) -> Rule | None:
        """Its VJP rule; None when it is not differentiable (comparisons, argmax)."""
        return self._rules[0] if self._rules else None

    def __repr__(self) -> str:
        return self.name


REGISTRY: dict[str, Primitive] = {}
"""Every primitive by name."""


def vjp_of(primitive: Primitive) -> Callable[[Rule], Rule]:
    """Register the decorated function as the VJP rule of a primitive.

    The rule gets the cotangent of the output, the output, the inputs and the params, and
    returns one cotangent per input. None stands for "not differentiable", which is not zero.
    A cotangent may keep the output's broadcast shape: the reverse sweep undoes broadcasting.
    """

    def register(rule: Rule) -> Rule:
        if primitive.rule is not None:
            raise ProgramError(f"The primitive {primitive.name!r} has a VJP rule already.")
        primitive._rules.append(rule)
        return rule

    return register


@lru_cache(maxsize=4096)
def _expression(
    primitive: Primitive, arity: int, params: tuple[tuple[str, Any], ...]
) -> Callable[..., Any]:
    names = [f"a{position}" for position in range(arity)]
    source = primitive.emit([Source(name) for name in names], dict(params), text_of_constant)
    scope = {"np": np} | {helper.__name__: helper for helper in primitive.helpers}
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {source.text}", scope)
    return function


def text_of_constant(value: Any) -> str:
    """A param as Python text."""
    if isinstance(value, np.dtype):
        return f"np.{value.name}" if value.kind != "b" else "np.bool_"
    if isinstance(value, np.generic):
        return number_text(value) if np.isfinite(value) else text_of_constant(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return {"inf": "np.inf", "-inf": "-np.inf"}.get(str(value), "np.nan")
    if isinstance(value, tuple):
        inner = ", ".join(map(text_of_constant, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def infix(symbol: str, precedence: int) -> Emit:
    """Emit `left symbol right` with the parentheses that Python's grammar needs."""

    def emit(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
        left, right = arguments
        tighter = precedence + 1
        if precedence == POWER:
            text = f"{left.within(ATOM)} {symbol} {right.within(UNARY)}"
        elif precedence == COMPARISON:
            text = f"{left.within(tighter)} {symbol} {right.within(tighter)}"
        else:
            text = f"{left.within(precedence)} {symbol} {right.within(tighter)}"
        return Source(text, precedence)

    return emit


def call(function: str, *keywords: str) -> Emit:
    """Emit `function(arguments, keyword=param)`, without params that are None or False."""

    def emit(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
        parts = [argument.text for argument in arguments]
        for keyword in keywords:
            value = params[keyword]
            if value is not None and value is not False:
                parts.append(f"{keyword}={text_of(value)}")
        return Source(f"{function}({', '.join(parts)})")

    return emit


@dataclass(frozen=True, eq=False)
class Literal:
    """A constant inside a program: a Python number (weak) or a NumPy scalar."""

    value: Any

    @cached_property
    def aval(self) -> Aval:
        """Its abstract value."""
        return aval_of(self.value)

    def __str__(self) -> str:
        if self.aval.weak:
            return text_of_constant(self.value)
        number = text_of_constant(self.value)
        return f"{number}:{dtype_code(self.aval.dtype)}"

    def source(self) -> Source:
        """It as a NumPy expression."""
        if self.aval.weak:
            text = text_of_constant(self.value)
            return Source(text, UNARY if text.startswith("-") else ATOM)
        return Source(f"{text_of_constant(self.aval.dtype)}({text_of_constant(self.value)})")

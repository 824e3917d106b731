"""Identities of arithmetic: neutral elements, double signs, constants."""

from __future__ import annotations

import numpy as np

from ...primitive import Literal
from ...primitives import elementwise as e
from ...program import Atom, Equation
from ..simplify import Identity, Rewriter


def uniform(rewriter: Rewriter, atom: Atom) -> float | None:
    """The number that every entry of a value is, if that is known."""
    if isinstance(atom, Literal):
        return atom.value if np.isfinite(atom.value) else None
    filled = rewriter.producer(atom, "full")
    return filled.params["value"] if filled is not None else None


def fold_numbers(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """2 * 3 = 6.

    Condition: all inputs are numbers, and the operation works entry by entry.
    """
    literals = [atom for atom in equation.inputs if isinstance(atom, Literal)]
    if not literals or len(literals) < len(equation.inputs) or not equation.primitive.elementwise:
        return None
    try:
        with np.errstate(all="raise"):  # a warning belongs to the run, not to simplification
            value = equation.primitive.evaluate(*(atom.value for atom in literals))
    except ArithmeticError:
        return None
    aval = equation.out.aval
    return Literal(value if aval.weak else aval.dtype.type(value))


def plain_number(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """np.float32(2) * x = 2 * x.

    Condition: the result's dtype stays the same.
    """
    if not equation.primitive.elementwise:
        return None
    inputs = tuple(
        Literal(atom.value.item())
        if isinstance(atom, Literal) and isinstance(atom.value, np.generic)
        else atom
        for atom in equation.inputs
    )
    if all(a is b for a, b in zip(inputs, equation.inputs, strict=True)):
        return None
    aval = equation.primitive.aval(*(atom.aval for atom in inputs), **equation.params)
    if aval != equation.out.aval:
        return None
    return rewriter.record(equation.primitive, *inputs, **equation.params)


def times_one(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """x * 1 = x, x / 1 = x, x ** 1 = x, x * -1 = -x.

    Condition: x has the result's shape and dtype.
    """
    name = equation.primitive.name
    if name not in ("multiply", "divide", "power"):
        return None
    x, y = equation.inputs
    if uniform(rewriter, y) == 1:
        return x
    if name != "multiply":
        return None
    if uniform(rewriter, x) == 1:
        return y
    for factor, rest in ((x, y), (y, x)):
        if uniform(rewriter, factor) == -1 and rest.aval.dtype.kind != "b":
            return rewriter.record(e.negative, rest)
    return None


def plus_zero(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """x + 0 = x, x - 0 = x, 0 - x = -x.

    Condition: x has the result's shape and dtype. The sign of a zero result may differ.
    """
    name = equation.primitive.name
    if name not in ("add", "subtract"):
        return None
    x, y = equation.inputs
    if uniform(rewriter, y) == 0:
        return x
    if uniform(rewriter, x) == 0:
        return y if name == "add" else rewriter.record(e.negative, y)
    return None


def signs(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """-(-x) = x, x + -y = x - y, x - -y = x + y; the negative of a number is a number.

    Condition: none; exact.
    """
    name = equation.primitive.name
    if name not in ("negative", "add", "subtract"):
        return None
    *_, last = equation.inputs
    if name == "negative" and isinstance(last, Literal):
        return Literal(-last.value)
    inner = rewriter.producer(last, "negative")
    if inner is None:
        return None
    if name == "negative":
        return inner.inputs[0]
    swapped = e.subtract if name == "add" else e.add
    return rewriter.record(swapped, equation.inputs[0], inner.inputs[0])


def negative_first(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """-a + b = b - a.

    Condition: none; exact.
    """
    if equation.primitive.name != "add":
        return None
    inner = rewriter.producer(equation.inputs[0], "negative")
    if inner is None:
        return None
    return rewriter.record(e.subtract, equation.inputs[1], inner.inputs[0])


ARITHMETIC: list[Identity] = [
    fold_numbers,
    plain_number,
    times_one,
    plus_zero,
    signs,
    negative_first,
]

"""Identities of sums and common factors: where softmax with cross-entropy becomes p - y."""

from __future__ import annotations

import numpy as np

from ...dims import Shape
from ...primitive import Literal
from ...primitives import elementwise as e
from ...primitives import reductions as r
from ...primitives import shapes as s
from ...program import Atom, Equation
from ..simplify import Identity, Rewriter
from .arithmetic import uniform


def _summed_axes(equation: Equation) -> tuple[int, ...]:
    axis = equation.params["axis"]
    if axis is None:
        return tuple(range(equation.inputs[0].aval.ndim))
    return axis if isinstance(axis, tuple) else (axis,)


def _is_constant_along(atom: Atom, axes: tuple[int, ...], ndim: int) -> bool:
    missing = ndim - atom.aval.ndim
    return all(axis < missing or atom.aval.shape[axis - missing] == 1 for axis in axes)


def sum_of_scaled(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """sum(a * x) = a * sum(x), sum(-x) = -sum(x).

    Condition: a is constant along the summed axes, and the sum keeps them.
    """
    if equation.primitive.name != "sum" or not equation.params["keepdims"]:
        return None
    (x,) = equation.inputs
    negated = rewriter.producer(x, "negative")
    if negated is not None:
        return rewriter.record(
            e.negative, rewriter.record(r.sum_, negated.inputs[0], **equation.params)
        )
    product = rewriter.producer(x, "multiply")
    if product is None:
        return None
    axes = _summed_axes(equation)
    for factor, rest in (product.inputs, product.inputs[::-1]):
        if rest.aval.shape == x.aval.shape and _is_constant_along(factor, axes, x.aval.ndim):
            total = rewriter.record(r.sum_, rest, **equation.params)
            return rewriter.record(e.multiply, factor, total)
    return None


def sum_of_distribution(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """sum(y) = 1.

    Condition: the rows of y are known to sum to 1, and are summed alone.

    They are known to where y is one-hot, a softmax, declared (and checked when run) with
    `pb.nn.distribution`, or label smoothing of such rows, whatever its amount.
    """
    if equation.primitive.name != "sum":
        return None
    axis = _axis_of_distribution(rewriter, equation.inputs[0])
    if axis is None or _summed_axes(equation) != (axis,):
        return None
    out = equation.out.aval
    return rewriter.record(s.full, shape=out.shape, value=1.0, dtype=out.dtype)


def _axis_of_distribution(rewriter: Rewriter, y: Atom) -> int | None:
    """The axis along which y is known to sum to 1."""
    source = rewriter.producer(y, "one_hot", "softmax", "distribution", "smooth_labels")
    if source is None:
        return None
    last = y.aval.ndim - 1
    if source.primitive.name == "softmax":
        axis: int = source.params["axis"]
        return axis
    if source.primitive.name == "smooth_labels":
        return last if _axis_of_distribution(rewriter, source.inputs[0]) == last else None
    return last


def _factors(rewriter: Rewriter, atom: Atom) -> list[Atom]:
    product = rewriter.producer(atom, "multiply")
    if product is None:
        return [atom]
    return [factor for side in product.inputs for factor in _factors(rewriter, side)]


def _entries(shape: Shape) -> int:
    return sum(dim != 1 for dim in shape)


def common_factor(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """a x - a y = a (x - y), and with +.

    Condition: a has fewer axes than the result, and neither x nor y is a mask (masks do not add).
    """
    if equation.primitive.name not in ("add", "subtract"):
        return None
    left, right = (_factors(rewriter, atom) for atom in equation.inputs)
    for factor in left:
        shared = any(factor is other for other in right)
        if shared and _entries(factor.aval.shape) < _entries(equation.out.aval.shape):
            rests = [_product_without(rewriter, side, factor) for side in (left, right)]
            if all(rest.aval.dtype.kind != "b" for rest in rests):
                rest = rewriter.record(equation.primitive, *rests)
                return rewriter.record(e.multiply, factor, rest)
    return None


def _product_without(rewriter: Rewriter, factors: list[Atom], factor: Atom) -> Atom:
    position = next(i for i, other in enumerate(factors) if other is factor)
    rest = factors[:position] + factors[position + 1 :]
    product: Atom = rest[0] if rest else Literal(1)
    for other in rest[1:]:
        product = rewriter.record(e.multiply, product, other)
    return product


def sign_of_difference(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """-a * (x - y) = a * (y - x), -(x - y) = y - x.

    Condition: none; exact but for the sign of a zero.
    """
    name = equation.primitive.name
    if name == "negative":
        inner = rewriter.producer(equation.inputs[0], "subtract")
        return None if inner is None else rewriter.record(e.subtract, *inner.inputs[::-1])
    if name != "multiply":
        return None
    for factor, rest in (equation.inputs, equation.inputs[::-1]):
        negated = rewriter.producer(factor, "negative")
        difference = rewriter.producer(rest, "subtract")
        if negated is not None and difference is not None:
            swapped = rewriter.record(e.subtract, *difference.inputs[::-1])
            return rewriter.record(e.multiply, negated.inputs[0], swapped)
    return None


def times_reciprocal(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """(1 / n) * x = x / n, (-1 / n) * x = -x / n.

    Condition: x is floating; one rounding fewer.
    """
    if equation.primitive.name != "multiply":
        return None
    for factor, rest in (equation.inputs, equation.inputs[::-1]):
        inverse = rewriter.producer(factor, "divide")
        numerator = uniform(rewriter, inverse.inputs[0]) if inverse is not None else None
        if inverse is not None and numerator in (1, -1) and rest.aval.is_float:
            signed = rest if numerator == 1 else rewriter.record(e.negative, rest)
            return rewriter.record(e.divide, signed, inverse.inputs[1])
    return None


def common_divisor(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """x / a - y / a = (x - y) / a, and with +.

    Condition: a has fewer axes than the result, and neither x nor y is a mask (masks do not add).
    """
    if equation.primitive.name not in ("add", "subtract"):
        return None
    left, right = (rewriter.producer(atom, "divide") for atom in equation.inputs)
    if left is None or right is None or left.inputs[1] is not right.inputs[1]:
        return None
    (x, divisor), (y, _) = left.inputs, right.inputs
    smaller = _entries(divisor.aval.shape) < _entries(equation.out.aval.shape)
    if not smaller or "b" in (x.aval.dtype.kind, y.aval.dtype.kind):
        return None
    return rewriter.record(e.divide, rewriter.record(equation.primitive, x, y), divisor)


def negative_in_sum(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """x + -a * y = x - a * y, -a * y + x = x - a * y, x - -a * y = x + a * y.

    Condition: none; exact.
    """
    name = equation.primitive.name
    if name not in ("add", "subtract"):
        return None
    left, right = equation.inputs
    positive = _without_sign(rewriter, right)
    if positive is not None:
        return rewriter.record(e.subtract if name == "add" else e.add, left, positive)
    positive = _without_sign(rewriter, left) if name == "add" else None
    return None if positive is None else rewriter.record(e.subtract, right, positive)


def _without_sign(rewriter: Rewriter, product: Atom) -> Atom | None:
    """a * y for -a * y; None where no factor has a sign to take away."""
    source = rewriter.producer(product, "multiply")
    if source is None:
        return None
    left, right = source.inputs
    for factor, rest in ((left, right), (right, left)):
        negated = rewriter.producer(factor, "negative")
        if negated is not None:
            return rewriter.record(e.multiply, negated.inputs[0], rest)
    return None


def negative_outside(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """expand_dims(-x) = -expand_dims(x), so that the sign meets what it can cancel.

    Condition: none; exact.
    """
    if equation.primitive.name != "expand_dims":
        return None
    inner = rewriter.producer(equation.inputs[0], "negative")
    if inner is None:
        return None
    moved = rewriter.record(s.expand_dims, inner.inputs[0], **equation.params)
    return rewriter.record(e.negative, moved)


def one_in_product(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """(1 * a) * x = a * x.

    Condition: the result keeps its shape and dtype without the 1.
    """
    if equation.primitive.name != "multiply":
        return None
    for factor, rest in (equation.inputs, equation.inputs[::-1]):
        inner = rewriter.producer(factor, "multiply")
        for one, a in () if inner is None else (inner.inputs, inner.inputs[::-1]):
            if isinstance(one, Literal) and one.value == 1:
                shorter = rewriter.record(e.multiply, a, rest)
                return shorter if shorter.aval == equation.out.aval else None
    return None


def halved_and_doubled(rewriter: Rewriter, equation: Equation) -> Atom | None:
    """(a / c) * c = a, (a / c) * (c * x) = a * x.

    Condition: c is a power of two, by which scaling is exact.
    """
    if equation.primitive.name != "multiply":
        return None
    for part, rest in (equation.inputs, equation.inputs[::-1]):
        quotient = rewriter.producer(part, "divide")
        if quotient is None:
            continue
        a, divisor = quotient.inputs
        if _same_power_of_two(divisor, rest):
            return a
        product = rewriter.producer(rest, "multiply")
        for factor, x in () if product is None else (product.inputs, product.inputs[::-1]):
            if _same_power_of_two(divisor, factor):
                return rewriter.record(e.multiply, a, x)
    return None


def _same_power_of_two(left: Atom, right: Atom) -> bool:
    if not isinstance(left, Literal) or not isinstance(right, Literal):
        return False
    mantissa, _ = np.frexp(left.value)
    return bool(left.value == right.value and abs(mantissa) == 0.5)


FACTORS: list[Identity] = [
    sum_of_scaled,
    sum_of_distribution,
    common_factor,
    common_divisor,
    sign_of_difference,
    negative_in_sum,
    negative_outside,
    one_in_product,
    halved_and_doubled,
    times_reciprocal,
]

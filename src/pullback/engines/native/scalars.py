"""One entry of each simple operation, as source: what stands inside the loops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...avals import Aval, Dtype
from ...primitive import Primitive
from ...primitives import elementwise, kinked, shapes
from .statements import CHEAP, COSTLY, LONG, code_of

_ARITHMETIC: dict[Primitive, str] = {
    elementwise.add: "{0} + {1}",
    elementwise.subtract: "{0} - {1}",
    elementwise.multiply: "{0} * {1}",
    elementwise.divide: "{0} / {1}",
    elementwise.negative: "-{0}",
    elementwise.square: "{0} * {0}",
    elementwise.sqrt: "np.sqrt({0})",
    kinked.maximum: "maximum({0}, {1})",
    kinked.minimum: "minimum({0}, {1})",
    kinked.absolute: "abs({0})",
    kinked.floor: "np.floor({0})",
    kinked.sign: "sign({0})",
    shapes.copy: "{0}",
    shapes.astype: "{0}",
    shapes.as_scalar: "{0}",
}
"""The result has the dtype that the operands are brought to."""

_FUNCTIONS: dict[Primitive, str] = {
    elementwise.exp: "exp",
    elementwise.expm1: "expm1",
    elementwise.log: "log",
    elementwise.log1p: "log1p",
    elementwise.sin: "sin",
    elementwise.cos: "cos",
    elementwise.tanh: "tanh",
    elementwise.power: "power",
}
"""The functions of `functions`, which come in float32 and in float64."""

_COMPARISONS: dict[Primitive, str] = {
    kinked.greater: "{0} > {1}",
    kinked.greater_equal: "{0} >= {1}",
    kinked.less: "{0} < {1}",
    kinked.less_equal: "{0} <= {1}",
    kinked.equal: "{0} == {1}",
    kinked.not_equal: "{0} != {1}",
    kinked.isnan: "{0} != {0}",
    kinked.isinf: "abs({0}) == np.inf",
    kinked.isfinite: "abs({0}) < np.inf",
}

_LOGIC: dict[Primitive, str] = {
    kinked.logical_and: "{0} & {1}",
    kinked.logical_or: "{0} | {1}",
    kinked.logical_xor: "{0} != {1}",
    kinked.logical_not: "not {0}",
}

LARGEST_UNROLLED_POWER = 4


def is_scalar_operation(primitive: Primitive) -> bool:
    """Whether one entry of the operation is known here."""
    tables = (_ARITHMETIC, _FUNCTIONS, _COMPARISONS, _LOGIC)
    return primitive is kinked.where or any(primitive in table for table in tables)


def entry(
    primitive: Primitive, avals: Sequence[Aval], out: Aval, exponent: float | None = None
) -> tuple[str, list[Dtype], int]:
    """An entry of the result, from entries of the inputs.

    Args:
        primitive: A scalar operation.
        avals: Of its inputs.
        out: Of its result.
        exponent: The second input of a power, where it is a plain number.

    Returns:
        Source with {0}, {1} ... for the inputs, the dtype that each is brought to, and the cost.
    """
    if primitive is kinked.where:
        return "({1} if {0} else {2})", [np.dtype(bool), out.dtype, out.dtype], CHEAP
    if primitive in _LOGIC:
        return _LOGIC[primitive], [np.dtype(bool)] * len(avals), CHEAP
    if primitive in _COMPARISONS:
        return _COMPARISONS[primitive], [common_dtype(avals)] * len(avals), CHEAP
    if primitive in _ARITHMETIC:
        text = _ARITHMETIC[primitive]
        cost = COSTLY if "/" in text or "sqrt" in text else CHEAP
        return text, [out.dtype] * len(avals), cost
    if primitive is elementwise.power and exponent in range(2, LARGEST_UNROLLED_POWER + 1):
        return " * ".join(["{0}"] * int(exponent or 0)), [out.dtype], CHEAP
    if primitive is elementwise.power and out.dtype.kind != "f":
        return "{0} ** {1}", [out.dtype] * 2, COSTLY
    arguments = ", ".join(f"{{{i}}}" for i in range(len(avals)))
    return (
        f"{_FUNCTIONS[primitive]}_{code_of(out.dtype)}({arguments})",
        [out.dtype] * len(avals),
        LONG,
    )


def common_dtype(avals: Sequence[Aval]) -> Dtype:
    """What NumPy compares such values in; Python's own numbers do not widen the others."""
    samples = (aval.dtype.type(1).item() if aval.weak else aval.dtype for aval in avals)
    return np.result_type(*samples)


def literal(value: object, dtype: Dtype) -> str:
    """A number as source of exactly this dtype."""
    number = np.asarray(value).astype(dtype).item()
    if dtype.kind == "b":
        return repr(bool(number))
    if dtype.kind in "iu":
        return repr(int(number))
    text = repr(number)
    if number != number or number in (float("inf"), float("-inf")):
        text = {"inf": "np.inf", "-inf": "-np.inf"}.get(text, "np.nan")
    return text if dtype == np.float64 else f"{code_of(dtype)}({text})"


def converted(text: str, given: Dtype, wanted: Dtype) -> str:
    """Source of a number, brought to another dtype."""
    if given == wanted:
        return text
    if wanted.kind == "b":
        return f"({text} != 0)"
    return f"{code_of(wanted)}({text})"


def neutral(reduction: str, dtype: Dtype) -> str:
    """What a reduction begins with."""
    code = code_of(dtype)
    if reduction in ("any", "all"):
        return "False" if reduction == "any" else "True"
    if reduction in ("sum", "prod"):
        return f"{code}({0 if reduction == 'sum' else 1})"
    if dtype.kind == "f":
        return f"{code}({'-' if reduction == 'max' else ''}np.inf)"
    if dtype.kind == "b":
        return "False" if reduction == "max" else "True"
    info = np.iinfo(dtype)
    return f"{code}({info.min if reduction == 'max' else info.max})"


def joined(reduction: str, first: str, second: str) -> str:
    """Two parts of a reduction as one."""
    return {
        "sum": f"{first} + {second}",
        "prod": f"{first} * {second}",
        "max": f"maximum({first}, {second})",
        "min": f"minimum({first}, {second})",
        "any": f"{first} | {second}",
        "all": f"{first} & {second}",
    }[reduction]

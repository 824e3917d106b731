"""Arrays, shapes and operations in a few characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...dims import Dim
from ...primitive import Literal, Source, text_of_constant
from ...program import Equation, Program

LONGEST = 28
"""Characters of an operation's text in a box."""

FEW = 3
"""Arrays with no more entries are written out."""


def number_text(value: Any) -> str:
    """A number in at most seven characters or so."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(value)
    return f"{float(value) + 0.0:.3g}".replace("e-0", "e-").replace("e+0", "e")


def summary(value: Any) -> str:
    """An array in a few characters: its entries if there are few, else their range."""
    array = np.asarray(value)
    if array.size == 0:
        return "empty"
    if array.ndim == 0:
        return number_text(array[()])
    if array.size <= FEW:
        return f"[{', '.join(map(number_text, array.ravel()))}]"
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array):,} of {array.size:,} true"
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        return f"{np.count_nonzero(~np.isfinite(array)):,} of {array.size:,} not finite"
    low, high = np.min(array), np.max(array)
    if low == high:
        return f"all {number_text(low)}"
    return f"{number_text(low)} … {number_text(high)}"


def long_summary(value: Any) -> str:
    """An array in a sentence: range, mean, norm, zeros."""
    array = np.asarray(value)
    if array.dtype.kind != "f" or array.size <= FEW or not np.all(np.isfinite(array)):
        return summary(array)
    zeros = array.size - np.count_nonzero(array)
    told = f", {zeros:,} of {array.size:,} entries are 0" if zeros else ""
    mean, norm = number_text(np.mean(array)), number_text(np.linalg.norm(array))
    return f"{summary(array)}, mean {mean}, norm {norm}{told}"


def operation_text(equation: Equation, operand: Mapping[Any, str], longest: int = LONGEST) -> str:
    """An equation's operation with a dot for each operand that is drawn: · @ ·, maximum(·, 0).

    Args:
        equation: The equation.
        operand: The text of operands that are not drawn, by variable.
        longest: The most characters it may have.
    """
    arguments = [
        atom.source() if isinstance(atom, Literal) else Source(operand.get(atom, "·"))
        for atom in equation.inputs
    ]
    text = equation.primitive.emit(arguments, equation.params, _constant).text
    if equation.inputs and text == arguments[0].text:
        text = _named_operation(equation, text)
    return shortened(text.replace("np.", "").replace(", keepdims=True", ""), longest)


def _named_operation(equation: Equation, operand: str) -> str:
    """An operation that NumPy code does not show (a rule of the user's own), by its name."""
    words = (equation.primitive.name, str(equation.params.get("name", "")))
    return f"{' '.join(words).strip()}({operand})"


def expression_text(program: Program) -> str:
    """A program of one output as one expression, named axes by their names."""
    known: dict[Any, Source] = {var: Source(program.names[var]) for var in program.inputs}

    def of(atom: Any) -> Source:
        return atom.source() if isinstance(atom, Literal) else known[atom]

    for equation in program.equations:
        arguments = [of(atom) for atom in equation.inputs]
        known[equation.out] = equation.primitive.emit(arguments, equation.params, _constant)
    (output,) = program.outputs
    return of(output).text.replace("np.", "")


def _constant(value: Any) -> str:
    if isinstance(value, Dim):
        return str(value)
    if isinstance(value, tuple) and any(isinstance(item, Dim) for item in value):
        return f"({', '.join(map(_constant, value))})"
    return text_of_constant(value)


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text that is not longer than allowed; what is left out shows as an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"

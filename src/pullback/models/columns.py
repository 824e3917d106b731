"""The columns of a model's picture: which layers and parameters give each column of units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import nn
from ..program import Program
from ..views.network import Column, Parameter

_NUMBER = re.compile(r"\D(\d+)$")


def columns_of(
    inputs: int, layers: Sequence[str], params: Mapping[str, Any], outputs: Program
) -> tuple[Column, ...]:
    """A column for the inputs and one for each number that parameters have.

    Args:
        inputs: Number of input columns.
        layers: How each layer prints.
        params: Learned parameters by name: W1, b1, gamma1, W2.
        outputs: The program that computes the outputs; its names say how wide the columns are.
    """
    numbers = _numbers(layers, {_number(name) for name in params})
    widths = _widths(outputs)
    columns = []
    units = inputs
    for number in range(max([0, *numbers]) + 1):
        learned = tuple(
            Parameter(name, tuple(value.shape))
            for name, value in params.items()
            if _number(name) == number
        )
        matrices = [parameter.shape[1] for parameter in learned if len(parameter.shape) == 2]
        units = widths.get(number, (matrices or [units])[-1])
        role = "inputs" if number == 0 else "hidden units"
        own = tuple(layer for layer, n in zip(layers, numbers, strict=True) if n == number)
        columns.append(Column(role, inputs if number == 0 else units, own, learned))
    width = outputs.outputs[0].aval.shape[-1]
    last = columns[-1]
    role = "outputs" if len(columns) > 1 else last.role
    columns[-1] = replace(last, role=role, units=width if isinstance(width, int) else last.units)
    return tuple(columns)


def _number(name: str) -> int:
    match = _NUMBER.search(name)
    return int(match.group(1)) if match else 0


def _numbers(layers: Sequence[str], numbered: Iterable[int]) -> list[int]:
    """The number of each layer, from how it prints.

    A model keeps its layers as text. Those of `pb.nn` that share the number of the layer before
    them are known; another name is a function of the user's own, which does too, unless there
    are more numbers among the parameters than layers that are known to start one.
    """
    starts = sum(_starts_column(layer) is True for layer in layers)
    own_start = starts < len({number for number in numbered if number})
    numbers: list[int] = []
    current = 0
    for layer in layers:
        starts_here = _starts_column(layer)
        current += own_start if starts_here is None else starts_here
        numbers.append(current)
    return numbers


def _starts_column(layer: str) -> bool | None:
    """Whether a layer gives units of its own; None for one that `pb.nn` does not know."""
    known = getattr(nn, re.split(r"\W", layer, maxsplit=1)[0], None)
    if known is None:
        return None
    return isinstance(known, type) and not hasattr(known, "names")


def _widths(outputs: Program) -> dict[int, int]:
    """The width of each column, from the named values: z1, h1."""
    found = {
        _number(equation.out.hint): equation.out.aval.shape[-1]
        for equation in outputs.equations
        if equation.out.named and equation.out.aval.ndim == 2
    }
    return {number: width for number, width in found.items() if number and isinstance(width, int)}

"""The columns of a model's picture: which layers and parameters give each column of units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import nn
from ..nn.columns import columns, number_of
from ..program import Program
from ..views.network import Column


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
    numbers = _numbers(layers, {number_of(name) for name in params})
    widths = _widths(outputs)
    last = outputs.outputs[0].aval.shape[-1]
    if isinstance(last, int):
        widths[max([0, *numbers])] = last
    shapes = {name: tuple(value.shape) for name, value in params.items()}
    return columns(inputs, list(zip(numbers, layers, strict=True)), shapes, widths)


def _numbers(layers: Sequence[str], numbered: Iterable[int]) -> list[int]:
    """The number of each layer, from how it prints.

    A model keeps its layers as text. Those of `pb.nn` that share the number of the layer before
    them are known; another name is a function of the user's own, which does too, unless there
    are more numbers among the parameters than layers that are known to start one.
    """
    starts = sum(_names(layer) is None for layer in layers)
    own_start = starts < len({number for number in numbered if number})
    numbers: list[int] = []
    current, declared = 0, frozenset[str]()
    for layer in layers:
        names = _names(layer)
        unknown = getattr(nn, _word(layer), None) is None
        if names is None or (unknown and own_start) or names & declared:
            current, declared = current + 1, frozenset()
        declared |= names or frozenset()
        numbers.append(current)
    return numbers


def _names(layer: str) -> frozenset[str] | None:
    """The names that a layer of `pb.nn` declares; none for a function, None for what starts."""
    known = getattr(nn, _word(layer), None)
    if isinstance(known, type) and not hasattr(known, "names"):
        return None
    return frozenset(getattr(known, "names", ()))


def _word(layer: str) -> str:
    return re.split(r"\W", layer, maxsplit=1)[0]


def _widths(outputs: Program) -> dict[int, int]:
    """The width of each column, from the named values: z1, h1."""
    found = {
        number_of(equation.out.hint): equation.out.aval.shape[-1]
        for equation in outputs.equations
        if equation.out.named and equation.out.aval.ndim == 2
    }
    return {number: width for number, width in found.items() if number and isinstance(width, int)}

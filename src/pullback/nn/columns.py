"""The columns of a network's picture: which layers and parameters give each column of units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..views.network import Column, Parameter

_NUMBER = re.compile(r"\D(\d+)$")


def columns(
    inputs: int,
    layers: Sequence[tuple[int, str]],
    shapes: Mapping[str, tuple[int, ...]],
    widths: Mapping[int, int],
) -> tuple[Column, ...]:
    """A column for the inputs and one for each number that layers have.

    Args:
        inputs: Number of input columns.
        layers: The number of each layer, and how it prints.
        shapes: The shape of each learned parameter by name: W1, b1, gamma1, W2.
        widths: How many units the layers of a number give.
    """
    last = max((number for number, _ in layers), default=0)
    found: list[Column] = []
    for number in range(last + 1):
        role = "inputs" if number == 0 else "outputs" if number == last else "hidden units"
        own = tuple(layer for n, layer in layers if n == number)
        learned = tuple(
            Parameter(name, shape) for name, shape in shapes.items() if number_of(name) == number
        )
        units = found[-1].units if found else inputs
        matrices = [p.shape[1] for p in learned if len(p.shape) == 2]
        units = widths.get(number, (matrices or [units])[-1]) if number else inputs
        found.append(Column(role, units, own, learned))
    return tuple(found)


def number_of(name: str) -> int:
    """The number at the end of a name: 1 for W1, 0 where there is none."""
    match = _NUMBER.search(name)
    return int(match.group(1)) if match else 0

"""The numbers of layers, and the names W1, gamma1, W2 that their values have by them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .protocol import Layer

_NUMBERED = re.compile(r"(?:(?P<before>.*\d)_|(?P<name>.*\D))(?P<number>\d+)")


@dataclass(frozen=True)
class Place:
    """A layer and its number.

    Attributes:
        layer: The layer.
        number: Its number, which it may share with others.
        names: What it calls its values; None when it does not declare it.
        others: The names that the other layers of this number declare.
    """

    layer: Layer
    number: int
    names: frozenset[str] | None
    others: frozenset[str]

    @property
    def output_name(self) -> str:
        """The name of the layer's output: z1, h1."""
        return f"{getattr(self.layer, 'output_name', 'z')}{self.number}"

    def numbered(self, values: dict[str, Any], taken: Collection[str] = ()) -> dict[str, Any]:
        """The layer's own values under their numbered names.

        Raises:
            UsageError: When a name is taken by another layer, or not among the declared ones.
        """
        if self.names is not None and not self.names >= set(values):
            unknown = min(set(values) - self.names)
            told = ", ".join(sorted(self.names)) or "none"
            raise UsageError(f"{self.layer}: {unknown!r} is not one of its names ({told}).")
        found = {numbered_name(name, self.number): value for name, value in values.items()}
        clash = sorted({*found} & {*taken} | {n for n in values if n in self.others})
        if clash:
            raise UsageError(
                f"{self.layer}: another layer of number {self.number} has a {clash[0]!r} too; "
                "give it another name in one of them."
            )
        return found

    def own(self, values: dict[str, Any]) -> dict[str, Any]:
        """This layer's values among those of the network, under the layer's own names."""
        found = ((_NUMBERED.fullmatch(name), value) for name, value in values.items())
        pairs = (
            (match["before"] or match["name"], value)
            for match, value in found
            if match and int(match["number"]) == self.number
        )
        return {name: value for name, value in pairs if self._has(name)}

    def _has(self, name: str) -> bool:
        return name not in self.others if self.names is None else name in self.names


def places(layers: Sequence[Layer]) -> list[Place]:
    """The number of each layer.

    A layer that declares no names starts a new number. One that does shares the number of the
    layer before it, unless one of its names is declared there already.
    """
    numbers: list[int] = []
    declared: dict[int, set[str]] = {0: set()}
    for layer in layers:
        names, number = _names(layer), max(declared)
        if names is None or names & declared[number]:
            number += 1
        numbers.append(number)
        declared.setdefault(number, set()).update(names or ())
    return [
        Place(layer, number, names, frozenset(declared[number]) - (names or frozenset()))
        for layer, number in zip(layers, numbers, strict=True)
        for names in [_names(layer)]
    ]


def numbered_name(name: str, number: int) -> str:
    """W and 1: W1; w1 and 2: w1_2."""
    return f"{name}_{number}" if name[-1].isdigit() else f"{name}{number}"


def _names(layer: Layer) -> frozenset[str] | None:
    names = getattr(layer, "names", None)
    if names is None:
        return None
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{layer}: names must be a tuple of names, not {names!r}.")
    return frozenset(names)

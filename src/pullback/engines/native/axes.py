"""The axes over which loops run, and which of them are the same.

A program may say `f4[20, 64]` where one function shall serve all lengths. So each axis of each
input begins as an axis of its own; where an operation lets two of them meet they become one, and
each that remains is a size that the function is called with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...dims import Dim, Dimension, evaluate


class Axis:
    """An axis of arrays that a loop may run over.

    Attributes:
        dim: Its length in the program; at a call an axis of a number may have another one.
    """

    def __init__(self, dim: Dimension) -> None:
        self.dim = dim
        self._joined: Axis | None = None

    @property
    def root(self) -> Axis:
        """The axis that stands for all that are the same as this one."""
        axis = self
        while axis._joined is not None:
            axis = axis._joined
        return axis

    def join(self, other: Axis) -> Axis:
        """Let two axes be the same one."""
        first, second = self.root, other.root
        if first is not second:
            second._joined = first
        return first

    def __repr__(self) -> str:
        return f"Axis({self.dim})"


class Axes:
    """The axes of a program. Lengths of 1 are no axes: they are not looped over."""

    def __init__(self) -> None:
        self._named: dict[Dim, Axis] = {}
        self._numbers: list[Axis] = []

    def of(self, dim: Dimension) -> Axis | None:
        """A new axis of this length; of a named length the one axis that has it."""
        if isinstance(dim, Dim):
            return self._named.setdefault(dim, Axis(dim))
        if dim == 1:
            return None
        self._numbers.append(Axis(dim))
        return self._numbers[-1]

    def names(self) -> dict[Axis, str]:
        """The text of each axis's length, in terms of the sizes of `parameters`."""
        plain = {axis: str(dim) for dim, axis in self._named.items() if str(dim) in dim.axes}
        taken = set(plain.values())
        names = {axis: f"size_{name}" for axis, name in plain.items()}
        for number, axis in enumerate(self._roots(), start=1):
            names[axis] = f"size_{number}"
        sizes = {name: _Text(f"size_{name}") for name in taken | self._inner_names()}
        for dim, axis in self._named.items():
            names.setdefault(axis, str(evaluate(dim, sizes)))
        return names

    def parameters(self) -> list[tuple[str, Dimension]]:
        """The sizes that a call gives: a name, and the length that it has in the program."""
        names = self._inner_names()
        named = [(f"size_{name}", _plain(name)) for name in sorted(names)]
        numbers = [(f"size_{i}", axis.dim) for i, axis in enumerate(self._roots(), start=1)]
        return [*named, *numbers]

    def _roots(self) -> list[Axis]:
        return list(dict.fromkeys(axis.root for axis in self._numbers))

    def _inner_names(self) -> set[str]:
        return {name for dim in self._named for name in dim.axes}


class _Text:
    """A number of which only the source is known."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __add__(self, other: Any) -> _Text:
        return _Text(f"{self._text} + {other}") if other != 0 else self

    def __radd__(self, other: Any) -> _Text:
        return _Text(f"{other} + {self._text}") if other != 0 else self

    def __mul__(self, other: Any) -> _Text:
        return _Text(f"{self._text} * {other}") if other != 1 else self

    def __rmul__(self, other: Any) -> _Text:
        return _Text(f"{other} * {self._text}") if other != 1 else self

    def __str__(self) -> str:
        return self._text


def size_text(dim: Dimension, names: Mapping[str, str]) -> str:
    """A dimension as source, its named axes under the names of their sizes."""
    if not isinstance(dim, Dim):
        return str(dim)
    return f"({evaluate(dim, {name: _Text(text) for name, text in names.items()})})"


def _plain(name: str) -> Dim:
    return Dim((((name,), 1),))

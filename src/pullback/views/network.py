"""A network as teachers draw it: columns of units, every unit of one joined to all of the next.

Wide columns are shortened in the middle. Below each column stand its width, its layers and its
learned parameters; the picture is data (columns) first and is drawn from that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import prod
from pathlib import Path

from .graph.boxes import LINE, TITLE, Text, width_of
from .graph.dot import quoted
from .graph.graph import written
from .graph.svg import svg_head, text_element

SHOWN = 8
"""Units drawn of a wider column; the others are an ellipsis."""

RADIUS, PITCH = 9.0, 26.0
MARGIN = 18.0
NARROWEST = 150.0
"""Least distance between columns, in pixels."""


@dataclass(frozen=True)
class Parameter:
    """A learned array: its name and shape."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


@dataclass(frozen=True)
class Column:
    """Units side by side.

    Attributes:
        role: What they are: inputs, hidden units, outputs.
        units: How many there are.
        layers: The layers that give them their values, in order.
        parameters: What those layers learned.
    """

    role: str
    units: int
    layers: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    @property
    def description(self) -> str:
        """It in a sentence."""
        told = f"{self.units:,} {self.role}"
        if self.layers:
            told += f" by {', '.join(self.layers)}"
        if self.parameters:
            learned = ", ".join(_of(parameter) for parameter in self.parameters)
            told += f"; learned {learned}"
        return told


@dataclass(frozen=True)
class Network:
    """The picture of a network: units in columns, widths, activations, learned parameters.

    In a notebook it draws itself.

    Attributes:
        columns: From inputs to outputs.
        dtype: The precision of its parameters.
    """

    columns: tuple[Column, ...]
    dtype: str

    @property
    def size(self) -> int:
        """How many learned parameters it has in all."""
        return sum(p.size for column in self.columns for p in column.parameters)

    def svg(self) -> str:
        """It as SVG: one file without scripts that follows the reader's light or dark mode."""
        return _Drawing(self).text()

    def dot(self) -> str:
        """It in DOT, the language of Graphviz, with one node per column."""
        lines = ['digraph "network" {', "  rankdir=LR;", "  node [shape=box];"]
        for position, column in enumerate(self.columns):
            label = "\n".join(_lines(column))
            lines.append(f"  c{position} [label={quoted(label)}];")
        for position in range(1, len(self.columns)):
            lines.append(f"  c{position - 1} -> c{position};")
        return "\n".join([*lines, "}\n"])

    def save(self, path: str | Path) -> None:
        """Write it to a file that ends in .svg or .dot; one that is there is replaced.

        Raises:
            UsageError: When the file has another ending.
            OSError: When it cannot be written.
        """
        written(path, {".svg": self.svg, ".dot": self.dot, ".gv": self.dot})

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        return "\n".join([*(column.description for column in self.columns), _total(self)])

    def __repr__(self) -> str:
        return f"<Network {' -> '.join(str(column.units) for column in self.columns)}>"


def _of(parameter: Parameter) -> str:
    return f"{parameter.name} {'x'.join(map(str, parameter.shape))}"


def _total(network: Network) -> str:
    s = "" if network.size == 1 else "s"
    return f"{network.size:,} learned parameter{s}, {network.dtype}"


def _lines(column: Column) -> list[str]:
    """What stands below a column."""
    learned = [f"{_of(p)} = {p.size:,}" if len(p.shape) > 1 else _of(p) for p in column.parameters]
    return [f"{column.units:,} {column.role}", *column.layers, *learned]


def _width(column: Column) -> float:
    """The width of what stands below a column; its first line is larger than the others."""
    first, *others = _lines(column)
    return max(width_of(first, TITLE), *map(width_of, others), 0.0)


def _units(column: Column) -> list[int | None]:
    """The numbers of the units drawn; None stands for those left out."""
    if column.units <= SHOWN:
        return list(range(column.units))
    half = SHOWN // 2
    return [*range(half), None, *range(column.units - half, column.units)]


class _Drawing:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.columns = network.columns
        widths = [_width(column) for column in self.columns]
        self.x = [MARGIN + widths[0] / 2]
        for left, right in pairwise(widths):
            self.x.append(self.x[-1] + max(NARROWEST, (left + right) / 2 + 24))
        self.width = max(self.x[-1] + widths[-1] / 2, width_of(_total(network))) + MARGIN
        places = max(len(_units(column)) for column in self.columns)
        self.middle = MARGIN + PITCH * places / 2
        self.below = MARGIN + PITCH * places + LINE
        lines = max(len(_lines(column)) for column in self.columns)
        self.height = self.below + LINE * (lines + 1.5) + MARGIN

    def text(self) -> str:
        total = Text(MARGIN, self.height - MARGIN, "start", "note", _total(self.network))
        described = "; ".join(column.description for column in self.columns)
        title = " → ".join(f"{column.units:,}" for column in self.columns)
        parts = [
            svg_head(self.width, self.height, f"Network {title}", described),
            *self._links(),
            *(self._column(position) for position in range(len(self.columns))),
            text_element(total),
            "</svg>\n",
        ]
        return "\n".join(parts)

    def _points(self, position: int) -> list[tuple[float, float, int | None]]:
        units = _units(self.columns[position])
        top = self.middle - PITCH * (len(units) - 1) / 2
        x = self.x[position]
        return [(x, top + PITCH * place, unit) for place, unit in enumerate(units)]

    def _links(self) -> Iterator[str]:
        for position in range(1, len(self.columns)):
            pieces = [
                f"M{x + RADIUS:g} {y:g}L{to_x - RADIUS:g} {to_y:g}"
                for x, y, unit in self._points(position - 1)
                for to_x, to_y, to_unit in self._points(position)
                if unit is not None and to_unit is not None
            ]
            yield f'<path class="pb-link" d="{"".join(pieces)}"/>'

    def _column(self, position: int) -> str:
        column = self.columns[position]
        kind = " pb-unit-input" if position == 0 else ""
        parts = [
            f'<g class="pb-column" role="img" data-column="{position}">',
            f"<title>{escape(column.description)}</title>",
        ]
        for x, y, unit in self._points(position):
            if unit is None:
                dots = "".join(
                    f'<circle class="pb-dot" cx="{x:g}" cy="{y + step:g}" r="1.6"/>'
                    for step in (-6, 0, 6)
                )
                parts.append(dots)
            else:
                circle = f'<circle class="pb-unit{kind}" cx="{x:g}" cy="{y:g}" r="{RADIUS:g}"/>'
                parts.append(circle)
        for line, text in enumerate(_lines(column)):
            kind_of_text = (
                "title" if line == 0 else "value" if line <= len(column.layers) else "note"
            )
            label = Text(self.x[position], self.below + LINE * line, "middle", kind_of_text, text)
            parts.append(text_element(label))
        return "\n".join([*parts, "</g>"])

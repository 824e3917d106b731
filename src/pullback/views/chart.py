"""A line chart as SVG: numbers against steps or epochs, for notebooks and pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 92, 28, 34
COLORS = ("#1f7fd0", "#d9690a", "#2a9d6f", "#b05fa8")
"""Told apart by people who see fewer colours too, and legible on light and on dark ground."""

WIDE_RANGE = 50.0
"""Positive values whose largest is so many times the smallest stand on a logarithmic axis."""


@dataclass(frozen=True)
class _Scale:
    """From a number to a place between two pixels."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        share = (self._of(value) - self._of(self.low)) / (self._of(self.high) - self._of(self.low))
        return self.start + share * (self.end - self.start)

    def _of(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def ticks(self) -> list[float]:
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            step = 1 + (last - first) // 5
            powers = [10.0**exponent for exponent in range(first, last + 1, step)]
            return powers if len(powers) > 1 else [self.low, self.high]
        power = 10.0 ** math.ceil(math.log10(self.high - self.low))
        for apart in (power / part for part in (1, 2, 5, 10, 20, 50)):
            low, high = math.ceil(self.low / apart - 1e-9), math.floor(self.high / apart + 1e-9)
            if high - low >= 2:
                break
        return [i * apart for i in range(low, high + 1)]


def line_chart_svg(title: str, lines: Mapping[str, Points], across: str) -> str:
    """A chart with a line for each name.

    Args:
        title: What the values are.
        lines: The points (x, y) of each line, by its name; those that are not finite are left out.
        across: What x is.

    Returns:
        An svg element that follows the text colour of what surrounds it; its title and its desc
        say the same in words.
    """
    finite = {
        name: [p for p in points if all(map(math.isfinite, p))] for name, points in lines.items()
    }
    shown = {name: points for name, points in finite.items() if points}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" font-family="sans-serif" font-size="11" '
        'fill="currentColor">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(_told(shown, across))}</desc>",
    ]
    if shown:
        parts += _drawn(title, shown, across)
    return "".join([*parts, "</svg>"])


def _drawn(title: str, lines: Mapping[str, Points], across: str) -> Iterator[str]:
    xs, ys = ([p[i] for points in lines.values() for p in points] for i in (0, 1))
    x_scale = _scale(xs, LEFT, WIDTH - RIGHT, False)
    y_scale = _scale(ys, HEIGHT - BOTTOM, TOP, True)
    note = ", logarithmic" if y_scale.logarithmic else ""
    yield f'<text x="{LEFT}" y="{TOP - 12}" font-weight="bold">{escape(title + note)}</text>'
    yield from _grid(x_scale, y_scale)
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 4}" text-anchor="middle">'
    yield f"{escape(across)}</text>"
    ends = _apart([y_scale.place(points[-1][1]) for points in lines.values()])
    for (name, points), end, color in zip(lines.items(), ends, _colors(len(lines)), strict=True):
        places = [f"{x_scale.place(x):.1f} {y_scale.place(y):.1f}" for x, y in points]
        yield f'<path d="M{"L".join(places)}" fill="none" stroke="{color}" stroke-width="1.8"/>'
        if len(points) == 1:
            left, up = places[0].split()
            yield f'<circle cx="{left}" cy="{up}" r="2.5" fill="{color}"/>'
        x = x_scale.place(points[-1][0]) + 6
        yield f'<text x="{x:.1f}" y="{end + 4:.1f}" fill="{color}">{escape(name)}</text>'


def _grid(x_scale: _Scale, y_scale: _Scale) -> Iterator[str]:
    for tick in y_scale.ticks():
        y = y_scale.place(tick)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="currentColor" opacity=".2"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.6g}</text>'
    for tick in x_scale.ticks():
        x = x_scale.place(tick)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{tick:.6g}</text>'


def _scale(values: Sequence[float], start: float, end: float, may_be_wide: bool) -> _Scale:
    low, high = min(values), max(values)
    logarithmic = may_be_wide and low > 0 and high / low > WIDE_RANGE
    if low == high:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    return _Scale(low, high, start, end, logarithmic)


def _apart(places: Sequence[float], least: float = 13.0) -> list[float]:
    """Places of labels, moved so that none covers another; in the order that they came."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + least)
    return moved


def _colors(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]


def _told(lines: Mapping[str, Points], across: str) -> str:
    words = [
        f"{name}: {points[0][1]:.4g} at {across} {points[0][0]:g}, "
        f"{points[-1][1]:.4g} at {across} {points[-1][0]:g}"
        for name, points in lines.items()
    ]
    return "; ".join(words) or "There are no finite values."

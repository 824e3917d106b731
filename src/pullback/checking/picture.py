"""A gradient check in a notebook: its table, and the error against the step size as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from .report import GradientCheck, Step, VariableCheck

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 150, 34, 46
LEAST = 1e-16
"""Errors below this, and 0, are drawn here: float64 has no finer ones."""

# Okabe and Ito's palette, "Color Universal Design" (2008).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


class _Axes(NamedTuple):
    """Logarithmic axes: the exponents of ten at their ends."""

    left: int
    right: int
    bottom: int
    top: int

    def place(self, step: float, error: float) -> tuple[float, float]:
        """Where a point is drawn."""
        exponent = math.log10(min(max(error, 10.0**self.bottom), 10.0**self.top))
        across = (math.log10(step) - self.left) / (self.right - self.left)
        up = (exponent - self.bottom) / (self.top - self.bottom)
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )


def curves_svg(variables: Sequence[VariableCheck]) -> str:
    """The curves of all variables that have one, as an SVG image."""
    drawn = [variable for variable in variables if variable.curve]
    axes = _axes([step for variable in drawn for step in variable.curve])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" font-family="sans-serif" font-size="12">',
        "<title>Error of a difference against its step size</title>",
        f"<desc>{escape(_told(drawn))}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_grid(axes),
    ]
    for number, variable in enumerate(drawn):
        parts += _curve(axes, variable, number, COLORS[number % len(COLORS)])
    if any(step.crossings for variable in drawn for step in variable.curve):
        place = f'x="{WIDTH - RIGHT + 14}" y="{HEIGHT - BOTTOM}"'
        parts.append(f'<text {place} fill="#666666">dashed: kinks and all</text>')
    return "\n".join([*parts, "</svg>"])


def _axes(steps: Sequence[Step]) -> _Axes:
    sizes = [math.log10(step.size) for step in steps] or [-12.0, -1.0]
    shown = [e for step in steps for e in (step.error, step.unfrozen) if LEAST < e < math.inf]
    errors = [math.log10(error) for error in shown] or [-12.0, 0.0]
    left, right = math.floor(min(sizes)), math.ceil(max(sizes))
    bottom, top = math.floor(min(errors)), max(math.ceil(max(errors)), 0)
    return _Axes(left, max(right, left + 1), min(bottom, top - 1), top)


def _grid(axes: _Axes) -> Iterator[str]:
    for exponent in range(axes.bottom, axes.top + 1, 1 + (axes.top - axes.bottom) // 9):
        x, y = axes.place(10.0**axes.left, 10.0**exponent)
        yield f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#D9D9D9"/>'
        yield f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">1e{exponent}</text>'
    for exponent in range(axes.left, axes.right + 1, 1 + (axes.right - axes.left) // 7):
        x, y = axes.place(10.0**exponent, 10.0**axes.bottom)
        yield f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">1e{exponent}</text>'
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    yield f'<text x="{middle:.1f}" y="{HEIGHT - 8}" text-anchor="middle">step size h</text>'
    yield f'<text x="{LEFT}" y="{TOP - 14}" font-weight="bold">relative error</text>'


def _curve(axes: _Axes, variable: VariableCheck, number: int, color: str) -> Iterator[str]:
    """A solid line with a dot for each step; dashed, where steps cross kinks, the bare function."""
    crossed = any(step.crossings for step in variable.curve)
    if crossed:
        yield _line(axes, [(s.size, s.unfrozen) for s in variable.curve], color, True)
    yield _line(axes, [(step.size, step.error) for step in variable.curve], color, False)
    for step in variable.curve:
        x, y = axes.place(step.size, step.error)
        label = f"{variable.title}, h = {step.size:g}: error {step.error:.1e}"
        if crossed:
            label += f", {step.unfrozen:.1e} with {step.crossings} kinks crossed"
        dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}">'
        yield f"{dot}<title>{escape(label)}</title></circle>"
    y = TOP + 16 * number
    if y < HEIGHT - BOTTOM:
        x = WIDTH - RIGHT + 14
        yield f'<text x="{x}" y="{y + 4}" fill="{color}">{escape(variable.title)}</text>'


def _line(axes: _Axes, points: Sequence[tuple[float, float]], color: str, dashed: bool) -> str:
    places = [axes.place(*point) for point in points if math.isfinite(point[1])]
    text = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<path d="M{text}" fill="none" stroke="{color}" stroke-width="1.6"{dashes}/>'


def _told(variables: Sequence[VariableCheck]) -> str:
    """The picture in words: the best step of each variable."""
    best = [(v.title, min(v.curve, key=lambda step: step.error)) for v in variables]
    words = [f"{title}: least error {step.error:.1e} at h = {step.size:g}" for title, step in best]
    return "; ".join(words) or "No steps were measured."


def page(check: GradientCheck) -> str:
    """The check as HTML for a notebook: verdict, table, kinks, curves."""
    parts = [f"<p><strong>The derived gradient is {check.verdict}.</strong></p>"]
    parts += [f"<pre>{escape(problem)}</pre>" for problem in check.problems]
    head, *rows = check.rows()
    if rows:
        body = "".join(_row(row, "td") for row in rows)
        parts.append(f"<table><thead>{_row(head, 'th')}</thead><tbody>{body}</tbody></table>")
    parts += [f"<div>{escape(line)}</div>" for line in check.kink_lines()]
    if any(variable.curve for variable in check.variables):
        parts.append(curves_svg(check.variables))
    return "\n".join(parts)


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

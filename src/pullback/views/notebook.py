"""What values show of themselves in a notebook: static HTML that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ..program import Program
from .equations import Wishes, to_mathml
from .graph import draw
from .numpy_source import to_numpy

MOST_NODES = 60
"""Pictures in a notebook fold larger programs."""

MOST_OPEN = 40
"""Programs with more equations are folded up."""


def program_html(program: Program) -> str:
    """A program: its NumPy source, its equations, its picture."""
    is_open = len(program.equations) <= MOST_OPEN
    parts = [
        folded("source", preformatted(to_numpy(program)), is_open),
        folded("equations", to_mathml(program, Wishes(), reasons=False), is_open),
        folded("picture", draw(program, most=MOST_NODES).svg(), is_open),
    ]
    return f"<div><p><code>{escape(repr(program))}</code></p>{''.join(parts)}</div>"


def preformatted(text: str) -> str:
    """A text whose columns stay below each other, whatever the notebook's own style."""
    return f'<pre style="font-family: monospace">{escape(text, quote=False)}</pre>'


def folded(title: str, content: str, is_open: bool = True) -> str:
    """Content that can be folded up. It is HTML already, the title is not."""
    state = ' open=""' if is_open else ""
    inner = f'<div style="overflow-x: auto">{content}</div>'
    return f"<details{state}><summary>{escape(title)}</summary>{inner}</details>"


def table_html(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; the first cell of a row is its head."""
    columns = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    style = 'style="border-spacing: 1em 0.1em"'
    return f"<table {style}><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"

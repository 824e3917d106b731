"""Costs as tables: for a terminal, and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...dims import format_shape
from .amounts import Amount, bytes_text, count_text
from .costs import Cost
from .residuals import Residual

Row = tuple[str, ...]
Table = tuple[str, Row, list[Row]]
"""A title, the heads of the columns, the rows."""

LINES = ("line", "shape", "operations", "FLOPs", "bytes read", "bytes written")
KEPT = ("value", "shape", "bytes", "why it is kept")
JACOBIANS = ("slope", "v J by rule: FLOPs", "bytes", "by Jacobian: FLOPs", "bytes of J")


def tables(cost: Cost) -> list[Table]:
    """The tables of a cost: a stage each, the sum, values kept, Jacobians never built."""
    found: list[Table] = []
    for stage, amount in cost.stages.items():
        rows: list[Row] = [
            (line.name, line.shape_text, ", ".join(line.operations), *_texts(line.amount))
            for line in cost.lines
            if line.stage == stage
        ]
        found.append((stage, LINES, [*rows, ("sum", "", "", *_texts(amount))]))
    if len(cost.stages) > 1:
        found.append(("all stages", LINES, [("sum", "", "", *_texts(cost.total))]))
    if cost.residuals:
        kept: list[Row] = [
            (r.name, r.shape_text, bytes_text(r.bytes), _why(r)) for r in cost.residuals
        ]
        found.append(("kept for the backward pass", KEPT, kept))
    if cost.jacobians:
        found.append(("Jacobians, never built", JACOBIANS, _jacobian_rows(cost)))
    return found


def _why(residual: Residual) -> str:
    return residual.why if residual.computed else f"{residual.why}; an input"


def _jacobian_rows(cost: Cost) -> list[Row]:
    return [
        (
            f"d{j.output}/d{j.input}",
            count_text(j.vjp.flops),
            bytes_text(j.vjp.moved),
            count_text(j.flops),
            f"{bytes_text(j.bytes)}, {format_shape(j.shape)}",
        )
        for j in cost.jacobians
    ]


def _texts(amount: Amount) -> Row:
    return count_text(amount.flops), bytes_text(amount.read), bytes_text(amount.written)


def as_text(cost: Cost) -> str:
    """Aligned tables for a terminal."""
    return "\n".join([_title(cost), *(_text_table(table) for table in tables(cost))])


def _title(cost: Cost) -> str:
    sizes = ", ".join(f"{name}={length}" for name, length in cost.sizes.items())
    return f"cost of {cost.program.name}{f' for {sizes}' if sizes else ''}"


def _text_table(table: Table) -> str:
    title, head, rows = table
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [_aligned(row, head, widths) for row in [head, *rows]]
    return "\n".join(["", title, *(f"  {line}".rstrip() for line in lines)])


def _aligned(row: Row, head: Row, widths: Sequence[int]) -> str:
    cells = [
        f"{cell:>{width}}" if _is_number(name) else f"{cell:<{width}}"
        for cell, name, width in zip(row, head, widths, strict=True)
    ]
    return "   ".join(cells)


def _is_number(head: str) -> bool:
    return head.endswith("FLOPs") or head.startswith("bytes")


def as_html(cost: Cost) -> str:
    """The tables as HTML."""
    parts = [f"<p>{escape(_title(cost))}</p>"]
    for title, head, rows in tables(cost):
        heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
        body = "".join(_html_row(row, head) for row in rows)
        parts.append(
            f"<table><caption>{escape(title)}</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )
    return "".join(parts)


def _html_row(row: Row, head: Row) -> str:
    cells = "".join(
        f'<td style="text-align: {"right" if _is_number(name) else "left"}">{escape(cell)}</td>'
        for cell, name in zip(row, head, strict=True)
    )
    return f"<tr>{cells}</tr>"

"""The equations of a program as one LaTeX, MathML or Unicode text."""

from __future__ import annotations

from html import escape

from ...dims import format_shape
from ...formula import Box, latex, mathml, plain, width
from ...formula.boxes import Words
from ...formula.mathml import NAMESPACE
from ...program import Program
from .line import Line
from .program import Wishes, equations
from .rules import general_rule


def to_latex(program: Program, wishes: Wishes, reasons: bool) -> str:
    """An `align*` environment, the stages under their names."""
    rows: list[str] = []
    for line, stage in _with_stages(equations(program, wishes)):
        if stage:
            rows.append(rf"& \textbf{{{stage}}}")
        rows.append(line.latex(align=True))
        rows += [rf"& \quad {text}" for text in _latex_notes(line, reasons)]
    body = " \\\\\n".join(f"  {row}" for row in rows)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


def _general(line: Line) -> list[Box]:
    """The sum over children, for an error signal that has the name of a value."""
    if not line.rules or line.var is None or not line.var.named:
        return []
    return [general_rule(line.var.cotangent_of, line.children, line.manner.taken)]


def _latex_notes(line: Line, reasons: bool) -> list[str]:
    notes = [latex(box) for box in _general(line)]
    notes += [rule.latex() for rule in line.rules]
    if reasons and line.reason:
        notes.append(latex(Words(line.reason)))
    return notes


def to_mathml(program: Program, wishes: Wishes, reasons: bool) -> str:
    """One `math` element with a table, a row for each equation."""
    lines = equations(program, wishes)
    rows: list[str] = []
    for line, stage in _with_stages(lines):
        if stage:
            rows.append(_row("", "", f'<mtext mathvariant="bold">{stage}</mtext>'))
        rows.append(_row(*line.mathml_sides(), name=line.name))
        rows += [_row("", "", note) for note in _mathml_notes(line, reasons)]
    spoken = escape("; ".join(line.text() for line in lines))
    head = f'<math xmlns="{NAMESPACE}" display="block" alttext="{spoken}">'
    return f'{head}<mtable displaystyle="true">{"".join(rows)}</mtable></math>'


def _row(left: str, relation: str, right: str, name: str = "") -> str:
    cells = ((left, "right"), (relation, "center"), (right, "left"))
    marked = f' data-line="{escape(name)}"' if name else ""
    row = "".join(f'<mtd style="text-align: {side}">{cell}</mtd>' for cell, side in cells)
    return f"<mtr{marked}>{row}</mtr>"


def _mathml_notes(line: Line, reasons: bool) -> list[str]:
    notes = [mathml(box) for box in _general(line)]
    notes += [rule.mathml() for rule in line.rules]
    if reasons and line.reason:
        notes.append(f"<mtext>{escape(line.reason, quote=False)}</mtext>")
    return notes


def to_text(program: Program, wishes: Wishes, reasons: bool) -> str:
    """A line for each equation, aligned at the equals sign, the shapes on the right."""
    lines = equations(program, wishes)
    sides = {line: line.text_sides() for line in lines}
    left = max((width(each[0]) for each in sides.values()), default=0)
    middle = max((width(each[2]) for each in sides.values()), default=0)
    rows: list[str] = []
    for line, stage in _with_stages(lines):
        rows += [stage] if stage else []
        name, relation, right = sides[line]
        start = f"  {' ' * (left - width(name))}{name}{relation}"
        pad = " " * (min(middle, 72) - width(right))
        rows.append(f"{start}{right}{pad}   {format_shape(line.shape)}".rstrip())
        indent = " " * (width(start) + 2)
        rows += [f"{indent}{note}" for note in _plain_notes(line, reasons)]
    return "\n".join(rows) + "\n"


def _plain_notes(line: Line, reasons: bool) -> list[str]:
    notes = [plain(box) for box in _general(line)]
    notes += [rule.text() for rule in line.rules]
    return notes + ([line.reason] if reasons and line.reason else [])


def _with_stages(lines: list[Line]) -> list[tuple[Line, str]]:
    """Each line, with the name of its stage where a new one begins; none if there is one only."""
    several = len({line.stage for line in lines}) > 1
    marked, stage = [], ""
    for line in lines:
        marked.append((line, line.stage if several and line.stage != stage else ""))
        stage = line.stage
    return marked

"""Source beside equations: a row for each line of the emitted source, with what it says as
mathematics."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...lazy import cached_property
from ...program import Program, Var
from ...views.equations import Line, equations
from ...views.lines import Lines
from ..source import assigned_lines, function_text
from .code import CodeLine, code_lines
from .keys import ERROR, HELPER, Keys, Mark, home_lines
from .markup import Markup, element
from .words import Words

_MARKED = re.compile(r'data-var="([^"]*)"')
_SAID = re.compile(r"<mtext>([^<]*)</mtext>")


@dataclass(frozen=True, eq=False)
class Listing:
    """The source and the equations of a subject's gradient program, side by side.

    Attributes:
        keys: What variables stand for.
        words: The language.
    """

    keys: Keys
    words: Words

    @property
    def program(self) -> Program:
        """The program whose source is shown."""
        return self.keys.subject.gradient

    @cached_property
    def source(self) -> list[str]:
        """The lines of its source."""
        return self.keys.subject.source.splitlines()

    @cached_property
    def lines(self) -> Lines:
        """Which of its values have a line."""
        return Lines(self.program)

    @cached_property
    def marks(self) -> dict[str, Mark]:
        """What the names in its source stand for."""
        return {name: self.keys.of(var) for var, name in self.lines.names.items()}

    @cached_property
    def stored(self) -> dict[int, str]:
        """The name that each line, from 0, stores to."""
        assigned = assigned_lines(self.keys.subject.source)
        return {assigned[n] - 1: n for n in self.lines.names.values() if n in assigned}

    def rows(self) -> Markup:
        """All rows as HTML."""
        source = self.keys.subject.source
        first = len(self.source) - len(function_text(source).splitlines())
        lines = code_lines(source, self.marks, first)
        before = [element("code", [line.code, "\n"]) for line in lines[:first]]
        rows = [self._row(number, lines[number]) for number in range(first, len(lines))]
        summary = element("summary", self.words("page.before"))
        return Markup(
            element("details", [summary, element("pre", before)], class_="before")
            + element("div", rows, class_="listing", role="list", id="listing")
        )

    def text_of(self, mark: Mark) -> str:
        """The line that computes a value, without margin; "" where none does."""
        number = self.homes.get(mark)
        return "" if number is None else self.source[number].partition("  #")[0].strip()

    def line(self, name: str) -> str:
        """The line that stores to a name, without margin; the last one where none does."""
        numbers = {stored: number for number, stored in self.stored.items()}
        number = numbers.get(name, len(self.source) - 1)
        return self.source[number].partition("  #")[0].strip()

    def _row(self, number: int, line: CodeLine) -> Markup:
        stores = self.stored.get(number, "")
        mark = self.marks.get(stores)
        others = " ".join(sorted(self._also.get(number, set()) - {mark.key if mark else ""}))
        code = element("code", line.code, class_="code")
        margin = element("span", line.margin, class_="shape") if stores else None
        says = self._equations(number, stores)
        kind = mark.role if mark else "" if says else "plain"
        return element(
            "div",
            [code, margin, says],
            class_=f"line {kind}".strip(),
            role="listitem",
            data_line=number + 1,
            data_var=mark.key if mark else others.partition(" ")[0] or None,
            data_also=others or None,
            data_role=mark.role if mark else None,
            tabindex="-1" if mark or others else None,
        )

    def _equations(self, number: int, stores: str) -> Markup | None:
        """What a line says: of an assignment its equation, of the last line the results'.

        A value without a name of its own is part of the equations that use it.
        """
        if stores:
            lines = [self.equations[stores]] if stores in self.equations else []
        elif number == len(self.source) - 1:
            lines = [line for line in self.equations.values() if line.name not in self.marks]
        else:
            return None
        rows = [self._row_of(line) for line in lines]
        return element("div", rows, class_="equation") if rows else None

    def _row_of(self, line: Line) -> Markup:
        left, relation, right = (self.marked(side) for side in line.mathml_sides())
        cells = [
            element("div", element("math", left), class_="left"),
            element("div", element("math", [relation, right], displaystyle="true"), class_="right"),
        ]
        return element("div", cells, class_="row")

    @cached_property
    def equations(self) -> dict[str, Line]:
        """The equations of the program, by the name that the source stores each to."""
        lines = equations(self.program)
        return {line.name: line for line in lines}

    def equation_of(self, mark: Mark) -> Line | None:
        """The equation of the line that computes a value."""
        number = self.homes.get(mark)
        return None if number is None else self.equations.get(self.stored.get(number, ""))

    def marked(self, mathml: str) -> Markup:
        """MathML in which variables say what they stand for, and words are the reader's."""

        def marked(match: re.Match[str]) -> str:
            mark = self.marks.get(match.group(1))
            return "" if mark is None else f'class="v {mark.role}" data-name="{mark.key}"'

        return self.said(_MARKED.sub(marked, mathml))

    def said(self, mathml: str) -> Markup:
        """MathML whose words are the reader's, without marks."""

        def said(match: re.Match[str]) -> str:
            text = self.words.translated(match.group(1).strip("\u00a0"))
            return f"<mtext>\u00a0{text}\u00a0</mtext>"

        return Markup(_SAID.sub(said, _MARKED.sub("", mathml)))

    @cached_property
    def homes(self) -> dict[Mark, int]:
        """The line, from 0, on which each value is computed."""
        assigned, names = assigned_lines(self.keys.subject.source), self.lines.names
        number_of = {e.out: assigned[names[e.out]] - 1 for e in self.lines.equations}
        homes = home_lines(self.program, list(number_of))
        found = {self.keys.of(var): number_of[home] for var, home in homes.items()}
        for var in self.keys.renamed:
            if var in homes and var.cotangent_of:
                found.setdefault(Mark(var.cotangent_of, ERROR), number_of[homes[var]])
        for key, sharing in self.keys.sharing.items():
            number = found.get(Mark(key, ERROR))
            if number is not None:
                found |= {Mark(other, ERROR): number for other in sharing}
        last = len(self.source) - 1
        for atom in self.program.outputs:
            if isinstance(atom, Var):
                found.setdefault(self.keys.of(atom), last)
        return found

    @cached_property
    def _also(self) -> dict[int, set[str]]:
        """The keys of all values that are computed on each line."""
        also: dict[int, set[str]] = {}
        for mark, number in self.homes.items():
            if mark.role != HELPER:
                also.setdefault(number, set()).add(mark.key)
        return also

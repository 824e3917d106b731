"""Emitted NumPy source as HTML: coloured by Python's own tokenizer, each line with its value."""

from __future__ import annotations

import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .keys import Mark
from .markup import Content, Markup, element, html

_KEYWORDS = frozenset(keyword.kwlist)
_BUILT_IN = frozenset(dir(builtins))
_SILENT = frozenset(
    (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
)


@dataclass(frozen=True)
class CodeLine:
    """A line of source.

    Attributes:
        code: The line as HTML, without its comment.
        margin: Its comment (the shape) as text.
    """

    code: Markup
    margin: str


def code_lines(source: str, marks: Mapping[str, Mark], first: int = 0) -> list[CodeLine]:
    """The lines of a Python source.

    Args:
        source: A module's text.
        marks: What names of variables in it stand for.
        first: The line, from 0, from which on they do; before it stand helper functions.
    """
    lines = source.splitlines()
    parts: list[list[Content]] = [[] for _ in lines]
    margins, ends = [""] * len(lines), [0] * len(lines)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _SILENT:
            continue
        for row, start, end in _pieces(token, lines):
            between = lines[row][ends[row] : start]
            text, ends[row] = lines[row][start:end], end
            if token.type == tokenize.COMMENT and lines[row][:start].strip():
                margins[row] = text.lstrip("# ")
            else:
                after_dot = lines[row][:start].endswith(".")
                known = marks if row >= first else {}
                parts[row] += [between, _coloured(token.type, text, after_dot, known)]
    return [CodeLine(html(part), margin) for part, margin in zip(parts, margins, strict=True)]


def coloured(source: str, marks: Mapping[str, Mark] | None = None) -> Markup:
    """A few lines of source as HTML."""
    return Markup("\n".join(line.code for line in code_lines(source, marks or {})))


def _pieces(token: tokenize.TokenInfo, lines: list[str]) -> Iterator[tuple[int, int, int]]:
    """Row, start and end of a token, row by row."""
    (first, start), (last, end) = token.start, token.end
    for row in range(first - 1, last):
        yield (
            row,
            start if row == first - 1 else 0,
            end if row == last - 1 else len(lines[row]),
        )


def _coloured(kind: int, text: str, after_dot: bool, marks: Mapping[str, Mark]) -> Content:
    if kind == tokenize.COMMENT:
        return element("span", text, class_="c")
    if kind == tokenize.STRING:
        return element("span", text, class_="s")
    if kind == tokenize.NUMBER:
        return element("span", text, class_="m")
    if kind != tokenize.NAME:
        return text
    if text in _KEYWORDS:
        return element("span", text, class_="k")
    if text in marks and not after_dot:
        mark = marks[text]
        return element("span", text, class_=f"v {mark.role}", data_name=mark.key)
    if text == "np" or after_dot or text in _BUILT_IN:
        return element("span", text, class_="f")
    return text

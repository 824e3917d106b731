"""HTML from Python values: what is text is escaped, what is markup already stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any


class Markup(str):
    """Text that is HTML already."""


Content = str | Markup | Iterable["Content"] | None
"""Text is escaped; None is nothing; anything iterable is joined."""

_VOID = frozenset(["br", "hr", "img", "input", "link", "meta"])


def html(content: Content) -> Markup:
    """Content as HTML."""
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(escape(content, quote=False))
    return Markup("".join(map(html, content)))


def element(name: str, content: Content = None, /, **attributes: Any) -> Markup:
    """An element.

    Args:
        name: Its tag.
        content: What it holds.
        **attributes: Its attributes; `class_` and `for_` lose their underscore at the end, others
            become hyphens. True is an attribute without a value, None and False are left out.
    """
    written = "".join(
        f" {_attribute_name(key)}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    start = f"<{name}{written}>"
    return Markup(start if name in _VOID else f"{start}{html(content)}</{name}>")


def _attribute_name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def data_script(identity: str, value: Any) -> Markup:
    """A script element that holds data as JSON, which no text in the data can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return element("script", Markup(text), type="application/json", id=identity)


def table(head: Iterable[Content], rows: Iterable[Iterable[Content]], **attributes: Any) -> Markup:
    """A table with a row of column heads; the first cell of each row is its head."""
    columns = element("tr", [element("th", cell, scope="col") for cell in head])
    body = [
        element(
            "tr",
            [
                element("td", cell) if i else element("th", cell, scope="row")
                for i, cell in enumerate(row)
            ],
        )
        for row in rows
    ]
    whole = element("table", [element("thead", columns), element("tbody", body)], **attributes)
    return element("div", whole, class_="scroll", tabindex="0")

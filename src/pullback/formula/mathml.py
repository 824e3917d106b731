"""Boxes -> presentation MathML, which browsers draw and screen readers speak.

A variable stands in an element with `data-var`, its name in the program, so that a page can
find every place where it occurs.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from . import boxes
from .boxes import Box

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
THIN_SPACE = '<mspace width="0.17em"></mspace>'
BAR_OVER_WORD = "border-top: 0.06em solid; padding-top: 0.1em"


def mathml(box: Box) -> str:
    """A box as one MathML element, without the `math` element around it."""
    return _PRINTERS[type(box)](box)


def _element(name: str, *children: str, **attributes: str) -> str:
    given = "".join(f' {key.replace("_", "-")}="{escape(v)}"' for key, v in attributes.items())
    return f"<{name}{given}>{''.join(children)}</{name}>"


def _text(name: str, text: str, **attributes: str) -> str:
    return _element(name, escape(text, quote=False), **attributes)


def _letters(box: boxes.Letters) -> str:
    if box.upright and len(box.text) == 1:
        return _text("mi", box.text, mathvariant="normal")
    return _text("mi", box.text)


def _sign(box: boxes.Sign) -> str:
    if not box.prefix:
        return _text("mo", box.text)
    if box.text == "−":
        return _text("mo", box.text, form="prefix")
    return _text("mo", box.text, lspace="0", rspace="0")


def _row(box: boxes.Row) -> str:
    children: list[str] = []
    for position, item in enumerate(box.items):
        signs = [isinstance(each, boxes.Sign) for each in box.items[max(position - 1, 0) :][:2]]
        if box.apart and position and not any(signs):
            children += [_text("mo", "\u2062"), THIN_SPACE]
        children.append(mathml(item))
    return _element("mrow", *children)


def _script(box: boxes.Script) -> str:
    base = mathml(box.base)
    if box.above is None:
        return base if box.below is None else _element("msub", base, mathml(box.below))
    if box.below is None:
        return _element("msup", base, mathml(box.above))
    return _element("msubsup", base, mathml(box.below), mathml(box.above))


def _barred(box: boxes.Barred) -> str:
    letters = box.base
    if isinstance(letters, boxes.Letters) and letters.upright:
        # No font has a bar that grows to the width of a word, so the word gets a border.
        return _element("mrow", mathml(letters), style=BAR_OVER_WORD)
    # As an accent some fonts would draw the bar through the letter.
    return _element("mover", mathml(letters), _text("mo", "¯"))


def _fence(box: boxes.Fence) -> str:
    left, right = _fence_mark(box.left, "prefix"), _fence_mark(box.right, "postfix")
    return _element("mrow", left, mathml(box.body), right)


def _fence_mark(mark: str, form: str) -> str:
    return _text("mo", mark, fence="true", form=form, lspace="0", rspace="0")


def _limits(box: boxes.Limits) -> str:
    large = box.sign in "∑∏"
    sign = _text("mo", box.sign) if large else _text("mi", box.sign)
    if box.above is None:
        return _element("munder", sign, mathml(box.below))
    return _element("munderover", sign, mathml(box.below), mathml(box.above))


def _choice(box: boxes.Choice) -> str:
    cells = [
        _element("mtr", _element("mtd", mathml(value)), _element("mtd", mathml(when)))
        for value, when in box.rows
    ]
    brace = _fence_mark("{", "prefix")
    return _element("mrow", brace, _element("mtable", *cells))


_PRINTERS: dict[type, Callable[[Any], str]] = {
    boxes.Letters: _letters,
    boxes.Digits: lambda box: _text("mn", box.text),
    boxes.Words: lambda box: _text("mtext", box.text),
    boxes.Sign: _sign,
    boxes.Comma: lambda box: _text("mo", ",", separator="true"),
    boxes.Row: _row,
    boxes.Script: _script,
    boxes.Barred: _barred,
    boxes.Over: lambda box: _element("mfrac", mathml(box.top), mathml(box.bottom)),
    boxes.Radical: lambda box: _element("msqrt", mathml(box.body)),
    boxes.Fence: _fence,
    boxes.Limits: _limits,
    boxes.Choice: _choice,
    boxes.Marked: lambda box: _element("mrow", mathml(box.box), data_var=box.key),
}

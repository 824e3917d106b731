"""Boxes -> one line of Unicode text, for terminals: ȳ = 2 (y_pred − y), W̄₂ = h_reluᵀ ȳ_pred."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from . import boxes
from .boxes import Box

_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_ABOVE = {**dict(zip("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", strict=True)), "⊤": "ᵀ"}
_MACRON, _OVERLINE = "\u0304", "\u0305"


def plain(box: Box) -> str:
    """A box as text. Lay formulas out with `one_line` first."""
    return _PRINTERS[type(box)](box)


def width(text: str) -> int:
    """How many columns a text takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return sum(not unicodedata.combining(c) for c in text) + wide


def _sign(box: boxes.Sign) -> str:
    text = box.text.replace("\u2061", "")
    return text if box.prefix else f" {text} "


def _row(box: boxes.Row) -> str:
    text = ""
    for item in box.items:
        piece = plain(item)
        gap = box.apart and text and not isinstance(item, boxes.Sign) and not text.endswith(" ")
        text += f" {piece}" if gap else piece
    return text


def _script(box: boxes.Script) -> str:
    text = plain(box.base)
    if box.below is not None:
        text += _below(box.below)
    if box.above is not None:
        text += _above(box.above)
    return text


def _below(box: Box) -> str:
    text = plain(box)
    if isinstance(box, boxes.Words):
        return _below_text(text)
    text = text.replace(" ", "")
    digits, comma, rest = text.partition(",")
    if digits.isdecimal():
        low = digits.translate(_BELOW)
        apart = "," if comma and rest.isdecimal() else ""
        return low + apart + (_below_text(rest) if comma else "")
    return _below_text(text)


def _below_text(text: str) -> str:
    if text.isdecimal():
        return text.translate(_BELOW)
    return f"_{text}" if text.isalnum() else f"_{{{text}}}"


def _above(box: Box) -> str:
    text = plain(box)
    if all(c in _ABOVE for c in text):
        return "".join(_ABOVE[c] for c in text)
    return f"^{text}" if text.isalnum() or text[:1] == "⊙" else f"^({text})"


def _barred(box: boxes.Barred) -> str:
    letters = plain(box.base)
    mark = _MACRON if len(letters) == 1 else _OVERLINE
    return unicodedata.normalize("NFC", "".join(c + mark for c in letters))


def _limits(box: boxes.Limits) -> str:
    below = plain(box.below).replace(" ", "")
    return f"{box.sign}_{{{below}{'' if box.above is None else f'..{plain(box.above)}'}}}"


def _choice(box: boxes.Choice) -> str:
    return f"{{{'; '.join(f'{plain(value)} {plain(when)}' for value, when in box.rows)}}}"


_PRINTERS: dict[type, Callable[[Any], str]] = {
    boxes.Letters: lambda box: box.text,
    boxes.Digits: lambda box: box.text,
    boxes.Words: lambda box: box.text,
    boxes.Sign: _sign,
    boxes.Comma: lambda box: ", ",
    boxes.Row: _row,
    boxes.Script: _script,
    boxes.Barred: _barred,
    boxes.Over: lambda box: f"({plain(box.top)})/({plain(box.bottom)})",
    boxes.Radical: lambda box: f"√({plain(box.body)})",
    boxes.Fence: lambda box: f"{box.left}{plain(box.body).strip()}{box.right}",
    boxes.Limits: _limits,
    boxes.Choice: _choice,
    boxes.Marked: lambda box: plain(box.box),
}

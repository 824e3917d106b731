"""Boxes -> LaTeX, as AMS-LaTeX, MathJax and KaTeX read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import boxes
from .boxes import Box
from .names import GREEK

SIGNS = {
    "−": "-",
    "⊙": r"\odot",
    "⊗": r"\otimes",
    "⊤": r"\top",
    "∈": r"\in",
    "≥": r"\geq",
    "≤": r"\leq",
    "≠": r"\neq",
    "×": r"\times",
    "·": r"\cdot",
    "∧": r"\wedge",
    "∨": r"\vee",
    "⊕": r"\oplus",
    "¬": r"\neg",
    "⇒": r"\Rightarrow",
    "←": r"\leftarrow",
    "∂": r"\partial",
    "\u2061": "",
}
LARGE = {"∑": r"\sum", "∏": r"\prod", "max": r"\max", "min": r"\min"}
LARGE |= {"argmax": r"\arg\max", "argmin": r"\arg\min"}
FUNCTIONS = {"exp", "log", "sin", "cos", "tanh", "max", "min"}
"""Names that LaTeX has a command for."""

_COMMANDS = {letter: "\\" + name.strip("_") for name, letter in GREEK.items()}
_COMMANDS["∞"] = r"\infty"
_SPECIAL = {c: "\\" + c for c in "#$%&_{}"} | {"\\": r"\backslash ", "^": r"\hat{}", "~": r"\sim "}


def latex(box: Box) -> str:
    """A box as LaTeX, for use within mathematics."""
    return _PRINTERS[type(box)](box)


def _letters(box: boxes.Letters) -> str:
    if box.text in _COMMANDS:
        return _COMMANDS[box.text]
    if box.upright and box.text in FUNCTIONS:
        return "\\" + box.text
    if not box.text.isascii() and len(box.text) > 1:
        return _words(boxes.Words(box.text))
    text = "".join(_SPECIAL.get(c, c) for c in box.text)
    return rf"\mathrm{{{text}}}" if box.upright else text


def _digits(box: boxes.Digits) -> str:
    return box.text.replace("−", "-").replace("∞", r"\infty")


def _words(box: boxes.Words) -> str:
    return rf"\text{{{''.join(_SPECIAL.get(c, c) for c in box.text)}}}"


def _sign(box: boxes.Sign) -> str:
    text = SIGNS.get(box.text, box.text)
    if not text:
        return ""
    return f"{text} " if box.prefix and text.startswith("\\") else text


def _row(box: boxes.Row) -> str:
    text = ""
    for item in box.items:
        piece = latex(item)
        spaced = isinstance(item, boxes.Sign) and not item.prefix
        if box.apart and text and not spaced and not text.endswith(" "):
            text += r"\,"
        text += f" {piece} " if spaced else piece
    return text


def _script(box: boxes.Script) -> str:
    below = f"_{_group(box.below)}" if box.below is not None else ""
    above = f"^{_group(box.above)}" if box.above is not None else ""
    return latex(box.base) + below + above


def _group(box: Box) -> str:
    text = latex(box).strip()
    single = len(text) == 1 or (text.startswith("\\") and text[1:].isalpha())
    return text if single else f"{{{text}}}"


def _barred(box: boxes.Barred) -> str:
    letters = box.base
    wide = isinstance(letters, boxes.Letters) and letters.upright
    return rf"\{'overline' if wide else 'bar'}{{{latex(letters)}}}"


def _fence(box: boxes.Fence) -> str:
    marks = {"‖": r"\|", "{": r"\{", "}": r"\}"}
    left, right = marks.get(box.left, box.left), marks.get(box.right, box.right)
    body = latex(box.body).strip()
    if any(tall in body for tall in (r"\frac", r"\sum", r"\prod", r"\begin", r"\sqrt")):
        return rf"\left{left} {body} \right{right}"
    return f"{left}{' ' if left[0] == chr(92) else ''}{body}{right}"


def _limits(box: boxes.Limits) -> str:
    above = f"^{_group(box.above)}" if box.above is not None else ""
    sign = LARGE.get(box.sign, rf"\mathop{{\mathrm{{{box.sign}}}}}")
    return f"{sign}_{_group(box.below)}{above}"


def _choice(box: boxes.Choice) -> str:
    rows = r" \\ ".join(f"{latex(value)} & {latex(when)}" for value, when in box.rows)
    return rf"\begin{{cases}} {rows} \end{{cases}}"


_PRINTERS: dict[type, Callable[[Any], str]] = {
    boxes.Letters: _letters,
    boxes.Digits: _digits,
    boxes.Words: _words,
    boxes.Sign: _sign,
    boxes.Comma: lambda box: ", ",
    boxes.Row: _row,
    boxes.Script: _script,
    boxes.Barred: _barred,
    boxes.Over: lambda box: rf"\frac{{{latex(box.top)}}}{{{latex(box.bottom)}}}",
    boxes.Radical: lambda box: rf"\sqrt{{{latex(box.body)}}}",
    boxes.Fence: _fence,
    boxes.Limits: _limits,
    boxes.Choice: _choice,
    boxes.Marked: lambda box: latex(box.box),
}

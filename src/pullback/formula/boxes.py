"""What a laid out formula is made of: the few shapes that every printer can draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Box:
    """Something that can be drawn."""


@dataclass(frozen=True)
class Letters(Box):
    """A name: one letter slanted, several (or `upright`) not."""

    text: str
    upright: bool = False


@dataclass(frozen=True)
class Digits(Box):
    """A number."""

    text: str


@dataclass(frozen=True)
class Words(Box):
    """Text within a formula: "where", "otherwise"."""

    text: str


@dataclass(frozen=True)
class Sign(Box):
    """An operator or relation, with space around it unless it stands in front of its operand."""

    text: str
    prefix: bool = False


@dataclass(frozen=True)
class Comma(Box):
    """Between the arguments of a function."""


@dataclass(frozen=True)
class Row(Box):
    """Boxes side by side; `apart` stands for a product that is not written."""

    items: tuple[Box, ...]
    apart: bool = False


@dataclass(frozen=True)
class Script(Box):
    """A base with something below and above to its right."""

    base: Box
    below: Box | None = None
    above: Box | None = None


@dataclass(frozen=True)
class Barred(Box):
    """A name with a bar: the error signal of the value of that name."""

    base: Box


@dataclass(frozen=True)
class Over(Box):
    """A fraction; printers that write one line find it as a row with a slash instead."""

    top: Box
    bottom: Box


@dataclass(frozen=True)
class Radical(Box):
    """The square root of a body."""

    body: Box


@dataclass(frozen=True)
class Fence(Box):
    """A body between two marks of its height."""

    left: str
    body: Box
    right: str


@dataclass(frozen=True)
class Limits(Box):
    """A large operator with its index below and its end above."""

    sign: str
    below: Box
    above: Box | None = None


@dataclass(frozen=True)
class Choice(Box):
    """Values with the condition of each, one below the other."""

    rows: tuple[tuple[Box, Box], ...]


@dataclass(frozen=True)
class Marked(Box):
    """A box that stands for the variable of a program."""

    box: Box
    key: str


class Laid(NamedTuple):
    """A box and how tightly it holds together, see `levels`."""

    box: Box
    level: int


BARE, SUM, OPEN, HADAMARD, RATIO, PRODUCT, SCRIPT, ATOM = range(8)
"""How tightly things hold together, loosest first. What stands after a large operator is OPEN
to the right; a RATIO is a fraction within one line."""


def within(laid: Laid, level: int) -> Box:
    """The box, in parentheses when it holds together less tightly than its surroundings."""
    return laid.box if laid.level >= level else Fence("(", laid.box, ")")

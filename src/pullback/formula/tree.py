"""Formulas as trees: what an equation says, before it is printed anywhere.

A node knows its shape and its parts, so that an index can be pushed down to the letters and a
tree can be evaluated. Values broadcast against each other as NumPy's arrays do; how a node
looks (parentheses, bars, fractions) is decided in `layout`, once for all printers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..dims import Dimension, Shape


@dataclass(frozen=True, eq=False)
class Formula:
    """A node: the shape of its value, and the formulas it is made of."""

    shape: Shape
    parts: tuple[Formula, ...] = ()

    @property
    def rank(self) -> int:
        """Number of axes of its value."""
        return len(self.shape)

    def walk(self) -> Iterator[Formula]:
        """It and everything in it, outermost first."""
        yield self
        for part in self.parts:
            yield from part.walk()


class Elementwise(Formula):
    """Entry by entry, its parts broadcast against each other."""


@dataclass(frozen=True, eq=False)
class Symbol(Formula):
    """A variable: the name of a value, with a bar when it is the error signal of that value.

    `key` is the variable's name in its program, by which pages find it; `word` says that nobody
    chose the name as a letter with subscripts, so that it is set as one word.
    """

    name: str = ""
    bar: bool = False
    key: str = ""
    word: bool = False


@dataclass(frozen=True, eq=False)
class Number(Formula):
    """A constant: a Python or NumPy number."""

    value: Any = 0


@dataclass(frozen=True, eq=False)
class Size(Formula):
    """The length of an axis, or a sum or product of lengths: N, N D, N - 1."""

    dim: Dimension = 1


class Ones(Formula):
    """An array of ones."""


class Zeros(Formula):
    """An array of zeros."""


class Add(Elementwise):
    """left + right."""


class Subtract(Elementwise):
    """left - right."""


class Negative(Elementwise):
    """-x."""


class Times(Elementwise):
    """left times right, entry by entry."""


class Quotient(Elementwise):
    """left over right, entry by entry."""


class Power(Elementwise):
    """base to the exponent, entry by entry."""


class Root(Elementwise):
    """The square root of x, entry by entry."""


class Absolute(Elementwise):
    """|x|, entry by entry."""


@dataclass(frozen=True, eq=False)
class Relation(Elementwise):
    """A comparison, a number too: 1 where it holds, 0 elsewhere (Iverson's bracket)."""

    sign: str = "="


@dataclass(frozen=True, eq=False)
class Junction(Elementwise):
    """Two conditions joined: and, or, exclusive or."""

    sign: str = "∧"


class Not(Elementwise):
    """A condition denied."""


class Cases(Elementwise):
    """Its parts are a condition, the value where it holds, the value elsewhere."""


@dataclass(frozen=True, eq=False)
class Function(Formula):
    """A named function, set upright, of its parts.

    `subscript` is text that belongs to the name (an axis, a shape); `primitive` and `params` say
    what is computed, of the transposes of the parts and transposed back if `columns`.
    """

    name: str = ""
    subscript: str = ""
    primitive: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    columns: bool = False


class Entrywise(Elementwise, Function):
    """A named function of numbers, applied to each entry."""


class Matmul(Formula):
    """The matrix product of two parts."""


class Outer(Formula):
    """The products of each entry of a vector with each entry of another."""


class Transpose(Formula):
    """A matrix with rows and columns exchanged."""


class Norm(Formula):
    """The length of a vector, or of all entries of an array as one vector."""


@dataclass(frozen=True, eq=False)
class Index:
    """A running index over an axis of length `dim`; its letter is chosen when it is printed."""

    dim: Dimension


@dataclass(frozen=True)
class First:
    """The only place of an axis of length 1; it is not written."""


Subscript = Index | First | None
"""None stands for a whole axis."""


@dataclass(frozen=True, eq=False)
class Indexed(Formula):
    """Part of an array: one subscript per axis."""

    subscripts: tuple[Subscript, ...] = ()


@dataclass(frozen=True, eq=False)
class Over(Formula):
    """A sum, product, maximum or minimum of a formula over running indices."""

    sign: str = "∑"
    indices: tuple[Index, ...] = ()


@dataclass(frozen=True, eq=False)
class Entries(Formula):
    """x[...]: `items` are texts (1, :-1) or the positions of parts that are integer arrays."""

    items: tuple[str | int, ...] = ()
    primitive: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Silent(Formula):
    """A value laid out otherwise, which is not written: axes of length 1 added or taken away.

    `axes` are the added ones (of the result) or, when `added` is False, the ones taken away
    (of the part).
    """

    axes: tuple[int, ...] = ()
    added: bool = True

"""What a program is lowered to: statements over loop axes, matrix products, and serial loops."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...avals import Dtype
from .axes import Axis


@dataclass(eq=False)
class Value:
    """An array of the loop program; axes of length 1 are left out.

    Attributes:
        name: Its name in the source.
        dtype: Of its entries.
        axes: What it is indexed by.
        same_memory: The value whose entries these are, in another shape.
    """

    name: str
    dtype: Dtype
    axes: tuple[Axis, ...]
    same_memory: Value | None = None

    @property
    def roots(self) -> tuple[Axis, ...]:
        """Its axes, each as the one that stands for all equal ones."""
        return tuple(axis.root for axis in self.axes)

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Number:
    """A number that is the same for all entries: source text over settings and sizes."""

    text: str
    dtype: Dtype
    weak: bool


@dataclass(frozen=True)
class Place:
    """Where a value is read along one of its axes: start + step * (loop number `loop`).

    Without a loop it is read at start. Where `gathered` is set the place is looked up in an
    integer array (and counted from the end if it is below 0). A part begins at the first entry
    and may end before the last.
    """

    loop: int | None
    start: str = "0"
    step: int = 1
    gathered: Read | None = None
    part: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it runs along the axis from the first entry to the last."""
        return self.loop is not None and not self.part and (self.start, self.step) == ("0", 1)


@dataclass(frozen=True)
class Read:
    """An entry of a value, by the places of the loops."""

    value: Value
    places: tuple[Place, ...]

    @property
    def values(self) -> list[Value]:
        """The value and the arrays that its places are looked up in."""
        inner = [place.gathered for place in self.places if place.gathered is not None]
        return [self.value, *(value for read in inner for value in read.values)]


CHEAP, COSTLY, LONG = range(3)
"""What it takes to compute an entry."""


@dataclass(eq=False)
class Statement:
    """out[...] = expression over the loops, or a reduction of it over some of them.

    Attributes:
        out: What it gives.
        loops: The axes that it runs over, outermost first.
        kept: Which of the loops index `out`, in the order of its axes.
        expression: Source with {0}, {1}, ... for the operands, {i0}, {i1}, ... for the loops.
        operands: Entries of values, and numbers.
        reduction: "sum", "prod", "max", "min", "any", "all", "argmax", "argmin"; else empty.
        cost: CHEAP, COSTLY to compute again rather than read, or LONG: exp, log and the like.
    """

    out: Value
    loops: tuple[Axis, ...]
    kept: tuple[int, ...]
    expression: str
    operands: tuple[Read | Number, ...]
    reduction: str = ""
    cost: int = CHEAP

    @property
    def outer(self) -> Axis | None:
        """The outermost loop, along which the work is cut."""
        return self.loops[0].root if self.loops else None

    @property
    def reduces_outer(self) -> bool:
        """Whether it sums over the outermost loop."""
        return bool(self.loops) and 0 not in self.kept

    @property
    def reads(self) -> list[Read]:
        """The operands that are entries of values."""
        return [operand for operand in self.operands if isinstance(operand, Read)]

    @property
    def inputs(self) -> list[Value]:
        """The values that it reads."""
        return [value for read in self.reads for value in read.values]

    @property
    def is_of_a_turn(self) -> bool:
        """Whether it gives one number for each turn of the outermost loop."""
        return self.loops[1:] == () or self.kept == (0,)

    @property
    def is_plain(self) -> bool:
        """Whether out has an entry for each turn of the loops, in their order."""
        return not self.reduction and self.kept == tuple(range(len(self.loops)))


@dataclass(eq=False)
class Product:
    """out = left @ right, two matrices, each perhaps transposed.

    Attributes:
        out: (rows, columns).
        left: (rows, inner), or (inner, rows) where `left_transposed`.
        right: (inner, columns), or (columns, inner) where `right_transposed`.
        summed: Whether private parts are summed over pieces of the inner axis, which is then
            what the work is cut along.
    """

    out: Value
    left: Value
    right: Value
    left_transposed: bool
    right_transposed: bool
    inner: Axis
    summed: bool = False
    shapes: tuple[tuple[Axis | None, Axis | None], ...] = field(default=())

    @property
    def outer(self) -> Axis | None:
        """What the work is cut along: the rows of the result, or the inner axis if `summed`."""
        rows = self.shapes[2][0]
        if self.summed:
            return self.inner.root
        return None if rows is None else rows.root

    @property
    def reduces_outer(self) -> bool:
        """Whether it sums over what the work is cut along."""
        return self.summed

    @property
    def inputs(self) -> list[Value]:
        """The two factors."""
        return [self.left, self.right]


@dataclass(eq=False)
class Serial:
    """Loops that one thread runs in order: sums along the way, entries added where named.

    Attributes:
        out: What it gives.
        lines: Source, with {out}, {0}, {1} ... for the arrays.
        operands: The arrays, all whole.
    """

    out: Value
    lines: tuple[str, ...]
    operands: tuple[Value, ...]
    outer = None
    reduces_outer = False

    @property
    def inputs(self) -> list[Value]:
        """The arrays that it reads."""
        return list(self.operands)


Item = Statement | Product | Serial


def code_of(dtype: Dtype) -> str:
    """The name of a dtype in the source: f4, f8, i8, b1."""
    return f"{np.dtype(dtype).kind}{np.dtype(dtype).itemsize}"

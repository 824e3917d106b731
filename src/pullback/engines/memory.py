"""Where the values of a program lie: values that are not needed at the same time share a place.

Pure planning, without arrays: each value says how large it is and from which to which instruction
it is needed; the plan gives each a place in one block of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import UsageError

ALIGNMENT = 64
"""Bytes of a cache line, where every value begins."""


@dataclass(frozen=True)
class Lifetime:
    """One value, from the instruction that writes it to the last one that reads it.

    Attributes:
        name: What the table calls it.
        entries: How many numbers it has, at least 0.
        first: The number of the instruction that writes it.
        last: The number of the last instruction that reads it; both may be the same one.
    """

    name: str
    entries: int
    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Whether both are needed during some instruction."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """A place for every value.

    Attributes:
        lifetimes: The values.
        offsets: Where each begins, in entries from the start of the block.
        total: Entries of the block.
        peak: The most entries that are needed during one instruction; no plan takes fewer.
        itemsize: Bytes of an entry.
    """

    lifetimes: tuple[Lifetime, ...]
    offsets: tuple[int, ...]
    total: int
    peak: int
    itemsize: int

    @property
    def bytes(self) -> int:
        """The size of the block."""
        return self.total * self.itemsize

    @property
    def apart(self) -> int:
        """The bytes that the values would take if each had a place of its own."""
        step = _step(self.itemsize)
        return sum(_rounded(life.entries, step) for life in self.lifetimes) * self.itemsize

    def __str__(self) -> str:
        heads = ("value", "bytes", "from", "to", "place")
        rows = [heads, *(tuple(map(str, row)) for row in self._rows())]
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0])]
                + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            )
            for row in rows
        ]
        most, alone = self.peak * self.itemsize, self.apart
        told = f"{self.bytes} bytes; {most} are needed at once, {alone} without sharing"
        return "\n".join([*lines, told])

    def _rows(self) -> Iterator[tuple[str, int, int, int, int]]:
        for life, offset in zip(self.lifetimes, self.offsets, strict=True):
            size = life.entries * self.itemsize
            yield life.name, size, life.first, life.last, offset * self.itemsize


def plan(lifetimes: Sequence[Lifetime], itemsize: int = 1) -> Plan:
    """Give every value a place such that no two that are needed at once overlap.

    The largest values are placed first, each into the smallest gap that holds it among those
    it meets. Orders by size, by size times duration and by begin are tried; the smallest block
    wins, the first of equals. The plan depends on its arguments alone.

    Args:
        lifetimes: The values, of one dtype; with itemsize 1 entries are bytes, of any dtype.
        itemsize: Bytes of an entry: 1, 2, 4, 8 ... 64.

    Returns:
        A plan whose offsets are multiples of 64 bytes; `print(plan)` shows it as a table.

    Raises:
        UsageError: When a value ends before it begins or has fewer than 0 entries, or itemsize
            does not divide 64.

    Example:
        >>> from pullback.engines.memory import Lifetime, plan
        >>> values = [Lifetime(name, 16, i, i + 1) for i, name in enumerate("zhy")]
        >>> print(plan(values, itemsize=4))
        value  bytes  from  to  place
        z         64     0   1      0
        h         64     1   2     64
        y         64     2   3      0
        128 bytes; 128 are needed at once, 192 without sharing

    Source: Y. Pisarchyk and J. Lee, Efficient memory management for deep neural net inference
    (2020), greedy by size.
    """
    step = _step(itemsize)
    for life in lifetimes:
        if life.entries < 0 or life.last < life.first:
            raise UsageError(
                f"{life.name}: {life.entries} entries from instruction {life.first} to {life.last} "
                "are no lifetime; it has at least 0 entries and ends no earlier than it begins."
            )
    sizes = [_rounded(life.entries, step) for life in lifetimes]
    orders: list[Callable[[int], tuple[int, ...]]] = [
        lambda i: (-sizes[i], lifetimes[i].first, i),
        lambda i: (-sizes[i] * (lifetimes[i].last - lifetimes[i].first + 1), i),
        lambda i: (lifetimes[i].first, -sizes[i], i),
    ]
    tries = [
        _placed(lifetimes, sizes, sorted(range(len(lifetimes)), key=order)) for order in orders
    ]
    offsets, total = min(tries, key=lambda found: found[1])
    return Plan(tuple(lifetimes), tuple(offsets), total, _peak(lifetimes), itemsize)


def _placed(
    lifetimes: Sequence[Lifetime], sizes: Sequence[int], order: Sequence[int]
) -> tuple[list[int], int]:
    """Offsets for values placed one after the other, and where the last of them ends."""
    offsets = [0] * len(lifetimes)
    done: list[int] = []  # by offset
    for i in order:
        if not sizes[i]:
            continue
        best, room, end = -1, -1, 0
        for j in done:
            if not lifetimes[i].meets(lifetimes[j]):
                continue
            gap = offsets[j] - end
            if gap >= sizes[i] and (best < 0 or gap < room):
                best, room = end, gap
            end = max(end, offsets[j] + sizes[j])
        offsets[i] = end if best < 0 else best
        done.append(i)
        done.sort(key=lambda j: offsets[j])
    return offsets, max((offsets[i] + sizes[i] for i in done), default=0)


def _peak(lifetimes: Sequence[Lifetime]) -> int:
    begins = {life.first for life in lifetimes}
    return max(
        (sum(life.entries for life in lifetimes if life.first <= at <= life.last) for at in begins),
        default=0,
    )


def _step(itemsize: int) -> int:
    """Entries between two places where a value may begin."""
    if itemsize < 1 or ALIGNMENT % itemsize:
        raise UsageError(f"itemsize={itemsize!r}: it must divide {ALIGNMENT}.")
    return ALIGNMENT // itemsize


def _rounded(entries: int, step: int) -> int:
    return -(-entries // step) * step

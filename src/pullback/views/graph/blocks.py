"""What the layout works on: blocks with entries, links between them, and stations in rows.

The layout knows one direction, along which links run, and the one across it. Whether "along" is
left to right or top down is decided by whoever draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Block:
    """A thing to be placed.

    Its links leave at its end, on its axis. All extents are in pixels.

    Attributes:
        key: Its name; links say it.
        length: Its extent along the direction.
        before: Its extent across, on the side of smaller coordinates of its axis.
        after: Its extent across on the other side.
        entries: Where links enter, as distances from its axis, ascending.
        late: Whether it stands at the end of its row rather than at the start.
    """

    key: str
    length: float
    before: float
    after: float
    entries: tuple[float, ...] = ()
    late: bool = False


@dataclass(frozen=True)
class Link:
    """A link from a block's end to an entry of another block."""

    source: str
    target: str
    entry: int


@dataclass(eq=False)
class Station:
    """A block in its row, or a place where a long link passes through a row.

    Attributes:
        row: The number of its row.
        source: The key of the block whose link this is; for a block its own.
        before: Its extent across, before its axis.
        after: Its extent across, after its axis.
        block: The block; None for a passage.
        incoming: Edges from the row before.
        outgoing: Edges to the row after.
    """

    row: int
    source: str
    before: float
    after: float
    block: Block | None = None
    incoming: list[Edge] = field(default_factory=list)
    outgoing: list[Edge] = field(default_factory=list)


@dataclass(eq=False)
class Edge:
    """A piece of one or more links, between stations of neighbouring rows.

    Attributes:
        upper: Where it starts.
        lower: Where it ends.
        entry: The number of the entry of `lower`; 0 for a passage.
        offset: Where it ends, as a distance from the axis of `lower`.
    """

    upper: Station
    lower: Station
    entry: int = 0
    offset: float = 0.0


PASSAGE = 6.0
"""How far the two strokes of a link reach to either side of it."""


def stations_of(
    blocks: Sequence[Block], links: Sequence[Link], ranks: dict[str, int]
) -> list[list[Station]]:
    """The rows of stations: long links get a passage in each row between.

    Links of one source share their passages as long as they run together.
    """
    rows: list[list[Station]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    placed: dict[str, Station] = {}
    for block in blocks:
        row = ranks[block.key]
        placed[block.key] = Station(row, block.key, block.before, block.after, block)
        rows[row].append(placed[block.key])
    passages: dict[tuple[str, int], Station] = {}
    for link in links:
        above, target = placed[link.source], placed[link.target]
        for row in range(above.row + 1, target.row):
            passage = passages.get((link.source, row))
            if passage is None:
                passage = Station(row, link.source, PASSAGE, PASSAGE)
                passages[link.source, row] = passage
                rows[row].append(passage)
                _connect(above, passage)
            above = passage
        assert target.block is not None
        _connect(above, target, link.entry, target.block.entries[link.entry])
    return rows


def _connect(upper: Station, lower: Station, entry: int = 0, offset: float = 0.0) -> None:
    edge = Edge(upper, lower, entry, offset)
    upper.outgoing.append(edge)
    lower.incoming.append(edge)

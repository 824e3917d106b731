"""Layered layout: blocks and links -> where each block stands and how each link runs.

Rows by longest paths, passages for long links, few crossings, straight links (the four steps of
Sugiyama, Tagawa and Toda, 1981). Links bend only between rows, where no block stands, so none
runs through a block that is not its own. The result depends on nothing but the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .blocks import Block, Edge, Link, Station, stations_of
from .coordinates import coordinates
from .ordering import order_rows
from .ranking import ranks_of

NARROWEST, WIDEST = 24.0, 110.0
"""Bounds of the room between two rows, in pixels."""

STEEPEST = 0.3
"""The room between rows, as a share of the way across of the widest curve in it."""


@dataclass(frozen=True)
class Place:
    """Where a block stands: its start along the direction, its axis across it."""

    along: float
    across: float


@dataclass(frozen=True)
class Stretch:
    """A piece of a link: straight to `bend`, a smooth curve to `straight`, straight to the end.

    Points are (along, across).

    Attributes:
        source: The block that the link comes from.
        target: The block that the piece enters; None where it enters a passage.
        entry: The entry of the target.
        leaves: Whether it starts at the source itself, not at a passage.
        serves: The ends (target, entry) of all links that run through it.
    """

    source: str
    start: tuple[float, float]
    bend: tuple[float, float]
    straight: tuple[float, float]
    end: tuple[float, float]
    target: str | None
    entry: int
    leaves: bool
    serves: frozenset[tuple[str, int]]


@dataclass(frozen=True)
class Layout:
    """A placed graph.

    Attributes:
        places: Where each block stands.
        stretches: The pieces of all links.
        forks: Points where a link splits, with the key of its source.
        length: Its extent along the direction.
        breadth: Its extent across.
    """

    places: Mapping[str, Place]
    stretches: tuple[Stretch, ...]
    forks: tuple[tuple[str, tuple[float, float]], ...]
    length: float
    breadth: float


def lay_out(blocks: Sequence[Block], links: Sequence[Link]) -> Layout:
    """Place blocks and route links.

    Args:
        blocks: In an order in which every link points forwards.
        links: From the end of a block to an entry of another one.

    Returns:
        Coordinates in pixels, from 0.
    """
    rows = order_rows(stations_of(blocks, links, ranks_of(blocks, links)))
    across = coordinates(rows)
    bands = _bands(rows, across)
    places = {
        station.source: Place(_start(station.block, bands[station.row]), across[id(station)])
        for row in rows
        for station in row
        if station.block is not None
    }
    stations = [station for row in rows for station in row]
    return Layout(
        places=places,
        stretches=tuple(
            _stretch(edge, across, bands) for station in stations for edge in station.outgoing
        ),
        forks=tuple(
            (station.source, (bands[station.row][1], across[id(station)]))
            for station in stations
            if len(station.outgoing) > 1
        ),
        length=bands[-1][1] if bands else 0.0,
        breadth=max((across[id(s)] + s.after for s in stations), default=0.0),
    )


Band = tuple[float, float]


def _bands(rows: Sequence[Sequence[Station]], across: Mapping[int, float]) -> list[Band]:
    """Where each row starts and ends along the direction."""
    bands: list[Band] = []
    start = 0.0
    for row in rows:
        length = max((s.block.length for s in row if s.block is not None), default=0.0)
        bands.append((start, start + length))
        edges = [edge for station in row for edge in station.outgoing]
        widest = max((abs(_across_end(e, across) - across[id(e.upper)]) for e in edges), default=0)
        start += length + min(max(NARROWEST, STEEPEST * widest), WIDEST)
    return bands


def _start(block: Block, band: Band) -> float:
    return band[1] - block.length if block.late else band[0]


def _across_end(edge: Edge, across: Mapping[int, float]) -> float:
    return across[id(edge.lower)] + edge.offset


def _stretch(edge: Edge, across: Mapping[int, float], bands: Sequence[Band]) -> Stretch:
    upper, lower = edge.upper, edge.lower
    above, below = bands[upper.row], bands[lower.row]
    here, there = across[id(upper)], _across_end(edge, across)
    start = above[0] if upper.block is None else _start(upper.block, above) + upper.block.length
    end = below[0] if lower.block is None else _start(lower.block, below)
    return Stretch(
        source=upper.source,
        start=(start, here),
        bend=(above[1], here),
        straight=(below[0], there),
        end=(end, there),
        target=None if lower.block is None else lower.block.key,
        entry=edge.entry,
        leaves=upper.block is not None,
        serves=frozenset(_ends(edge)),
    )


def _ends(edge: Edge) -> Iterator[tuple[str, int]]:
    """The ends of the links that run through an edge."""
    if edge.lower.block is not None:
        yield edge.lower.block.key, edge.entry
        return
    for further in edge.lower.outgoing:
        yield from _ends(further)

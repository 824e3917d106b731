"""The order of stations within their rows: few crossings of links.

Barycentre sweeps with exchanges of neighbours, a fixed number of times, so that the same graph
is always drawn in the same way.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

from .blocks import Edge, Station

SWEEPS = 12
SPREAD = 0.8
"""How much of a station's place its entries take up, in units of one place in the row."""

Rows = list[list[Station]]


def order_rows(rows: Rows) -> Rows:
    """The rows, each in the best order that was found."""
    best = [list(row) for row in rows]
    fewest = crossings(best)
    current = [list(row) for row in rows]
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        for row in range(len(rows)) if downwards else reversed(range(len(rows))):
            current[row] = _by_barycentre(current, row, downwards)
        _exchange_neighbours(current)
        found = crossings(current)
        if found < fewest:
            best, fewest = [list(row) for row in current], found
    return best


def crossings(rows: Rows) -> int:
    """How many pairs of links cross."""
    count = 0
    for upper, lower in pairwise(rows):
        above, below = _places(upper), _places(lower)
        ends = sorted(
            (above[id(edge.upper)], _end(edge, below))
            for station in upper
            for edge in station.outgoing
        )
        seen: list[float] = []
        for _, end in ends:
            count += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return count


def _places(row: Sequence[Station]) -> dict[int, int]:
    return {id(station): place for place, station in enumerate(row)}


def _end(edge: Edge, places: dict[int, int]) -> float:
    """Where an edge ends in its row: the place of the station, moved by that of the entry."""
    place = float(places[id(edge.lower)])
    block = edge.lower.block
    if block is None or len(block.entries) < 2:
        return place
    return place + SPREAD * ((edge.entry + 0.5) / len(block.entries) - 0.5)


def _by_barycentre(rows: Rows, row: int, downwards: bool) -> list[Station]:
    """A row sorted by the mean place of neighbours; stations without any stay where they are."""
    stations = rows[row]
    own = _places(stations)
    beside = row - 1 if downwards else row + 1
    if not 0 <= beside < len(rows):
        return stations
    places = _places(rows[beside])
    wanted: dict[int, float] = {}
    for station in stations:
        if downwards:
            ends = [float(places[id(edge.upper)]) for edge in station.incoming]
        else:
            ends = [_end(edge, places) for edge in station.outgoing]
        if ends:
            wanted[id(station)] = sum(ends) / len(ends)
    movable = [station for station in stations if id(station) in wanted]
    ordered = iter(sorted(movable, key=lambda s: (wanted[id(s)], own[id(s)])))
    return [next(ordered) if id(station) in wanted else station for station in stations]


def _exchange_neighbours(rows: Rows) -> None:
    """Exchange neighbours as long as that takes away crossings."""
    for number, row in enumerate(rows):
        above = _places(rows[number - 1]) if number else {}
        below = _places(rows[number + 1]) if number + 1 < len(rows) else {}
        improved = True
        while improved:
            improved = False
            for place in range(len(row) - 1):
                left, right = row[place], row[place + 1]
                if _between(right, left, above, below) < _between(left, right, above, below):
                    row[place], row[place + 1] = right, left
                    improved = True


def _between(left: Station, right: Station, above: dict[int, int], below: dict[int, int]) -> int:
    """How many links of two neighbours cross when `left` stands before `right`."""
    ins = [[above[id(e.upper)] for e in s.incoming] for s in (left, right)]
    outs = [[_end(e, below) for e in s.outgoing] for s in (left, right)]
    count = sum(a > b for a in ins[0] for b in ins[1])
    return count + sum(a > b for a in outs[0] for b in outs[1])

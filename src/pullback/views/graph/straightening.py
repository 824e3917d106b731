"""Edges that are straight but for a few pixels, made straight.

Stations joined by such edges form a group with a shape of its own; each group takes its shape at
the place in the middle of where its stations stand, large groups first, and what stands in the way
moves aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .blocks import Station
from .spacing import offsets_of, spaced

CROOKED = 24.0
"""Edges whose ends lie apart by less are made straight."""

FIRM = 1e6
"""The weight of a station that has its place, against 1 for one that makes room."""

Rows = Sequence[Sequence[Station]]


def straightened(rows: Rows, across: dict[int, float]) -> tuple[dict[int, float], set[int]]:
    """The coordinates of stations (by id), and which of them stand in straight groups."""
    found = dict(across)
    firm: set[int] = set()
    row_of = {id(station): row for row in rows for station in row}
    for group in _groups(rows, found):
        touched = list({id(row_of[member]): row_of[member] for member in group}.values())
        base = median(found[member] - offset for member, offset in group.items())
        low, high = _free_room(group, touched, found, firm)
        if low <= high:
            base = min(max(base, low), high)
        for member, offset in group.items():
            found[member] = base + offset
        firm.update(group)
        for row in touched:
            _make_room(row, found, firm)
    return found, firm


def _free_room(
    group: dict[int, float], rows: Rows, across: dict[int, float], firm: set[int]
) -> tuple[float, float]:
    """How far a group may move to either side before it meets stations that have their place."""
    low, high = float("-inf"), float("inf")
    for row in rows:
        packed = list(zip(map(id, row), offsets_of(row), strict=True))
        for member, place in packed:
            if member not in group:
                continue
            for other, where in packed:
                if other in firm:
                    limit = across[other] + place - where - group[member]
                    low = max(low, limit) if where < place else low
                    high = min(high, limit) if where > place else high
    return low, high


def _make_room(row: Sequence[Station], across: dict[int, float], firm: set[int]) -> None:
    """Restore the distances in a row; stations without a place of their own move aside."""
    wanted = [(across[id(s)], FIRM if id(s) in firm else 1.0) for s in row]
    across.update(zip(map(id, row), spaced(offsets_of(row), wanted), strict=True))


def _groups(rows: Rows, across: dict[int, float]) -> list[dict[int, float]]:
    """Stations that belong together, each with its place relative to the first; large ones first.

    Two stations of one row are never in one group: their distance would be part of its shape.
    """
    stations = {id(station): station for row in rows for station in row}
    grouped: set[int] = set()
    groups = []
    for station in stations.values():
        if id(station) not in grouped:
            groups.append(_group_of(station, grouped, across))
            grouped.update(groups[-1])
    groups.sort(key=lambda group: -_passages(group, stations))
    return [group for group in groups if len(group) > 1]


def _group_of(first: Station, grouped: set[int], across: dict[int, float]) -> dict[int, float]:
    """The stations that nearly straight edges join to a first one."""
    group = {id(first): 0.0}
    rows = {first.row}
    waiting = [first]
    while waiting:
        here = waiting.pop(0)
        for other, offset in _straight_neighbours(here, across):
            if id(other) not in grouped and other.row not in rows:
                group[id(other)] = group[id(here)] + offset
                rows.add(other.row)
                waiting.append(other)
    return group


def _passages(group: dict[int, float], stations: dict[int, Station]) -> int:
    return sum(1 + (stations[member].block is None) for member in group)


def _straight_neighbours(station: Station, across: dict[int, float]) -> list[tuple[Station, float]]:
    """Neighbours that are nearly straight ahead, with their place relative to the station's."""
    here = across[id(station)]
    ahead = [(e.lower, -e.offset) for e in station.outgoing]
    ahead += [(e.upper, e.offset) for e in station.incoming]
    near = [(abs(across[id(s)] - here - offset), s, offset) for s, offset in ahead]
    near.sort(key=lambda each: each[0])
    return [(s, offset) for distance, s, offset in near if distance < CROOKED]

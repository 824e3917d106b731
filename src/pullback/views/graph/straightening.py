"""Edges that are straight but for a few pixels, made straight.

Stations joined by such edges form a group that keeps its shape; each group moves, as a whole, to
the place in the middle of where its stations stand, as far as its neighbours leave room.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .blocks import APART, Station

CROOKED = 24.0
"""Edges whose ends lie apart by less are made straight."""

ROUNDS = 2

Rows = Sequence[Sequence[Station]]


def straightened(rows: Rows, across: dict[int, float]) -> dict[int, float]:
    """The coordinates of stations (by id) with nearly straight edges made straight."""
    found = dict(across)
    for _ in range(ROUNDS):
        for group in _groups(rows, found):
            _move(group, rows, found)
    return found


def _groups(rows: Rows, across: dict[int, float]) -> list[dict[int, float]]:
    """Stations that belong together, each with its place relative to the first; large ones first.

    Two stations of one row are never in one group: their distance would be part of its shape.
    """
    stations = {id(station): station for row in rows for station in row}
    grouped: dict[int, dict[int, float]] = {}
    for row in rows:
        for station in row:
            if id(station) in grouped:
                continue
            group = {id(station): 0.0}
            taken = {station.row}
            waiting = [station]
            while waiting:
                here = waiting.pop(0)
                for other, offset in _straight_neighbours(here, across):
                    if id(other) not in grouped and id(other) not in group:
                        if other.row in taken:
                            continue
                        group[id(other)] = group[id(here)] + offset
                        taken.add(other.row)
                        waiting.append(other)
            for member in group:
                grouped[member] = group
    unique = {id(group): group for group in grouped.values()}
    order = sorted(unique.values(), key=lambda group: -_passages(group, stations))
    return [group for group in order if len(group) > 1]


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


def _move(group: dict[int, float], rows: Rows, across: dict[int, float]) -> None:
    """Move a group as a whole, if its neighbours leave room."""
    low, high = float("-inf"), float("inf")
    for row in rows:
        for place, station in enumerate(row):
            if id(station) not in group:
                continue
            offset = group[id(station)]
            if place:
                left = row[place - 1]
                distance = left.after + APART + station.before
                low = max(low, across[id(left)] + distance - offset)
            if place + 1 < len(row):
                right = row[place + 1]
                distance = station.after + APART + right.before
                high = min(high, across[id(right)] - distance - offset)
    if low > high:
        return
    base = median(across[member] - offset for member, offset in group.items())
    base = min(max(base, low), high)
    for member, offset in group.items():
        across[member] = base + offset

"""Where stations stand across the direction: apart from each other, links as straight as may be.

The sum of w |d| over all edges is to be small, d being how far an edge's two ends lie apart. Row
by row the weighted least-squares problem that keeps the row's order and distances is solved
exactly. Weights 1/max(|d|, e) from the sweep before turn squares into absolute values, which
leaves most edges straight; e falls from sweep to sweep, from a smooth problem to the sharp one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .blocks import Edge, Station
from .spacing import offsets_of, spaced
from .straightening import FIRM, straightened

SWEEPS, LAST_SWEEPS = 60, 4
"""Before and after nearly straight paths are made straight."""

WIDEST, NARROWEST = 400.0, 0.5
"""The first and the last e, in pixels."""

STRAIGHT = {2: 8.0, 1: 1.0, 0: 2.0}
"""The weight of an edge by how many of its ends are passages: long links run straight."""

SIDE = 0.3
"""The share of that for an edge from a block where a path begins: inputs stand beside the path."""

Rows = Sequence[Sequence[Station]]
Pull = tuple[int, float, float]
"""The id of a neighbour, how far from it an edge is straight, and the edge's weight."""


def coordinates(rows: Rows) -> dict[int, float]:
    """The coordinate of each station's axis (by id), the smallest extent at 0."""
    packed = [offsets_of(row) for row in rows]
    across: dict[int, float] = {}
    for row, offsets in zip(rows, packed, strict=True):
        across.update((id(s), o - offsets[-1] / 2) for s, o in zip(row, offsets, strict=True))
    lines = [
        _Line([id(station) for station in row], [_pulls(station) for station in row], offsets)
        for row, offsets in zip(rows, packed, strict=True)
    ]
    for sweep in range(SWEEPS):
        near = WIDEST * (NARROWEST / WIDEST) ** (sweep / (SWEEPS - 1))
        for line in lines if sweep % 2 == 0 else reversed(lines):
            line.settle(across, near, set())
    across, firm = straightened(rows, across)
    for _ in range(LAST_SWEEPS):
        for line in lines:
            line.settle(across, NARROWEST, firm)
    first = min((across[id(s)] - s.before for row in rows for s in row), default=0.0)
    return {key: round(value - first, 1) for key, value in across.items()}


@dataclass(frozen=True)
class _Line:
    """A row as the sweeps see it: ids, what pulls at each, and where they stand when packed."""

    stations: list[int]
    pulls: list[list[Pull]]
    offsets: list[float]

    def settle(self, across: dict[int, float], near: float, firm: set[int]) -> None:
        """Move the row to where its edges want it; what is firm stays."""
        wishes = [
            (across[station], FIRM) if station in firm else _wish(across, station, pulls, near)
            for station, pulls in zip(self.stations, self.pulls, strict=True)
        ]
        across.update(zip(self.stations, spaced(self.offsets, wishes), strict=True))


def _pulls(station: Station) -> list[Pull]:
    """What pulls at a station: each neighbour, where the edge to it is straight, its weight."""
    found = [(id(e.upper), -e.offset, _weight(e)) for e in station.incoming]
    return found + [(id(e.lower), e.offset, _weight(e)) for e in station.outgoing]


def _weight(edge: Edge) -> float:
    weight = STRAIGHT[(edge.upper.block is None) + (edge.lower.block is None)]
    begins = edge.upper.block is not None and not edge.upper.incoming
    return weight * SIDE if begins else weight


def _wish(
    across: dict[int, float], station: int, pulls: Sequence[Pull], near: float
) -> tuple[float, float]:
    """The weighted mean of where a station's edges are straight, and the sum of the weights."""
    here, total, weights = across[station], 0.0, 0.0
    for other, offset, strength in pulls:
        place = across[other] + offset
        weight = strength / max(abs(place - here), near)
        total += weight * place
        weights += weight
    return (total / weights, weights) if weights else (here, 1e-3)

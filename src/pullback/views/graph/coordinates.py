"""Where stations stand across the direction: apart from each other, links as straight as may be.

The sum of w |d| over all edges is to be small, d being how far an edge's two ends lie apart. Row
by row the weighted least-squares problem that keeps the row's order and distances is solved
exactly. Weights 1/max(|d|, e) from the sweep before turn squares into absolute values, which
leaves most edges straight; e falls from sweep to sweep, from a smooth problem to the sharp one.
"""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import Station
from .spacing import offsets_of, spaced
from .straightening import FIRM, straightened

SWEEPS, LAST_SWEEPS = 80, 4
"""Before and after nearly straight paths are made straight."""

WIDEST, NARROWEST = 400.0, 0.5
"""The first and the last e, in pixels."""

STRAIGHT = {2: 8.0, 1: 1.0, 0: 2.0}
"""The weight of an edge by how many of its ends are passages: long links run straight."""

SIDE = 0.3
"""The share of that for an edge from a block where a path begins: inputs stand beside the path."""

Rows = Sequence[Sequence[Station]]


def coordinates(rows: Rows) -> dict[int, float]:
    """The coordinate of each station's axis (by id), the smallest extent at 0."""
    across: dict[int, float] = {}
    for row in rows:
        offsets = offsets_of(row)
        across.update((id(s), o - offsets[-1] / 2) for s, o in zip(row, offsets, strict=True))
    for sweep in range(SWEEPS):
        near = WIDEST * (NARROWEST / WIDEST) ** (sweep / (SWEEPS - 1))
        _settle(rows if sweep % 2 == 0 else rows[::-1], across, near, set())
    across, firm = straightened(rows, across)
    for _ in range(LAST_SWEEPS):
        _settle(rows, across, NARROWEST, firm)
    first = min((across[id(s)] - s.before for row in rows for s in row), default=0.0)
    return {key: round(value - first, 1) for key, value in across.items()}


def _settle(rows: Rows, across: dict[int, float], near: float, firm: set[int]) -> None:
    """Move each row to where its edges want it; what is firm stays."""
    for row in rows:
        wishes = [(across[id(s)], FIRM) if id(s) in firm else _wish(s, across, near) for s in row]
        across.update(zip(map(id, row), spaced(row, wishes), strict=True))


def _wish(station: Station, across: dict[int, float], near: float) -> tuple[float, float]:
    """The weighted mean of where a station's edges are straight, and the sum of the weights."""
    here = across[id(station)]
    total, weights = 0.0, 0.0
    pulls = [(across[id(edge.upper)] - edge.offset, edge) for edge in station.incoming]
    pulls += [(across[id(edge.lower)] + edge.offset, edge) for edge in station.outgoing]
    for place, edge in pulls:
        passages = (edge.upper.block is None) + (edge.lower.block is None)
        weight = STRAIGHT[passages]
        if edge.upper.block is not None and not edge.upper.incoming:
            weight *= SIDE
        weight /= max(abs(place - here), near)
        total += weight * place
        weights += weight
    return (total / weights, weights) if weights else (here, 1e-3)

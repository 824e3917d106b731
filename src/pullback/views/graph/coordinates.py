"""Where stations stand across the direction: apart from each other, links as straight as may be.

The sum of w |d| over all edges is to be small, d being how far an edge's two ends lie apart. Row
by row the weighted least-squares problem with the row's order and distances kept is solved
exactly (isotonic regression by pooling neighbours that violate the order). Weights 1/max(|d|, e)
from the sweep before turn squares into absolute values, which leaves most edges exactly straight;
e falls from sweep to sweep, from a smooth problem to the sharp one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .blocks import APART, Station
from .straightening import straightened

SWEEPS = 80
WIDEST, NARROWEST = 400.0, 0.5
"""The first and the last e, in pixels."""

STRAIGHT = {2: 8.0, 1: 1.0, 0: 2.0}
"""The weight of an edge by how many of its ends are passages: long links bend least on the way."""

SIDE = 0.3
"""The share of that for an edge from a block where a path begins: inputs stand beside the path."""

Rows = Sequence[Sequence[Station]]


def coordinates(rows: Rows) -> dict[int, float]:
    """The coordinate of each station's axis (by id), the smallest extent at 0."""
    across: dict[int, float] = {}
    for row in rows:
        across.update(zip(map(id, row), _packed(row), strict=True))
    for sweep in range(SWEEPS):
        near = WIDEST * (NARROWEST / WIDEST) ** (sweep / (SWEEPS - 1))
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _settle(row, across, near)
    across = straightened(rows, across)
    first = min((across[id(s)] - s.before for row in rows for s in row), default=0.0)
    return {key: round(value - first, 1) for key, value in across.items()}


def _packed(row: Sequence[Station]) -> list[float]:
    """Side by side, centred on 0."""
    distances = _distances(row)
    places = [0.0]
    for distance in distances:
        places.append(places[-1] + distance)
    middle = places[-1] / 2
    return [place - middle for place in places[: len(row)]]


def _distances(row: Sequence[Station]) -> list[float]:
    return [left.after + APART + right.before for left, right in pairwise(row)]


def _settle(row: Sequence[Station], across: dict[int, float], near: float) -> None:
    """Move a row to where its edges want it."""
    offsets = [0.0]
    for distance in _distances(row):
        offsets.append(offsets[-1] + distance)
    wanted: list[tuple[float, float]] = []
    for station, offset in zip(row, offsets, strict=False):
        place, weight = _wish(station, across, near)
        wanted.append((place - offset, weight))
    for station, offset, place in zip(row, offsets, _ascending(wanted), strict=False):
        across[id(station)] = place + offset


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
    if not weights:
        return here, 1e-3
    return total / weights, weights


def _ascending(wanted: Sequence[tuple[float, float]]) -> list[float]:
    """The ascending numbers nearest to the wanted ones: weighted isotonic regression."""
    pools: list[tuple[float, float, int]] = []
    for place, weight in wanted:
        count = 1
        while pools and pools[-1][0] > place:
            before, heavy, many = pools.pop()
            place = (before * heavy + place * weight) / (heavy + weight)
            weight += heavy
            count += many
        pools.append((place, weight, count))
    return [place for place, _, count in pools for _ in range(count)]

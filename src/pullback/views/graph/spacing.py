"""Stations of a row kept apart: the places nearest to the wanted ones that leave them room.

Minimises sum of w (x - wanted)^2 subject to the row's order and distances, exactly: isotonic
regression by pooling neighbours that violate the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from .blocks import Station

APART = 16.0
"""Pixels between neighbours in a row."""


def offsets_of(row: Sequence[Station]) -> list[float]:
    """Where stations stand when they are packed, the first at 0."""
    if not row:
        return []
    gaps = (left.after + APART + right.before for left, right in pairwise(row))
    return list(accumulate(gaps, initial=0.0))


def spaced(offsets: Sequence[float], wanted: Sequence[tuple[float, float]]) -> list[float]:
    """Places of a row's stations, given the wanted place and its weight for each.

    Args:
        offsets: Where they stand when they are packed (`offsets_of`).
        wanted: A place and a weight per station.
    """
    free = [
        (place - offset, weight) for (place, weight), offset in zip(wanted, offsets, strict=True)
    ]
    return [place + offset for place, offset in zip(_ascending(free), offsets, strict=True)]


def _ascending(wanted: Sequence[tuple[float, float]]) -> list[float]:
    """The ascending numbers nearest to the wanted ones."""
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

"""How the work of a step is cut: from sizes and axes alone, never from the number of threads."""

from __future__ import annotations

from dataclasses import dataclass

from ...program import Program


@dataclass(frozen=True)
class Split:
    """How a step's work is cut.

    Attributes:
        pieces: Into how many pieces each axis is cut; they can be worked on at once.
        tile: Rows that go through all layers together, where `tiled`; else at least all rows.
        tiled: Whether gradients of weights are sums over private parts of the pieces.
    """

    pieces: int
    tile: int
    tiled: bool


def split_of(step: Program, rows: int, variables: int) -> Split:
    """The cut for steps of so many rows."""
    return Split(1, rows, False)

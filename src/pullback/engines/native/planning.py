"""How the work of a step is cut: from sizes and axes alone, never from the number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from .axes import Axis
from .lowering import Loops
from .statements import Product, Statement

WORTH_CUTTING = 2_000_000
"""Operations of a step below which one thread ends sooner than two that wait for each other."""

WORTH_WAITING = 600_000
"""Operations of a phase, on average, below which threads mostly wait for each other."""

ROWS_OF_A_THREAD = 64
"""A product of fewer rows does not repay that its other factor is laid out anew for each thread."""

ROWS_OF_A_PIECE = 4
"""Threads share rows by pieces: the finer, the better they can; but each has sums of its own."""

MOST_PIECES = 16

TILE_BYTES = 192 * 1024
"""What a tile of rows may take: its activations then stay in the second-level cache."""

TILE_ROWS = (32, 512)

PRIVATE_BYTES = 64 * 1024
"""Gradients up to this size are summed by each piece for itself."""


@dataclass(frozen=True)
class Split:
    """How a step's work is cut.

    Attributes:
        pieces: Into how many pieces the work along an axis is cut where each adds up a part of a
            sum, or goes through all layers; they can be worked on at once.
        tile: Rows that go through all layers together, where `tiled`; else at least all rows.
        tiled: Whether gradients of weights are sums over private parts of the pieces.
        threads: How many threads are worth it at most.
    """

    pieces: int
    tile: int
    tiled: bool
    threads: int = MOST_PIECES


def operations(loops: Loops, sizes: Mapping[Axis, int]) -> int:
    """About how many operations on numbers a run of the loops does."""
    total = 0
    for item in loops.items:
        if isinstance(item, Product):
            axes = {axis.root for pair in item.shapes for axis in pair if axis is not None}
            total += 2 * prod(sizes[axis] for axis in axes)
        elif isinstance(item, Statement):
            total += (8 if item.cost else 1) * prod(sizes[a.root] for a in item.loops)
    return total


def split_of(loops: Loops, row_axis: Axis | None, sizes: Mapping[Axis, int]) -> Split:
    """The cut for a lowered program.

    One piece where the work is too little for threads. Tiles of rows where there are many rows,
    few parameters, and more activations than a cache holds. Else pieces of rows, each thread
    owning blocks of the weights.

    Args:
        loops: The lowered program.
        row_axis: The axis of the rows, None without.
        sizes: The lengths of all axes.
    """
    rows = 1 if row_axis is None else sizes[row_axis.root]
    work = operations(loops, sizes)
    if row_axis is not None and _suits_tiles(loops, row_axis, sizes):
        width = _bytes_of_a_row(loops, row_axis, sizes)
        least, most = TILE_ROWS
        tile = max(least, min(most, TILE_BYTES // width // 16 * 16, rows))
        pieces = 1 if work < WORTH_CUTTING else max(1, min(MOST_PIECES, rows // tile))
        return Split(pieces, tile, True)
    if work < WORTH_CUTTING:
        return Split(1, rows, False)
    threads = max(2, rows // ROWS_OF_A_THREAD)
    return Split(max(2, min(MOST_PIECES, rows // ROWS_OF_A_PIECE)), rows, False, threads)


def threads_for(split: Split, work: int, phases: int, most: int) -> int:
    """How many threads do the pieces; this changes no result.

    Args:
        split: How the work is cut.
        work: The `operations` of a step.
        phases: How often the threads of a step wait for each other.
        most: How many there may be.
    """
    return 1 if work < WORTH_WAITING * phases else max(1, min(most, split.pieces, split.threads))


def _suits_tiles(loops: Loops, row_axis: Axis, sizes: Mapping[Axis, int]) -> bool:
    rows = sizes[row_axis.root]
    activations = rows * _bytes_of_a_row(loops, row_axis, sizes)
    gradients = sum(
        prod(sizes[axis] for axis in item.out.roots) * item.out.dtype.itemsize
        for item in loops.items
        if isinstance(item, Product) and item.inner.root is row_axis.root
    )
    return activations > TILE_BYTES and gradients <= PRIVATE_BYTES


def _bytes_of_a_row(loops: Loops, row_axis: Axis, sizes: Mapping[Axis, int]) -> int:
    """Of the matrices that products read and write: what is not kept in registers."""
    total = 0
    seen = set()
    for item in loops.items:
        if isinstance(item, Product):
            for value in (item.out, item.left, item.right):
                if value not in seen and value.axes and value.roots[0] is row_axis.root:
                    seen.add(value)
                    total += prod(sizes[a] for a in value.roots[1:]) * value.dtype.itemsize
    return max(total, 1)

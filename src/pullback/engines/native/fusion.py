"""Which statements of a kernel share an inner loop, and what lies in memory between loops.

Inside a turn of the outermost loop, statements over the same inner axes share a loop; one that
needs a reduction of the turn begins a new loop. A value that a later loop needs again is computed
again where that is cheap, else it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .axes import Axis
from .schedule import Kernel
from .statements import CHEAP, Place, Read, Statement, Value


@dataclass(eq=False)
class Block:
    """One loop of a kernel over inner axes, or statements of a turn outside any inner loop."""

    axes: tuple[Axis, ...]
    statements: list[Statement] = field(default_factory=list)
    alone: bool = False


def blocks_of(kernel: Kernel) -> list[Block]:
    """The inner loops of a kernel."""
    blocks: list[Block] = []
    home: dict[Value, int] = {}
    maker = {statement.out: statement for statement in kernel.statements}
    for statement in kernel.statements:
        least = 0
        for read in statement.reads:
            for value in read.values:
                if value in home:
                    again = home[value] + _needs_new_loop(maker[value], statement, read, value)
                    least = max(least, again)
        axes = tuple(axis.root for axis in statement.loops[1:])
        alone = bool(statement.reduction) and 0 in statement.kept and len(statement.kept) > 1
        place = next(
            (
                n
                for n in range(least, len(blocks))
                if blocks[n].axes == axes and not blocks[n].alone and not alone
            ),
            None,
        )
        if place is None:
            blocks.append(Block(axes, alone=alone))
            place = len(blocks) - 1
        blocks[place].statements.append(statement)
        home[statement.out] = place
    return blocks


def _needs_new_loop(maker: Statement, reader: Statement, read: Read, value: Value) -> bool:
    """Whether a value is only known after the inner loop that makes it."""
    if maker.reduction:
        return bool(maker.loops[1:])
    same_axes = [a.root for a in maker.loops] == [a.root for a in reader.loops]
    return not (read.value is value and is_identity(read, len(maker.loops)) and same_axes)


def is_identity(read: Read, loops: int) -> bool:
    """Whether it reads the entry at the loops themselves."""
    places = read.places
    return [p.loop for p in places] == list(range(loops)) and all(p.is_whole for p in places)


def kept_between_loops(kernel: Kernel) -> set[Value]:
    """Values that a later loop of the kernel reads, and that are too costly to compute again."""
    blocks = blocks_of(kernel)
    home = {s.out: n for n, block in enumerate(blocks) for s in block.statements}
    maker = {s.out: s for s in kernel.statements}
    kept: set[Value] = set()
    for number, block in enumerate(blocks):
        for statement in block.statements:
            for read in statement.reads:
                for value in read.values:
                    if value in home:
                        made = maker[value]
                        identity = read.value is value and is_identity(read, len(made.loops))
                        is_row = made.is_of_a_turn
                        later = home[value] < number and not is_row
                        again = block.alone or made.cost > CHEAP
                        if (later and again) or not (identity or is_row):
                            kept.add(value)
    return kept


def own_places(rank: int) -> tuple[Place, ...]:
    """The places of the entry at the loops themselves."""
    return tuple(Place(n) for n in range(rank))

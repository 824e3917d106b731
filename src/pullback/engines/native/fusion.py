"""Which statements of a kernel share an inner loop, and what lies in memory between loops.

Inside a turn of the outermost loop, statements over the same inner axes share a loop; one that
needs a reduction of the turn begins a new loop. A value that a later loop needs again is computed
again where that is cheap, else it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .axes import Axis
from .schedule import Kernel, memory_of
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


def sums_of_columns(
    kernel: Kernel, stored: set[Value], replaced: Mapping[Value, Value]
) -> list[Statement]:
    """Statements that sum the columns of a matrix which lies in memory when the loops have ended.

    Args:
        kernel: Statements that share their outermost loop.
        stored: The values that lie in memory.
        replaced: The value in whose memory another is written.
    """

    def home(value: Value) -> Value:
        return replaced.get(memory_of(value), memory_of(value))

    maker = {statement.out: statement for statement in kernel.statements}

    def is_one(statement: Statement) -> bool:
        is_sum = statement.reduction == "sum" and statement.expression == "{0}"
        if not (is_sum and statement.reads and statement.kept == (1,)):
            return False
        (read,) = statement.reads
        value, dtype = read.value, statement.out.dtype
        written_over = {home(s.out) for s in kernel.statements if s.out is not value}
        stays = value in stored and home(value) not in written_over
        stays = stays and not (value in maker and maker[value].reduction)
        return stays and is_identity(read, 2) and value.dtype == dtype and dtype.kind == "f"

    return [s for s in kernel.statements if len(s.loops) == 2 and is_one(s)]


def own_places(rank: int) -> tuple[Place, ...]:
    """The places of the entry at the loops themselves."""
    return tuple(Place(n) for n in range(rank))

"""Steps of a contraction in which a has zeros alone are left out of a product.

Pixels about a drawing, columns of one-hot codes and units that never fire are zero in many rows at
once. A tile takes six rows of a; a step k of the contraction in which all six are zero adds

    sums[i, j] += 0 * b[k, j]

and changes nothing, as long as b is finite. The other steps are called *live*. Where enough steps
are not, the live ones of each tile are copied close together, with a list of where they are in a
panel of b, and the micro-kernel goes through that list. Of the pixels of MNIST four fifths are
zero, and of the steps of its tiles 57 % where six images make a tile, 66 % where six pixels do.

The bits are those of the whole contraction: the order of the terms is the same, NaN counts as
live, a panel of b that is not finite is multiplied with all steps, and sums that end as -0 are
made +0 either way (`TileWriter.settles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .tiles import ROWS, TileWriter
from .vectors import Form

LIVE_ROWS = 48
"""Products of fewer rows are not looked at: looking would cost a part of them that counts."""

LIVE_BYTES = 256
"""Nor are those with fewer columns, in bytes."""

LIVE_SHARE = 3, 4
"""The largest share of live steps for which leaving out the others pays for the copies."""

STEPS_APART, TILES_APART = 16, 4
"""One step of so many, in one tile of so many, is looked at to find the share."""


@dataclass(frozen=True)
class Live:
    """The live steps of a block, tile after tile.

    Attributes:
        values: Pointer to (tile, step, row of the tile), with room for all steps of each tile.
        places: Pointer to (tile, step): where the step begins in a panel of b, int32.
        counts: Pointer to (tile,): the number of live steps.
    """

    values: Any
    places: Any
    counts: Any


class LiveWriter(TileWriter):
    """Writes what finds the live steps of a and computes with them alone.

    a is (pointer, row stride, stride of k), of which one stride is 1.
    """

    # ------------------------------------------------------------------------------- finding

    def few_live(self, a: Any, rows: Any, depth: Any) -> Any:
        """Whether so few steps are live that the others are worth leaving out: by a sample."""
        builder = self.builder
        seen, live = builder.alloca(self.word), builder.alloca(self.word)

        def add(place: Any, more: Any) -> None:
            builder.store(builder.add(builder.load(place), more), place)

        for place in (seen, live):
            builder.store(self.number(0), place)
        with self.loop(self.number(0), rows, ROWS * TILES_APART) as i:
            entries = self._six_rows(a, i, rows)
            # Other steps in each tile, since pixels and columns repeat from row to row.
            first = builder.srem(builder.sdiv(i, self.number(8)), self.number(STEPS_APART))
            with self.loop(first, depth, STEPS_APART) as k:
                values = [builder.load(self.at(row, builder.mul(k, a[2]))) for row in entries]
                add(seen, self.number(1))
                add(live, builder.zext(self._is_live(self._bits(values)), self.word))
        parts, of = LIVE_SHARE
        scaled = builder.mul(builder.load(live), self.number(of))
        return builder.icmp_signed(
            "<=", scaled, builder.mul(builder.load(seen), self.number(parts))
        )

    def live_steps(self, a: Any, rows: Any, depth: Any, room: Live) -> None:
        """Copy the live steps of all tiles, and note where they are."""
        builder = self.builder
        along = builder.icmp_signed("==", a[1], self.number(1))
        with self.loop(self.number(0), rows, ROWS) as i:
            tile = self._tile(room, i, depth)
            with builder.if_else(along) as (straight, turned):
                with straight:
                    self._live_straight(a, i, rows, depth, tile)
                with turned:
                    self._live_turned(a, i, rows, depth, tile)

    def _tile(self, live: Live, i: Any, depth: Any) -> Live:
        """The tile that begins at row i."""
        builder = self.builder
        number = builder.sdiv(i, self.number(ROWS))
        return Live(
            self.at(live.values, builder.mul(i, depth)),
            self.at(live.places, builder.mul(number, depth)),
            self.at(live.counts, number),
        )

    def _live_straight(self, a: Any, i: Any, rows: Any, depth: Any, tile: Live) -> None:
        """Of a tile whose rows lie side by side."""
        builder, lanes = self.builder, self.form.lanes
        a0, _, a_step = a
        firsts = range(0, ROWS, lanes)  # of the vectors that hold six rows
        count = self.lesser(builder.sub(rows, i), self.number(ROWS))
        masks = [self.lanes_below(builder.sub(count, self.number(first))) for first in firsts]
        start = self.at(a0, i)
        with self.carrying(self.number(0), depth, 1, [self.number(0)]) as turn:
            source = self.at(start, builder.mul(turn.k, a_step))
            # The steps lie a row apart, which processors do not foresee: ask for the next tiles.
            self.prefetch(self.at(source, self.number(64 // self.form.entry_bytes)), write=False)
            values = [
                self.load(self.at(source, self.number(first)), mask)
                for first, mask in zip(firsts, masks, strict=True)
            ]
            live = self._is_live(self._bits(values))
            turn.carried = [self._note(tile, turn.k, turn.carried[0], values, live)]
        builder.store(turn.carried[0], tile.counts)

    def _live_turned(self, a: Any, i: Any, rows: Any, depth: Any, tile: Live) -> None:
        """Of a tile whose rows lie far apart: squares as wide as a vector are transposed."""
        builder, lanes = self.builder, self.form.lanes
        entries = self._six_rows(a, i, rows)
        following = self._six_rows(a, builder.add(i, self.number(ROWS)), rows)
        deep = builder.sub(depth, builder.srem(depth, self.number(lanes)))
        undefined = self.ir.Constant(self.vector, self.ir.Undefined)
        with self.carrying(self.number(0), deep, lanes, [self.number(0)]) as squares:
            values = [self.load(self.at(row, squares.k)) for row in entries]
            for row in following:  # asked for now, they are there when their tile comes
                self.prefetch(self.at(row, squares.k), write=False)
            bits = self._bits(values)
            before, [count] = builder.block, squares.carried
            with builder.if_then(self._is_live(bits)):
                columns = []
                for first in range(0, ROWS, lanes):
                    square = values[first : first + lanes]
                    square += [undefined] * (lanes - len(square))
                    columns.append(self.transposed(square))
                kind = self.ir.IntType(lanes)
                marks = builder.bitcast(self._marked(bits), kind)
                more = count
                for lane in range(lanes):
                    mark = builder.lshr(marks, self.ir.Constant(kind, lane))
                    k = builder.add(squares.k, self.number(lane))
                    column = [each[lane] for each in columns]
                    more = self._note(tile, k, more, column, builder.trunc(mark, self.bit))
                inside = builder.block
            squares.carried = [self.merged(count, before, more, inside)]
        with self.carrying(deep, depth, 1, squares.carried) as turn:
            values = [builder.load(self.at(row, turn.k)) for row in entries]
            live = self._is_live(self._bits(values))
            turn.carried = [self._note(tile, turn.k, turn.carried[0], values, live)]
        builder.store(turn.carried[0], tile.counts)

    def _six_rows(self, a: Any, i: Any, rows: Any) -> list[Any]:
        """Pointers to the rows of a tile; the last row stands in for those that it lacks."""
        builder = self.builder
        a0, a_row, _ = a
        last = builder.sub(rows, self.number(1))
        places = [self.lesser(builder.add(i, self.number(row)), last) for row in range(ROWS)]
        return [self.at(a0, builder.mul(place, a_row)) for place in places]

    def _note(self, tile: Live, k: Any, count: Any, values: list[Any], live: Any) -> Any:
        """Write a step behind `count` others, where it stays if it is live: the count with it."""
        builder = self.builder
        there = self.at(tile.values, builder.mul(count, self.number(ROWS)))
        place = 0
        for value in values:
            if isinstance(value.type, self.ir.VectorType):
                used = min(self.form.lanes, ROWS - place)
                self.store(self.first(value, used), self.at(there, self.number(place)))
                place += used
            else:
                builder.store(value, self.at(there, self.number(place)))
                place += 1
        begin = builder.mul(k, self.number(self.form.width))
        short = self.ir.IntType(32)
        builder.store(builder.trunc(begin, short), self.at(tile.places, count))
        return builder.add(count, builder.zext(live, self.word))

    def _bits(self, values: list[Any]) -> Any:
        """The bits that some entry or lane has, but for signs: zero where all are zero."""
        builder = self.builder
        whole = self.ir.IntType(8 * self.form.entry_bytes)
        kind = values[0].type
        if isinstance(kind, self.ir.VectorType):
            whole = self.ir.VectorType(whole, kind.count)
        bits = [builder.bitcast(value, whole) for value in values]
        together = bits[0]
        for each in bits[1:]:
            together = builder.or_(together, each)
        return builder.add(together, together)

    def _marked(self, bits: Any) -> Any:
        """Which lanes have bits."""
        return self.builder.icmp_unsigned("!=", bits, self.ir.Constant(bits.type, None))

    def _is_live(self, bits: Any) -> Any:
        """Whether there are bits, in any lane."""
        builder = self.builder
        if not isinstance(bits.type, self.ir.VectorType):
            return builder.icmp_unsigned("!=", bits, self.ir.Constant(bits.type, 0))
        kind = self.ir.IntType(bits.type.count)
        marks = builder.bitcast(self._marked(bits), kind)
        return builder.icmp_unsigned("!=", marks, self.ir.Constant(kind, 0))

    # ----------------------------------------------------------------------------- computing

    def is_finite(self, entries: Any, count: Any) -> Any:
        """Whether so many entries, some whole panels, are finite: x - x is 0 for these alone."""
        builder, lanes = self.builder, self.form.lanes
        whole = self.ir.VectorType(self.ir.IntType(8 * self.form.entry_bytes), lanes)
        none = self.ir.Constant(whole, None)
        with self.carrying(self.number(0), count, self.form.width, [none, none]) as turn:
            for half in range(2):
                value = self.load(self.at(entries, turn.k, self.number(half * lanes)))
                bits = builder.bitcast(builder.fsub(value, value), whole)
                turn.carried[half] = builder.or_(turn.carried[half], bits)
        return builder.not_(self._is_live(builder.or_(*turn.carried)))

    def live_strip(self, c: Any, live: Live, b: Any, rows: Any, depth: Any, add: Any) -> None:
        """`rows` rows of c times one whole panel of b, of which it takes the live steps."""
        builder = self.builder
        c0, c_row = c
        flags = add, self.settles(depth)

        def write(i: Any, count: int) -> None:
            tile = self._tile(live, i, depth)
            c_i = self.at(c0, builder.mul(c_row, i)), c_row
            a_i = tile.values, self.number(1), self.number(ROWS)
            steps = builder.load(tile.counts)
            self.tile(c_i, a_i, (b, tile.places), steps, flags, count, 2)

        self.each_tile(rows, ROWS, write, sixes=True)


def live_strip_function(module: Any, form: Form) -> Any:
    """The function of a strip that takes live steps, written at the first call.

    name(c, c_row, values, places, counts, b, rows, depth, add)
    """
    from llvmlite import ir

    name = f"pullback_strip_live_{form.dtype}_{form.lanes}"
    known = module.globals.get(name)
    if known is not None:
        return known
    pointer, word = form.entry.as_pointer(), ir.IntType(64)
    places, counts = ir.IntType(32).as_pointer(), word.as_pointer()
    kind = ir.FunctionType(
        ir.VoidType(),
        [pointer, word, pointer, places, counts, pointer, word, word, ir.IntType(1)],
    )
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    c, c_row, values, places, counts, b, rows, depth, add = function.args
    writer = LiveWriter(builder, form)
    writer.live_strip((c, c_row), Live(values, places, counts), b, rows, depth, add)
    builder.ret_void()
    return function

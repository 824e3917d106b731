"""Steps of a contraction in which a has zeros alone are left out of a product.

Pixels about a drawing, columns of one-hot codes and units that never fire are zero in many rows at
once. A tile takes three rows of a; a step k of the contraction in which all three are zero adds

    sums[i, j] += 0 * b[k, j]

and changes nothing, as long as b is finite. The other steps are called *live*. Where enough steps
are not, those of each tile are listed, and the micro-kernel goes through that list, while a and a
panel of b stay as they are. Of the pixels of MNIST four fifths are zero, and of the steps of its
tiles 65 % where three images make a tile, 74 % where three pixels do.

Tiles of three rows and four vectors compute as much with a step as those of six rows and two, and
fewer of their steps are live (of six images 43 % are, of three 35 %). Fewer rows yet would read
more of b for a multiply-add than the first-level cache can give.

The bits are those of the whole contraction: the order of the terms is the same, NaN counts as
live, a panel of b that is not finite is multiplied with all steps, and sums that end as -0 are
made +0 either way (`TileWriter.settles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .tiles import TileWriter
from .vectors import Form

THREE = 3
"""The rows of a tile whose live steps are listed."""

PANELS = 2
"""The panels of b, of two vectors each, that such a tile takes at once."""

LIVE_ROWS = 24
"""Products of fewer rows are not looked at: looking would cost a part of them that counts."""

LIVE_BYTES = 256
"""Nor are those with fewer columns, in bytes."""

LIVE_SHARE = 3, 4
"""The largest share of live steps for which leaving out the others pays for the lists."""

STEPS_APART, TILES_APART = 16, 8
"""One step of so many, in one tile of so many, is looked at to find the share."""


@dataclass(frozen=True)
class Live:
    """The live steps of a block, tile after tile.

    Attributes:
        steps: Pointer to (tile, place in its list), with room for all steps of each tile; int32.
        counts: Pointer to (tile,): the number of live steps.
    """

    steps: Any
    counts: Any


class LiveWriter(TileWriter):
    """Writes what finds the live steps of a and computes with them alone.

    a is (pointer, row stride, stride of k), of which one stride is 1.
    """

    # ------------------------------------------------------------------------------- finding

    @property
    def tiles_at_once(self) -> int:
        """The tiles whose rows a vector holds."""
        return max(1, self.form.lanes // THREE)

    def few_live(self, a: Any, rows: Any, depth: Any) -> Any:
        """Whether so few steps are live that the others are worth leaving out: by a sample."""
        builder = self.builder
        seen, live = builder.alloca(self.word), builder.alloca(self.word)

        def add(place: Any, more: Any) -> None:
            builder.store(builder.add(builder.load(place), more), place)

        for place in (seen, live):
            builder.store(self.number(0), place)
        with self.loop(self.number(0), rows, THREE * TILES_APART) as i:
            entries = self._three_rows(a, i, rows)
            # Other steps in each tile, since pixels and columns repeat from row to row.
            first = builder.srem(builder.sdiv(i, self.number(8)), self.number(STEPS_APART))
            with self.loop(first, depth, STEPS_APART) as k:
                values = [builder.load(self.at(row, builder.mul(k, a[2]))) for row in entries]
                add(seen, self.number(1))
                live_now = builder.icmp_unsigned("!=", self._bits(values), self._none())
                add(live, builder.zext(live_now, self.word))
        parts, of = LIVE_SHARE
        scaled = builder.mul(builder.load(live), self.number(of))
        return builder.icmp_signed(
            "<=", scaled, builder.mul(builder.load(seen), self.number(parts))
        )

    def live_steps(self, a: Any, rows: Any, depth: Any, room: Live) -> None:
        """List the live steps of all tiles."""
        builder = self.builder
        along = builder.icmp_signed("==", a[1], self.number(1))
        with builder.if_else(along) as (straight, turned):
            with straight:
                self._list_straight(a, rows, depth, room)
            with turned:
                self._list_turned(a, rows, depth, room)

    def _tile(self, live: Live, i: Any, depth: Any) -> Live:
        """The list of the tile that begins at row i."""
        builder = self.builder
        number = builder.sdiv(i, self.number(THREE))
        steps = self.at(live.steps, builder.mul(number, depth))
        return Live(steps, self.at(live.counts, number))

    def _list_straight(self, a: Any, rows: Any, depth: Any, room: Live) -> None:
        """Where rows lie side by side: vectors hold those of some tiles."""
        builder, lanes, tiles = self.builder, self.form.lanes, self.tiles_at_once
        a0, _, a_step = a
        firsts = range(0, tiles * THREE, lanes)  # of the vectors of these rows
        with self.loop(self.number(0), rows, tiles * THREE) as i:
            lists = [
                self._tile(room, builder.add(i, self.number(t * THREE)), depth)
                for t in range(tiles)
            ]
            left = self.lesser(builder.sub(rows, i), self.number(tiles * THREE))
            masks = [self.lanes_below(builder.sub(left, self.number(f))) for f in firsts]
            start = self.at(a0, i)
            nothing = [self.number(0)] * tiles
            with self.carrying(self.number(0), depth, 1, nothing) as turn:
                source = self.at(start, builder.mul(turn.k, a_step))
                # Steps lie a row apart, which processors do not foresee: ask for the next tiles.
                following = self.at(source, self.number(64 // self.form.entry_bytes))
                self.prefetch(following, write=False)
                marks = [
                    self._marks(self._bits([self.load(self.at(source, self.number(f)), mask)]))
                    for f, mask in zip(firsts, masks, strict=True)
                ]
                turn.carried = [
                    self._listed(each, turn.k, count, self._any_of(marks, t * THREE))
                    for t, (each, count) in enumerate(zip(lists, turn.carried, strict=True))
                ]
            for each, count in zip(lists, turn.carried, strict=True):
                builder.store(count, each.counts)

    def _any_of(self, marks: list[Any], first: int) -> Any:
        """Whether one of the three rows from `first` on is marked."""
        builder, lanes = self.builder, self.form.lanes
        found = self.bit(0)
        for v, mark in enumerate(marks):
            own = [row - v * lanes for row in range(first, first + THREE)]
            mask = sum(1 << lane for lane in own if 0 <= lane < lanes)
            some = builder.and_(mark, self.ir.Constant(mark.type, mask))
            is_some = builder.icmp_unsigned("!=", some, self.ir.Constant(mark.type, 0))
            found = builder.or_(found, is_some)
        return found

    def _list_turned(self, a: Any, rows: Any, depth: Any, room: Live) -> None:
        """Where rows lie far apart: vectors hold some steps of a row."""
        builder, lanes = self.builder, self.form.lanes
        deep = builder.sub(depth, builder.srem(depth, self.number(lanes)))
        with self.loop(self.number(0), rows, THREE) as i:
            tile = self._tile(room, i, depth)
            entries = self._three_rows(a, i, rows)
            following = self._three_rows(a, builder.add(i, self.number(THREE)), rows)
            with self.carrying(self.number(0), deep, lanes, [self.number(0)]) as turn:
                values = [self.load(self.at(row, turn.k)) for row in entries]
                for row in following:  # asked for now, they are there when their tile comes
                    self.prefetch(self.at(row, turn.k), write=False)
                marks = self._marks(self._bits(values))
                none = self.ir.Constant(marks.type, 0)
                before, [count] = builder.block, turn.carried
                with builder.if_then(builder.icmp_unsigned("!=", marks, none)):
                    more = count
                    for lane in range(lanes):
                        mark = builder.lshr(marks, self.ir.Constant(marks.type, lane))
                        k = builder.add(turn.k, self.number(lane))
                        more = self._listed(tile, k, more, builder.trunc(mark, self.bit))
                    inside = builder.block
                turn.carried = [self.merged(count, before, more, inside)]
            with self.carrying(deep, depth, 1, turn.carried) as turn:
                values = [builder.load(self.at(row, turn.k)) for row in entries]
                is_live = builder.icmp_unsigned("!=", self._bits(values), self._none())
                turn.carried = [self._listed(tile, turn.k, turn.carried[0], is_live)]
            builder.store(turn.carried[0], tile.counts)

    def _three_rows(self, a: Any, i: Any, rows: Any) -> list[Any]:
        """Pointers to the rows of a tile; the last row stands in for those that it lacks."""
        builder = self.builder
        a0, a_row, _ = a
        last = builder.sub(rows, self.number(1))
        places = [self.lesser(builder.add(i, self.number(row)), last) for row in range(THREE)]
        return [self.at(a0, builder.mul(place, a_row)) for place in places]

    def _listed(self, tile: Live, k: Any, count: Any, live: Any) -> Any:
        """Write a step behind `count` others, where it stays if it is live: the count with it."""
        builder = self.builder
        short = self.ir.IntType(32)
        builder.store(builder.trunc(k, short), self.at(tile.steps, count))
        return builder.add(count, builder.zext(live, self.word))

    def _none(self) -> Any:
        return self.ir.Constant(self.ir.IntType(8 * self.form.entry_bytes), 0)

    def _bits(self, values: list[Any]) -> Any:
        """The bits that some entry has, but for signs, lane by lane: zero where all are zero."""
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

    def _marks(self, bits: Any) -> Any:
        """A bit for each lane: whether it has bits."""
        builder = self.builder
        some = builder.icmp_unsigned("!=", bits, self.ir.Constant(bits.type, None))
        return builder.bitcast(some, self.ir.IntType(bits.type.count))

    # ----------------------------------------------------------------------------- computing

    def _are_zero(self, vectors: list[Any]) -> Any:
        """Whether all entries of some vectors are zero."""
        marks = self._marks(self._bits(vectors))
        return self.builder.icmp_unsigned("==", marks, self.ir.Constant(marks.type, 0))

    def live_strip(
        self, c: Any, a: Any, live: Live, b: Any, rows: Any, depth: Any, add: Any, panels: int
    ) -> None:
        """`rows` rows of c times one or two whole panels of b, of which it takes the live steps."""
        builder = self.builder
        (c0, c_row), (a0, a_row, a_step) = c, a
        flags = add, self.settles(depth)

        def write(i: Any, count: int) -> None:
            tile = self._tile(live, i, depth)
            c_i = self.at(c0, builder.mul(c_row, i)), c_row
            a_i = self.at(a0, builder.mul(a_row, i)), a_row, a_step
            self._live_tile(c_i, a_i, tile, b, flags, count, panels)

        whole = builder.sub(rows, builder.srem(rows, self.number(THREE)))
        with self.loop(self.number(0), whole, THREE) as i:
            write(i, THREE)
        for rest in range(1, THREE):
            is_rest = builder.icmp_signed("==", builder.sub(rows, whole), self.number(rest))
            with builder.if_then(is_rest):
                write(whole, rest)

    def _live_tile(
        self, c: Any, a: Any, tile: Live, b: Any, flags: Any, rows: int, panels: int
    ) -> None:
        builder, lanes, width = self.builder, self.form.lanes, self.form.width
        (c0, c_row), (a0, a_row, a_step), (b0, apart) = c, a, b
        c_rows = [self.at(c0, builder.mul(c_row, self.number(i))) for i in range(rows)]
        a_rows = [self.at(a0, builder.mul(a_row, self.number(i))) for i in range(rows)]
        starts = [b0, self.at(b0, apart)][:panels]
        vectors = 2 * panels
        zero = self.ir.Constant(self.vector, None)
        for row in c_rows:
            self.prefetch(row, write=True)
        count = builder.load(tile.counts)
        with self.carrying(self.number(0), count, 1, [zero] * (rows * vectors)) as turn:
            k = builder.zext(builder.load(self.at(tile.steps, turn.k)), self.word)
            from_a = builder.mul(k, a_step)
            from_b = builder.mul(k, self.number(width))
            factors = [self.broadcast(builder.load(self.at(row, from_a))) for row in a_rows]
            for v in range(vectors):
                place = self.at(starts[v // 2], from_b, self.number(v % 2 * lanes))
                column = self.load(place)
                for i, factor in enumerate(factors):
                    terms = [factor, column, turn.carried[i * vectors + v]]
                    turn.carried[i * vectors + v] = builder.call(self.multiply_add, terms)
        self.finish((c_rows, [None] * vectors), turn.carried, flags)


def live_strip_function(module: Any, form: Form, panels: int) -> Any:
    """The function of a strip of so many panels that takes live steps, written at the first call.

    name(c, c_row, a, a_row, a_step, steps, counts, b, apart, rows, depth, add)
    """
    from llvmlite import ir

    name = f"pullback_strip_live_{panels}_{form.dtype}_{form.lanes}"
    known = module.globals.get(name)
    if known is not None:
        return known
    pointer, word = form.entry.as_pointer(), ir.IntType(64)
    steps, counts = ir.IntType(32).as_pointer(), word.as_pointer()
    left, right = [pointer, word, word], [pointer, word]
    kind = ir.FunctionType(
        ir.VoidType(),
        [pointer, word, *left, steps, counts, *right, word, word, ir.IntType(1)],
    )
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    c, c_row, a, a_row, a_step, *listed, b, apart, rows, depth, add = function.args
    writer = LiveWriter(builder, form)
    given = (c, c_row), (a, a_row, a_step), Live(*listed), (b, apart)
    writer.live_strip(*given, rows, depth, add, panels)
    builder.ret_void()
    return function

"""Blocks of a matrix product, from panels that are copied close together where that pays.

A block is some rows of the result, over a contraction of at most `DEPTH`. Its columns are computed
a few panels of b at a time. A panel that many tiles read is copied (*packed*) to the stack first:
there it stays in the first-level cache, while the rows of a large b lie a page apart. Where b has
many panels, so are the rows of a, which all panels meet again. What lies along the contraction
(b in a @ b.T, a in a @ b) is transposed on the way, in squares as wide as a vector register.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from .flat import FlatWriter
from .live import LIVE_BYTES, LIVE_ROWS, PANELS, THREE, Live, LiveWriter, live_strip_function
from .tiles import DEPTH, LIVE_DEPTH, ROWS, strip_function
from .vectors import Form, Sizes

BLOCK_BYTES = 256
"""The columns that are packed at once, in bytes: 80 KiB of the stack."""

WIDE_BYTES = 3072
"""So many columns, in bytes, are worth it that the rows of a are packed."""

PACKED_BYTES = 544 * 1024
"""The packed rows of a in a block, in bytes: room on the stack. They are read from the first to the
last, which processors foresee, so they need not stay in the second-level cache; and the more there
are, the less often b is packed."""

NARROW = 4
"""So few columns are computed as rows: a vector of columns would be half empty or worse."""

FLAT = 2
"""So few rows are computed one by one, each over many columns at once."""

CHAINS = 4
"""Independent sums, so that none waits for the one before."""

PREFETCHED_ROWS = 10
"""How far ahead of its copying a row is asked for: processors do not foresee long strides."""


class PanelWriter(LiveWriter):
    """Writes the copies of panels."""

    def pack(self, panels: Any, b: Any, columns: Any, depth: Any) -> Any:
        """Panel p takes b[k, p width : (p + 1) width] to `panels[p, k, :]`: whether all is finite.

        b is (pointer, row stride). A last panel of fewer columns is not looked at.
        """
        builder, form = self.builder, self.form
        (b0, b_row), width = b, form.width
        zeros = [self.ir.Constant(self.vector, None)] * CHAINS
        done = self.number(0)
        for together in (BLOCK_BYTES // (width * form.entry_bytes), 1):
            first, left = done, builder.sub(columns, done)
            done = builder.sub(columns, builder.srem(left, self.number(together * width)))
            with self.carrying(first, done, together * width, zeros) as turn:
                target = self.at(panels, builder.mul(turn.k, depth))
                source = self.at(b0, turn.k), b_row
                turn.carried = self._pack_panels(target, source, depth, together, turn.carried)
            zeros = turn.carried
        rest = builder.sub(columns, done)
        with builder.if_then(builder.icmp_signed(">", rest, self.number(0))):
            target = self.at(panels, builder.mul(done, depth))
            self._pack_columns(target, (self.at(b0, done), b_row), rest, depth, width)
        return self._are_zero(zeros)

    def _pack_panels(
        self, panels: Any, b: Any, depth: Any, together: int, zeros: list[Any]
    ) -> list[Any]:
        """Pack some whole panels. 0 times each entry is added to `zeros`, which it leaves 0 if
        all are finite."""
        builder, width, lanes = self.builder, self.form.width, self.form.lanes
        (b0, b_row), zero = b, self.ir.Constant(self.vector, None)
        apart = builder.mul(depth, self.number(width))
        starts = [self.at(panels, builder.mul(apart, self.number(p))) for p in range(together)]
        ahead = builder.mul(b_row, self.number(PREFETCHED_ROWS))
        with self.carrying(self.number(0), depth, 1, zeros) as turn:
            source = self.at(b0, builder.mul(turn.k, b_row))
            place = builder.mul(turn.k, self.number(width))
            for j in range(0, together * width, 64 // self.form.entry_bytes):
                self.prefetch(self.at(source, ahead, self.number(j)), write=False)
            for number, j in enumerate(range(0, together * width, lanes)):
                value = self.load(self.at(source, self.number(j)))
                self.store(value, self.at(starts[j // width], place, self.number(j % width)))
                terms = [value, zero, turn.carried[number % CHAINS]]
                turn.carried[number % CHAINS] = builder.call(self.multiply_add, terms)
        return turn.carried

    def _pack_columns(self, panels: Any, b: Any, columns: Any, depth: Any, width: int) -> None:
        """Pack panels of any width, of which the last may have fewer columns."""
        builder, form = self.builder, self.form
        b0, b_row = b
        rest = builder.srem(columns, self.number(width))
        whole = builder.sub(columns, rest)
        panel = builder.mul(depth, self.number(width))  # entries of one
        ragged = builder.icmp_signed(">", rest, self.number(0))
        firsts = range(0, width, form.lanes)  # of the vectors of a panel
        masks = [self.lanes_below(builder.sub(rest, self.number(first))) for first in firsts]
        with self.loop(self.number(0), depth) as k:
            source = self.at(b0, builder.mul(k, b_row))
            target = self.at(panels, builder.mul(k, self.number(width)))
            ahead = self.at(source, builder.mul(b_row, self.number(PREFETCHED_ROWS)))
            with self.loop(self.number(0), columns, 64 // form.entry_bytes) as line:
                self.prefetch(self.at(ahead, line), write=False)
            with self.loop(self.number(0), whole, width) as j:
                place = builder.mul(builder.sdiv(j, self.number(width)), panel)
                self.store(self.load(self.at(source, j), lanes=width), self.at(target, place))
            with builder.if_then(ragged):
                place = builder.mul(builder.sdiv(whole, self.number(width)), panel)
                for first, mask in zip(firsts, masks, strict=True):
                    value = self.load(self.at(source, whole, self.number(first)), mask)
                    part = self.first(value, min(form.lanes, width - first))
                    self.store(part, self.at(target, place, self.number(first)))

    def pack_transposed(self, panels: Any, b: Any, columns: Any, depth: Any, width: int) -> None:
        """Panel p takes b[p width : (p + 1) width, k] to `panels[p, k, :]`.

        b is (pointer, row stride). Its last row stands in for those that a panel lacks.
        """
        builder, lanes = self.builder, self.form.lanes
        b0, b_row = b
        last = builder.sub(columns, self.number(1))
        deep = builder.sub(depth, builder.srem(depth, self.number(lanes)))
        undefined = self.ir.Constant(self.vector, self.ir.Undefined)
        with self.loop(self.number(0), columns, width) as j:
            panel = self.at(panels, builder.mul(j, depth))
            for first in range(0, width, lanes):
                used = min(lanes, width - first)
                rows = []
                for i in range(first, first + used):
                    row = self.lesser(builder.add(j, self.number(i)), last)
                    rows.append(self.at(b0, builder.mul(row, b_row)))
                target = self.at(panel, self.number(first))
                with self.loop(self.number(0), deep, lanes) as k:
                    square = [self.load(self.at(row, k)) for row in rows]
                    square += [undefined] * (lanes - used)
                    for i, column in enumerate(self.transposed(square)):
                        k_i = builder.add(k, self.number(i))
                        part = self.first(column, used)
                        self.store(part, self.at(target, builder.mul(k_i, self.number(width))))
                with self.loop(deep, depth) as k:
                    to = self.at(target, builder.mul(k, self.number(width)))
                    for i, row in enumerate(rows):
                        builder.store(builder.load(self.at(row, k)), self.at(to, self.number(i)))

    def block(self, c: Any, a: Any, b: Any, block: Sizes, pack: Any, transpose: bool) -> None:
        """Some rows of c, panel by panel.

        Args:
            c: (pointer, row stride).
            a: (pointer, row stride, stride of k).
            b: (pointer, row stride): k runs along its rows where `transpose`, else down them.
            block: The sizes; at most DEPTH deep, the rows of a in PACKED_BYTES where c is wide.
            pack: Copy what is read again. `transpose` copies panels of b always.
            transpose: b is read along its rows.
        """
        builder, form = self.builder, self.form
        b0, b_row = b
        at_once, one = BLOCK_BYTES // form.entry_bytes, self.number(1)
        wide = self.number(WIDE_BYTES // form.entry_bytes)
        few, live = (self.bit(0), None) if transpose else self.live(a, block, pack)
        packed = builder.and_(pack, builder.icmp_signed(">=", block.columns, wide))
        packed = builder.and_(packed, builder.not_(few))
        left = self.left(a, block, packed)
        room = self.room(DEPTH * BLOCK_BYTES)
        with self.loop(self.number(0), block.columns, at_once) as j:
            count = self.lesser(builder.sub(block.columns, j), self.number(at_once))
            part = replace(block, columns=count)
            if transpose:
                there = self.at(b0, builder.mul(j, b_row)), b_row, one
            else:
                there = self.at(b0, j), one, b_row
            panels, finite = self.panels(there, room, part, pack, transpose)
            alone = builder.and_(few, builder.or_(block.finite, finite))
            self.strips((self.at(c[0], j), c[1]), a, panels, part, (packed, left), (alone, live))

    def live(self, a: Any, block: Sizes, pack: Any) -> tuple[Any, Live]:
        """Whether few steps are live, and where these then stand."""
        builder = self.builder
        large = [
            pack,
            builder.icmp_signed(">=", block.rows, self.number(LIVE_ROWS)),
            builder.icmp_signed(">=", block.depth, self.number(LIVE_DEPTH)),
            builder.icmp_signed(
                ">=", block.columns, self.number(LIVE_BYTES // self.form.entry_bytes)
            ),
        ]
        before = builder.block
        with builder.if_then(functools.reduce(builder.and_, large)):
            sampled = self.few_live(a, block.rows, block.depth)
            looked = builder.block
        few = self.merged(self.bit(0), before, sampled, looked)
        # Steps of all tiles, and of those that a last group of tiles has beyond the rows.
        most = PACKED_BYTES // self.form.entry_bytes // THREE + self.tiles_at_once * DEPTH
        before = builder.block
        with builder.if_then(few):
            room = Live(
                builder.alloca(self.ir.IntType(32), most),
                builder.alloca(self.word, most // LIVE_DEPTH + 1),
            )
            self.live_steps(a, block.rows, block.depth, room)
            listed = builder.block
        there = [
            self.merged(self.ir.Constant(each.type, None), before, each, listed)
            for each in (room.steps, room.counts)
        ]
        return few, Live(*there)

    def left(self, a: Any, block: Sizes, pack: Any) -> Any:
        """Where the packed rows of a stand."""
        builder = self.builder
        a0, a_row, a_step = a
        before = builder.block
        with builder.if_then(pack):
            room = self.room(PACKED_BYTES)
            along = builder.icmp_signed("==", a_row, self.number(1))
            with builder.if_else(along) as (straight, turned):
                with straight:
                    self._pack_columns(room, (a0, a_step), block.rows, block.depth, ROWS)
                with turned:
                    self.pack_transposed(room, (a0, a_row), block.rows, block.depth, ROWS)
            packed = builder.block
        return self.merged(a0, before, room, packed)

    def panels(
        self, b: Any, room: Any, block: Sizes, pack: Any, transpose: bool
    ) -> tuple[Any, Any]:
        """Panels of b as strips read them, and whether they were seen to be finite.

        b is (pointer, from column to column, step of k), and panels are (pointer, step of k, from
        panel to panel). They are looked at where they are packed and not transposed.
        """
        builder, width = self.builder, self.form.width
        b0, b_column, b_step = b
        apart = builder.mul(block.depth, self.number(width))
        before, finite = builder.block, self.bit(0)
        with builder.if_then(pack):
            if transpose:
                self.pack_transposed(room, (b0, b_column), block.columns, block.depth, width)
            else:
                finite = self.pack(room, (b0, b_step), block.columns, block.depth)
            packed = builder.block
        panels = (
            self.merged(b0, before, room, packed),
            self.merged(b_step, before, self.number(width), packed),
            self.merged(self.number(width), before, apart, packed),
        )
        return panels, self.merged(self.bit(0), before, finite, packed)

    def turned_block(self, c: Any, a: Any, b: Any, block: Sizes) -> None:
        """A block of few columns, as c.T = b.T @ a.T: the rows of a fill the vectors.

        A sum has the same terms in the same order, hence the same bits.
        """
        builder = self.builder
        (c0, c_row), (a0, a_row, a_step), (b0, b_row) = c, a, b
        at_once = BLOCK_BYTES // self.form.entry_bytes
        room, turned = self.room(DEPTH * BLOCK_BYTES), self.room(NARROW * BLOCK_BYTES)
        most, one, false = self.number(at_once), self.number(1), self.bit(0)
        apart = builder.icmp_signed("!=", a_row, one)  # else a.T stands in memory as it is needed
        with self.loop(self.number(0), block.rows, at_once) as i:
            count = self.lesser(builder.sub(block.rows, i), most)
            across = Sizes(block.columns, count, block.depth, false, false)
            there = self.at(a0, builder.mul(i, a_row)), a_row, a_step
            panels, _ = self.panels(there, room, across, apart, True)
            self.strips((turned, most), (b0, one, b_row), panels, across, (false, b0))
            with self.loop(self.number(0), count) as row:
                target = self.at(c0, builder.mul(builder.add(i, row), c_row))
                with self.loop(self.number(0), block.columns) as j:
                    value = builder.load(self.at(turned, builder.mul(j, most), row))
                    self.put(value, self.at(target, j), block.add)

    def strips(
        self, c: Any, a: Any, panels: Any, block: Sizes, packed: Any, live: Any = (None, None)
    ) -> None:
        """The strips of a block.

        A last panel of fewer columns reads a where it lies, and all of it.

        Args:
            c: (pointer, row stride).
            a: (pointer, row stride, stride of k).
            panels: (pointer, step of k, from panel to panel).
            block: The sizes.
            packed: Whether a and the panels are packed, and where a then stands.
            live: Whether to take live steps alone, and where these stand.
        """
        builder = self.builder
        width = self.number(self.form.width)
        start, step, between = panels
        both, rows_of_a = packed
        of_packed, of_any = (
            strip_function(builder.module, self.form, each) for each in (True, False)
        )
        alone, steps = live
        done = self.number(0)
        if steps is not None:
            before = builder.block
            with builder.if_then(alone):
                whole = self.live_strips(c, a, panels, block, steps)
                inside = builder.block
            done = self.merged(done, before, whole, inside)
        with self.loop(done, block.columns, self.form.width) as j:
            p = builder.sdiv(j, width)
            count = self.lesser(builder.sub(block.columns, j), width)
            b_p = self.at(start, builder.mul(p, between))
            known = builder.and_(both, builder.icmp_signed("==", count, width))
            strip = builder.select(known, of_packed, of_any)
            left = builder.select(known, rows_of_a, a[0]), a[1], a[2]
            sizes = [block.rows, count, block.depth, block.add]
            builder.call(strip, [self.at(c[0], j), c[1], *left, b_p, step, *sizes])

    def live_strips(self, c: Any, a: Any, panels: Any, block: Sizes, live: Live) -> Any:
        """The strips of whole panels, which take live steps: how many columns these have."""
        builder = self.builder
        start, _, between = panels
        done = self.number(0)
        for together in (PANELS, 1):
            width = together * self.form.width
            first, left = done, builder.sub(block.columns, done)
            done = builder.sub(block.columns, builder.srem(left, self.number(width)))
            strip = live_strip_function(builder.module, self.form, together)
            with self.loop(first, done, width) as j:
                p = builder.sdiv(j, self.number(self.form.width))
                b_p = self.at(start, builder.mul(p, between)), between
                given = [self.at(c[0], j), c[1], *a, live.steps, live.counts, *b_p]
                builder.call(strip, [*given, block.rows, block.depth, block.add])
        return done


def write_block(module: Any, form: Form, transpose: bool, name: str) -> None:
    """Write the function of a block into an LLVM module.

    name(c, c_row, a, a_row, a_step, b, b_row, rows, columns, depth, add, pack, finite)
    """
    from llvmlite import ir

    pointer, word = form.entry.as_pointer(), ir.IntType(64)
    kind = ir.FunctionType(
        ir.VoidType(),
        [pointer, word, pointer, word, word, pointer, *[word] * 7],
    )
    function = ir.Function(module, kind, name)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    c0, c_row, a0, a_row, a_step, b0, b_row, rows, columns, depth, *flags = function.args
    add, pack, finite = (builder.icmp_signed("!=", flag, word(0)) for flag in flags)
    writer = PanelWriter(builder, form)
    sizes = Sizes(rows, columns, depth, add, finite)
    given = (c0, c_row), (a0, a_row, a_step), (b0, b_row), sizes
    if transpose:
        writer.block(*given, pack, transpose)
    else:
        along = builder.icmp_signed("==", a_row, word(1))  # a.T lies in memory as it is needed
        few = builder.and_(along, builder.icmp_signed("<=", columns, word(NARROW)))
        many = builder.icmp_signed(">=", rows, word(form.lanes))
        with builder.if_else(builder.icmp_signed("<=", rows, word(FLAT))) as (flat, other):
            with flat:
                FlatWriter(builder, form).flat_block(*given)
            with other, builder.if_else(builder.and_(few, many)) as (narrow, wide):
                with narrow:
                    writer.turned_block(*given)
                with wide:
                    writer.block(*given, pack, transpose)
    builder.ret_void()

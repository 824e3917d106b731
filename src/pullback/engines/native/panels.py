"""Blocks of a matrix product, from panels that are copied close together where that pays.

A block is some rows of the result, over a contraction of at most `DEPTH`. Its columns are computed
a few panels of b at a time. A panel that many tiles read is copied (*packed*) to the stack first:
there it stays in the first-level cache, while the rows of a large b lie a page apart. Where b has
many panels, so are the rows of a, which all panels meet again. What lies along the contraction
(b in a @ b.T, a in a @ b) is transposed on the way, in squares as wide as a vector register.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .tiles import ROWS, TileWriter, strip_function
from .vectors import Form

DEPTH = 320
"""The longest contraction of a block: 320 x 16 float32 of a packed panel are 20 KiB."""

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

FLAT_BYTES = 16 * 1024
"""The columns of such a row at once, in bytes: their sums stay in the first-level cache."""

PREFETCHED_ROWS = 10
"""How far ahead of its copying a row is asked for: processors do not foresee long strides."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a block, as values in LLVM, and whether it is added to what stands there."""

    rows: Any
    columns: Any
    depth: Any
    add: Any


class PanelWriter(TileWriter):
    """Writes the copies of panels."""

    def pack(self, panels: Any, b: Any, columns: Any, depth: Any, width: int) -> None:
        """Panel p takes b[k, p width : (p + 1) width] to `panels[p, k, :]`.

        b is (pointer, row stride).
        """
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

    def transposed(self, rows: list[Any]) -> list[Any]:
        """The columns of a square of vectors: off-diagonal blocks of 1, 2, 4, ... change places."""
        lanes = self.form.lanes
        short = self.ir.VectorType(self.ir.IntType(32), lanes)
        size = lanes // 2
        while size:
            low = [lane if not lane & size else lanes + lane - size for lane in range(lanes)]
            high = [lane + size if not lane & size else lanes + lane for lane in range(lanes)]
            new = list(rows)
            for i in range(lanes):
                if not i & size:
                    pair = rows[i], rows[i + size]
                    new[i] = self.builder.shuffle_vector(*pair, self.ir.Constant(short, low))
                    new[i + size] = self.builder.shuffle_vector(
                        *pair, self.ir.Constant(short, high)
                    )
            rows = new
            size //= 2
        return rows

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
        packed = builder.and_(pack, builder.icmp_signed(">=", block.columns, wide))
        left = self.left(a, block, packed)
        room = self.room(DEPTH * BLOCK_BYTES)
        with self.loop(self.number(0), block.columns, at_once) as j:
            count = self.lesser(builder.sub(block.columns, j), self.number(at_once))
            part = Sizes(block.rows, count, block.depth, block.add)
            if transpose:
                there = self.at(b0, builder.mul(j, b_row)), b_row, one
            else:
                there = self.at(b0, j), one, b_row
            panels = self.panels(there, room, part, pack, transpose)
            self.strips((self.at(c[0], j), c[1]), a, panels, part, (packed, left))

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
                    self.pack(room, (a0, a_step), block.rows, block.depth, ROWS)
                with turned:
                    self.pack_transposed(room, (a0, a_row), block.rows, block.depth, ROWS)
            packed = builder.block
        return self.merged(a0, before, room, packed)

    def panels(self, b: Any, room: Any, block: Sizes, pack: Any, transpose: bool) -> Any:
        """Panels of b as strips read them: (pointer, step of k, from panel to panel).

        b is (pointer, from column to column, step of k).
        """
        builder, width = self.builder, self.form.width
        b0, b_column, b_step = b
        apart = builder.mul(block.depth, self.number(width))
        before = builder.block
        with builder.if_then(pack):
            if transpose:
                self.pack_transposed(room, (b0, b_column), block.columns, block.depth, width)
            else:
                self.pack(room, (b0, b_step), block.columns, block.depth, width)
            packed = builder.block
        return (
            self.merged(b0, before, room, packed),
            self.merged(b_step, before, self.number(width), packed),
            self.merged(self.number(width), before, apart, packed),
        )

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
            across = Sizes(block.columns, count, block.depth, false)
            there = self.at(a0, builder.mul(i, a_row)), a_row, a_step
            panels = self.panels(there, room, across, apart, True)
            self.strips((turned, most), (b0, one, b_row), panels, across, (false, b0))
            with self.loop(self.number(0), count) as row:
                target = self.at(c0, builder.mul(builder.add(i, row), c_row))
                with self.loop(self.number(0), block.columns) as j:
                    value = builder.load(self.at(turned, builder.mul(j, most), row))
                    self.put(value, self.at(target, j), block.add)

    def flat_block(self, c: Any, a: Any, b: Any, block: Sizes) -> None:
        """A block of few rows, some columns at a time."""
        builder = self.builder
        at_once = FLAT_BYTES // self.form.entry_bytes
        room = self.room(FLAT_BYTES)
        with self.loop(self.number(0), block.columns, at_once) as j:
            count = self.lesser(builder.sub(block.columns, j), self.number(at_once))
            part = Sizes(block.rows, count, block.depth, block.add)
            self.flat_part((self.at(c[0], j), c[1]), a, (self.at(b[0], j), b[1]), part, room)

    def flat_part(self, c: Any, a: Any, b: Any, block: Sizes, sums: Any) -> None:
        """Few rows, and columns whose sums have room in `sums`.

        b is read once, from its first row to its last, as fast as it comes from memory: four rows
        at a time are added to the sums of a row of c, which stay in the first-level cache. The
        terms of a sum keep their order, hence its bits.
        """
        builder, form = self.builder, self.form
        (c0, c_row), (a0, a_row, a_step), (b0, b_row) = c, a, b
        ragged = builder.srem(block.columns, self.number(form.lanes))
        whole = builder.sub(block.columns, ragged)
        fours = builder.sub(block.depth, builder.srem(block.depth, self.number(4)))
        zero = self.ir.Constant(self.vector, None)
        with self.loop(self.number(0), block.rows) as i:
            row = self.at(a0, builder.mul(i, a_row))
            with self.loop(self.number(0), block.columns, form.lanes) as j:
                self.store(zero, self.at(sums, j))

            def add_rows(k: Any, count: int, row: Any = row) -> None:
                steps = [builder.add(k, self.number(t)) for t in range(count)]
                factors = [
                    self.broadcast(builder.load(self.at(row, builder.mul(step, a_step))))
                    for step in steps
                ]
                sources = [self.at(b0, builder.mul(step, b_row)) for step in steps]

                def add_vectors(j: Any, mask: Any) -> None:
                    place = self.at(sums, j)
                    value = self.load(place)
                    for factor, source in zip(factors, sources, strict=True):
                        terms = [factor, self.load(self.at(source, j), mask), value]
                        value = builder.call(self.multiply_add, terms)
                    self.store(value, place)

                with self.loop(self.number(0), whole, form.lanes) as j:
                    add_vectors(j, None)
                with builder.if_then(builder.icmp_signed(">", ragged, self.number(0))):
                    add_vectors(whole, self.lanes_below(ragged))

            with self.loop(self.number(0), fours, 4) as k:
                add_rows(k, 4)
            with self.loop(fours, block.depth) as k:
                add_rows(k, 1)
            target = self.at(c0, builder.mul(i, c_row))
            with self.loop(self.number(0), block.columns) as j:
                self.put(builder.load(self.at(sums, j)), self.at(target, j), block.add)

    def put(self, value: Any, place: Any, add: Any) -> None:
        """An entry takes its place, or is added to what stands there."""
        builder = self.builder
        alone = builder.block
        with builder.if_then(add):
            total = builder.fadd(builder.load(place), value)
            added = builder.block
        builder.store(self.merged(value, alone, total, added), place)

    def room(self, size: int) -> Any:
        """Room on the stack for so many bytes."""
        kind = self.ir.ArrayType(self.form.entry, size // self.form.entry_bytes)
        room = self.builder.alloca(kind)
        room.align = 64
        return self.builder.bitcast(room, self.form.entry.as_pointer())

    def strips(self, c: Any, a: Any, panels: Any, block: Sizes, packed: Any) -> None:
        """The strips of a block.

        `panels` is (pointer, step of k, from panel to panel), `packed` whether a and the panels
        are, and where a then stands. A last panel of fewer columns reads a where it lies.
        """
        builder = self.builder
        width = self.number(self.form.width)
        start, step, between = panels
        both, rows_of_a = packed
        of_packed, of_any = (
            strip_function(builder.module, self.form, each) for each in (True, False)
        )
        with self.loop(self.number(0), block.columns, self.form.width) as j:
            p = builder.sdiv(j, width)
            count = self.lesser(builder.sub(block.columns, j), width)
            b_p = self.at(start, builder.mul(p, between))
            known = builder.and_(both, builder.icmp_signed("==", count, width))
            strip = builder.select(known, of_packed, of_any)
            left = builder.select(known, rows_of_a, a[0]), a[1], a[2]
            sizes = [block.rows, count, block.depth, block.add]
            builder.call(strip, [self.at(c[0], j), c[1], *left, b_p, step, *sizes])


def write_block(module: Any, form: Form, transpose: bool, name: str) -> None:
    """Write the function of a block into an LLVM module.

    name(c, c_row, a, a_row, a_step, b, b_row, rows, columns, depth, add, pack)
    """
    from llvmlite import ir

    pointer, word = form.entry.as_pointer(), ir.IntType(64)
    kind = ir.FunctionType(
        ir.VoidType(),
        [pointer, word, pointer, word, word, pointer, word, word, word, word, word, word],
    )
    function = ir.Function(module, kind, name)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    c0, c_row, a0, a_row, a_step, b0, b_row, rows, columns, depth, *flags = function.args
    add, pack = (builder.icmp_signed("!=", flag, word(0)) for flag in flags)
    writer = PanelWriter(builder, form)
    given = (c0, c_row), (a0, a_row, a_step), (b0, b_row), Sizes(rows, columns, depth, add)
    if transpose:
        writer.block(*given, pack, transpose)
    else:
        along = builder.icmp_signed("==", a_row, word(1))  # a.T lies in memory as it is needed
        few = builder.and_(along, builder.icmp_signed("<=", columns, word(NARROW)))
        many = builder.icmp_signed(">=", rows, word(form.lanes))
        with builder.if_else(builder.icmp_signed("<=", rows, word(FLAT))) as (flat, other):
            with flat:
                writer.flat_block(*given)
            with other, builder.if_else(builder.and_(few, many)) as (narrow, wide):
                with narrow:
                    writer.turned_block(*given)
                with wide:
                    writer.block(*given, pack, transpose)
    builder.ret_void()

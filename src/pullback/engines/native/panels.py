"""Blocks of a matrix product: a few panels of b, copied close together where that pays.

A block is some rows of the result times at most `BLOCK_BYTES` of its columns (a few panels), over
a contraction of at most `DEPTH`. A panel that many tiles read is copied (*packed*) to the stack
first: there it stays in the first-level cache, while the rows of a large b lie a page apart. b may
be read along its rows (a @ b) or along its columns (a @ b.T): the second is transposed on the way,
in squares as wide as a vector register.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .tiles import TileWriter, strip_function
from .vectors import Form

DEPTH = 320
"""The longest contraction of a block: 320 x 16 float32 of a packed panel are 20 KiB."""

BLOCK_BYTES = 256
"""The columns of a block, in bytes. Packed, a block takes 80 KiB of the stack: of the second-level
cache, while a panel of it is in use in the first."""


NARROW = 4
"""So few columns are computed as rows: a vector of columns would be half empty or worse."""

FLAT = 2
"""So few rows are computed one by one, each over all columns at once."""

PREFETCHED_ROWS = 16
"""How far ahead of its copying a row of b is asked for: processors do not foresee long strides."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a block, as values in LLVM, and whether it is added to what stands there."""

    rows: Any
    columns: Any
    depth: Any
    add: Any


class PanelWriter(TileWriter):
    """Writes the copies of panels."""

    def pack(self, panels: Any, b: Any, columns: Any, depth: Any) -> None:
        """Panel p takes b[k, p width : (p + 1) width] to `panels[p, k, :]`; b is (pointer, row)."""
        builder, form = self.builder, self.form
        b0, b_row = b
        rest = builder.srem(columns, self.number(form.width))
        whole = builder.sub(columns, rest)
        panel = builder.mul(depth, self.number(form.width))  # entries of one
        ragged = builder.icmp_signed(">", rest, self.number(0))
        masks = [self.lanes_below(builder.sub(rest, self.number(v * form.lanes))) for v in (0, 1)]
        with self.loop(self.number(0), depth) as k:
            source = self.at(b0, builder.mul(k, b_row))
            target = self.at(panels, builder.mul(k, self.number(form.width)))
            ahead = self.at(source, builder.mul(b_row, self.number(PREFETCHED_ROWS)))
            with self.loop(self.number(0), columns, 64 // form.entry_bytes) as line:
                self.prefetch(self.at(ahead, line), write=False)

            def copy(j: Any, masks: list[Any], source: Any = source, target: Any = target) -> None:
                p = builder.sdiv(j, self.number(form.width))
                place = self.at(target, builder.mul(p, panel))
                for v, mask in enumerate(masks):
                    ahead = self.number(v * form.lanes)
                    self.store(self.load(self.at(source, j, ahead), mask), self.at(place, ahead))

            with self.loop(self.number(0), whole, form.width) as j:
                copy(j, [None, None])
            with builder.if_then(ragged):
                copy(whole, masks)

    def pack_transposed(self, panels: Any, b: Any, columns: Any, depth: Any) -> None:
        """Panel p takes b[p width : (p + 1) width, k] to `panels[p, k, :]`; b is (pointer, row)."""
        builder, form = self.builder, self.form
        b0, b_row = b
        lanes, width = self.number(form.lanes), self.number(form.width)
        panel = builder.mul(depth, width)  # entries of one
        deep = builder.sub(depth, builder.srem(depth, lanes))
        squares = builder.sub(columns, builder.srem(columns, lanes))

        def place(j: Any, k: Any) -> Any:
            """Where entry (j, k) of b goes."""
            p, column = builder.sdiv(j, width), builder.srem(j, width)
            return self.at(panels, builder.mul(p, panel), builder.mul(k, width), column)

        def copy_entries(j: Any, start: Any) -> None:
            source, target = self.at(b0, builder.mul(j, b_row)), place(j, self.number(0))
            with self.loop(start, depth) as k:
                entry = builder.load(self.at(source, k))
                builder.store(entry, self.at(target, builder.mul(k, width)))

        with self.loop(self.number(0), squares, form.lanes) as j:
            rows = [
                self.at(b0, builder.mul(builder.add(j, self.number(i)), b_row))
                for i in range(form.lanes)
            ]
            target = place(j, self.number(0))
            with self.loop(self.number(0), deep, form.lanes) as k:
                square = self.transposed([self.load(self.at(row, k)) for row in rows])
                for i, column in enumerate(square):
                    k_i = builder.add(k, self.number(i))
                    self.store(column, self.at(target, builder.mul(k_i, width)))
            with self.loop(j, builder.add(j, lanes)) as single:
                copy_entries(single, deep)
        with self.loop(squares, columns) as j:
            copy_entries(j, self.number(0))

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
        """Some rows of c times a few panels of columns.

        Args:
            c: (pointer, row stride).
            a: (pointer, row stride, stride of k).
            b: (pointer, row stride): k runs along its rows where `transpose`, else down them.
            block: The sizes; at most BLOCK_BYTES of columns, at most DEPTH deep.
            pack: Copy the panels first. `transpose` does always.
            transpose: b is read along its rows.
        """
        builder = self.builder
        width = self.number(self.form.width)
        panels = self.room(DEPTH)
        b0, b_row = b
        apart = builder.mul(block.depth, width)
        if transpose:
            self.pack_transposed(panels, b, block.columns, block.depth)
            start, step, between = panels, width, apart
        else:
            before = builder.block
            with builder.if_then(pack):
                self.pack(panels, b, block.columns, block.depth)
                packed = builder.block
            start = self.merged(b0, before, panels, packed)
            step = self.merged(b_row, before, width, packed)
            between = self.merged(width, before, apart, packed)
        self.strips(c, a, (start, step, between), block)

    def turned_block(self, c: Any, a: Any, b: Any, block: Sizes) -> None:
        """A block of few columns, as c.T = b.T @ a.T: the rows of a fill the vectors.

        A sum has the same terms in the same order, hence the same bits.
        """
        builder, form = self.builder, self.form
        (c0, c_row), (a0, a_row, a_step), (b0, b_row) = c, a, b
        at_once = BLOCK_BYTES // form.entry_bytes
        panels, turned = self.room(DEPTH), self.room(NARROW)
        width, one = self.number(form.width), self.number(1)
        apart = builder.mul(block.depth, width)
        along = builder.icmp_signed("==", a_row, one)  # a.T stands in memory as it is needed
        with self.loop(self.number(0), block.rows, at_once) as i:
            rest = builder.sub(block.rows, i)
            most = self.number(at_once)
            count = builder.select(builder.icmp_signed("<", rest, most), rest, most)
            source = self.at(a0, builder.mul(i, a_row))
            before = builder.block
            with builder.if_then(builder.not_(along)):
                self.pack_transposed(panels, (source, a_row), count, block.depth)
                packed = builder.block
            start = self.merged(source, before, panels, packed)
            step = self.merged(a_step, before, width, packed)
            between = self.merged(width, before, apart, packed)
            across = Sizes(block.columns, count, block.depth, self.bit(0))
            self.strips((turned, most), (b0, one, b_row), (start, step, between), across)
            with self.loop(self.number(0), count) as row:
                target = self.at(c0, builder.mul(builder.add(i, row), c_row))
                with self.loop(self.number(0), block.columns) as j:
                    value = builder.load(self.at(turned, builder.mul(j, most), row))
                    self.put(value, self.at(target, j), block.add)

    def flat_block(self, c: Any, a: Any, b: Any, block: Sizes) -> None:
        """A block of few rows and any number of columns, up to DEPTH * BLOCK_BYTES.

        b is read once, from its first row to its last, as fast as it comes from memory: four rows
        at a time are added to the sums of a row of c, which stay in the first-level cache. The
        terms of a sum keep their order, hence its bits.
        """
        builder, form = self.builder, self.form
        (c0, c_row), (a0, a_row, a_step), (b0, b_row) = c, a, b
        sums = self.room(DEPTH)
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

    def room(self, rows: int) -> Any:
        """Room on the stack for so many rows of a block."""
        kind = self.ir.ArrayType(self.form.entry, rows * BLOCK_BYTES // self.form.entry_bytes)
        room = self.builder.alloca(kind)
        room.align = 64
        return self.builder.bitcast(room, self.form.entry.as_pointer())

    def strips(self, c: Any, a: Any, panels: Any, block: Sizes) -> None:
        """The strips of a block; `panels` is (pointer, step of k, from panel to panel)."""
        builder = self.builder
        width = self.number(self.form.width)
        start, step, between = panels
        strip = strip_function(builder.module, self.form)
        with self.loop(self.number(0), block.columns, self.form.width) as j:
            p = builder.sdiv(j, width)
            rest = builder.sub(block.columns, j)
            count = builder.select(builder.icmp_signed("<", rest, width), rest, width)
            b_p = self.at(start, builder.mul(p, between))
            sizes = [block.rows, count, block.depth, block.add]
            builder.call(strip, [self.at(c[0], j), c[1], *a, b_p, step, *sizes])


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

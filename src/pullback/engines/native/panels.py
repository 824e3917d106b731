"""Blocks of a matrix product: a few panels of b, copied close together where that pays.

A block is some rows of the result times at most `BLOCK_BYTES` of its columns (a few panels), over
a contraction of at most `DEPTH`. A panel that many tiles read is copied (*packed*) to the stack first:
there it stays in the first-level cache, while the rows of a large b lie a page apart. b may be
read along its rows (a @ b) or along its columns (a @ b.T): the second is transposed on the way, in
squares as wide as a vector register.
"""

from __future__ import annotations

from typing import Any

from .tiles import TileWriter
from .vectors import Form

DEPTH = 256
"""The longest contraction of a block: 256 x 16 float32 of a packed panel are 16 KiB."""

BLOCK_BYTES = 256
"""The columns of a block, in bytes. Packed, a block takes 64 KiB of the stack: of the second-level
cache, while a panel of it is in use in the first."""


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
        panel = builder.mul(depth, width)
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

    def block(
        self,
        c: Any,
        a: Any,
        b: Any,
        rows: Any,
        columns: Any,
        depth: Any,
        add: Any,
        pack: Any,
        strip: Any,
        transpose: bool,
    ) -> None:
        """`rows` rows of c times a few panels of columns; `strip` is the function.

        Args:
            c: (pointer, row stride).
            a: (pointer, row stride, stride of k).
            b: (pointer, row stride): k runs along its rows where `transpose`, else down them.
            rows: Any number.
            columns: 1 to BLOCK_BYTES.
            depth: 0 to DEPTH.
            add: To c, or instead of it.
            pack: Copy the panels first. `transpose` does always.
            strip: The function that `strip_function` writes.
            transpose: b is read along its rows.
        """
        builder, form = self.builder, self.form
        width = self.number(form.width)
        stack = self.ir.ArrayType(form.entry, DEPTH * BLOCK_BYTES // form.entry_bytes)
        room = builder.alloca(stack)
        room.align = 64
        panels = builder.bitcast(room, form.entry.as_pointer())
        b0, b_row = b
        apart = builder.mul(depth, width)
        if transpose:
            self.pack_transposed(panels, b, columns, depth)
            start, step, between = panels, width, apart
        else:
            before = builder.block
            with builder.if_then(pack):
                self.pack(panels, b, columns, depth)
                packed = builder.block
            start = self.merged(b0, before, panels, packed)
            step = self.merged(b_row, before, width, packed)
            between = self.merged(width, before, apart, packed)
        with self.loop(self.number(0), columns, form.width) as j:
            p = builder.sdiv(j, width)
            rest = builder.sub(columns, j)
            count = builder.select(builder.icmp_signed("<", rest, width), rest, width)
            b_p = self.at(start, builder.mul(p, between))
            builder.call(strip, [self.at(c[0], j), c[1], *a, b_p, step, rows, count, depth, add])


def write_block(module: Any, form: Form, transpose: bool, name: str) -> None:
    """Write the function of a block into an LLVM module.

    name(c, c_row, a, a_row, a_step, b, b_row, rows, columns, depth, add, pack)
    """
    from llvmlite import ir

    from .tiles import strip_function

    strip = strip_function(module, form)
    pointer, word = form.entry.as_pointer(), ir.IntType(64)
    kind = ir.FunctionType(
        ir.VoidType(),
        [pointer, word, pointer, word, word, pointer, word, word, word, word, word, word],
    )
    function = ir.Function(module, kind, name)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    c, c_row, a, a_row, a_step, b, b_row, rows, columns, depth, *flags = function.args
    add, pack = (builder.icmp_signed("!=", flag, word(0)) for flag in flags)
    PanelWriter(builder, form).block(
        (c, c_row),
        (a, a_row, a_step),
        (b, b_row),
        rows,
        columns,
        depth,
        add,
        pack,
        strip,
        transpose,
    )
    builder.ret_void()

"""The micro-kernel of matrix products, as instructions for LLVM.

A product is cut into *strips*: some rows of the result times one panel of its columns, as wide as
two vector registers. A strip is cut into *tiles* of six rows, whose 6 x 2 vectors of sums stay in
registers while the whole contraction runs:

    sums[i, j] = 0;   for k: sums[i, j] += a[i, k] * b[k, j];   out[i, j] (+)= sums[i, j]

Each sum is one chain of fused multiply-adds in the order of k, whatever the tile: the bits of a
row depend neither on the number of rows nor on where they are cut. Compilers find no such tile in
plain loops, hence vectors of LLVM here: 12 sums, 2 vectors of b and a broadcast entry of a are the
16 registers of AVX2, and 12 independent chains hide the latency of two multiply-add units.

A panel of b that several tiles read, and that lies scattered over a large matrix, is copied first
to the stack (*packed*), where it fits the first-level cache beside the rows of a. Where many panels
read the same rows of a, these are packed too: a panel of a is six rows wide, as a tile is.

The source of the scheme: Goto and van de Geijn, "Anatomy of high-performance matrix
multiplication", ACM Transactions on Mathematical Software 34 (2008); BLIS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .vectors import Form, VectorWriter

ROWS = 6

DEPTH = 320
"""The longest contraction of a block: 320 x 16 float32 of a packed panel are 20 KiB."""

LIVE_DEPTH = 32
"""Contractions as long as this, or longer, may leave out steps in which a has zeros alone."""

PREFETCHED_STEPS = 12
"""How far ahead in the contraction a is asked for: the rows of a.T lie far apart."""


class TileWriter(VectorWriter):
    """Writes tiles and strips of one form into an LLVM function.

    c, a and b are a pointer with its strides in entries: c (pointer, row), a (pointer, row, step
    of k), b (pointer, step of k).
    """

    # --------------------------------------------------------------------------------- tiles

    def tile(
        self,
        c: Any,
        a: Any,
        b: Any,
        depth: Any,
        flags: Any,
        rows: int,
        vectors: int,
        columns: Any = None,
    ) -> None:
        """`rows` rows of c times `vectors` vectors of columns, or the first `columns` of these.

        `flags` are whether to add to what stands in c, and whether to settle the signs of zeros.
        """
        builder, lanes = self.builder, self.form.lanes
        (c0, c_row), (a0, a_row, a_step), (b0, b_step) = c, a, b
        masks: list[Any] = [None] * vectors
        if columns is not None:
            masks[-1] = self.lanes_below(builder.sub(columns, self.number((vectors - 1) * lanes)))
        places = [self.number(v * lanes) for v in range(vectors)]
        c_rows = [self.at(c0, builder.mul(c_row, self.number(i))) for i in range(rows)]
        apart = [builder.mul(a_row, self.number(i)) for i in range(3)]
        a_rows = [self.at(a0, builder.mul(a_row, self.number(i))) for i in range(0, rows, 3)]
        grid = [(i, v) for i in range(rows) for v in range(vectors)]

        zero = self.ir.Constant(self.vector, None)
        ahead = builder.mul(a_step, self.number(PREFETCHED_STEPS))
        for row in c_rows:
            self.prefetch(row, write=True)
        start = builder.block
        body = builder.append_basic_block("depth")
        after = builder.append_basic_block("summed")
        builder.cbranch(builder.icmp_signed(">", depth, self.number(0)), body, after)
        builder.position_at_end(body)
        left, from_b = (builder.phi(x.type) for x in (depth, b0))
        # A pointer for every three rows: one for all would be a chain of additions as long as
        # the multiply-adds take.
        from_a = [builder.phi(a0.type) for _ in range(0, rows, 3)]
        sums = [builder.phi(self.vector) for _ in grid]
        panel = [self.load(self.at(from_b, places[v]), masks[v]) for v in range(vectors)]
        self.prefetch(self.at(from_a[0], ahead), write=False)
        new = []
        for i in range(rows):
            place = from_a[i // 3] if i % 3 == 0 else self.at(from_a[i // 3], apart[i % 3])
            factor = self.broadcast(builder.load(place))
            for v in range(vectors):
                terms = [factor, panel[v], sums[i * vectors + v]]
                new.append(builder.call(self.multiply_add, terms))
        for phi, first, following in (
            (left, depth, builder.sub(left, self.number(1))),
            (from_b, b0, self.at(from_b, b_step)),
            *((p, first, self.at(p, a_step)) for p, first in zip(from_a, a_rows, strict=True)),
            *zip(sums, [zero] * len(sums), new, strict=True),
        ):
            phi.add_incoming(first, start)
            phi.add_incoming(following, body)
        builder.cbranch(builder.icmp_signed(">", left, self.number(1)), body, after)
        builder.position_at_end(after)
        results = [self.merged(zero, start, summed, body) for summed in new]

        self.finish((c_rows, masks), results, flags, columns)

    def finish(self, c: Any, results: list[Any], flags: Any, columns: Any = None) -> None:
        """Write the sums of a tile, row after row, to c: (pointers to rows, masks of vectors)."""
        builder, lanes = self.builder, self.form.lanes
        (c_rows, masks), (add, settle) = c, flags
        vectors = len(masks)
        places = [self.number(v * lanes) for v in range(vectors)]
        grid = [(i, v) for i in range(len(c_rows)) for v in range(vectors)]
        zero = self.ir.Constant(self.vector, None)

        before = builder.block
        with builder.if_then(settle):
            settled = [builder.fadd(value, zero) for value in results]
            inside = builder.block
        results = [
            self.merged(plain, before, value, inside)
            for plain, value in zip(results, settled, strict=True)
        ]

        # What stood in c comes last, so that the loads need not be waited for.
        before = builder.block
        with builder.if_then(add):
            old = [self.load(self.at(c_rows[i], places[v]), masks[v]) for i, v in grid]
            totals = [builder.fadd(*pair) for pair in zip(old, results, strict=True)]
            added = builder.block
        results = [
            self.merged(alone, before, total, added)
            for alone, total in zip(results, totals, strict=True)
        ]

        for (i, v), value in zip(grid, results, strict=True):
            if masks[v] is None:
                self.store(value, self.at(c_rows[i], places[v]))
        if columns is not None:
            last = [results[i * vectors + vectors - 1] for i in range(len(c_rows))]
            ends = [self.at(row, places[-1]) for row in c_rows]
            rest = builder.sub(columns, places[-1])
            self.store_first(last, ends, rest)

    def store_first(self, values: list[Any], places: list[Any], count: Any) -> None:
        """The first `count` (1 to lanes) entries of each vector, in halves, quarters, ...

        Some processors take ten times as long for a store with a mask.
        """
        builder, size = self.builder, self.form.lanes
        short = self.ir.IntType(32)
        while True:
            before = builder.block
            chosen = builder.icmp_signed(
                "!=", builder.and_(count, self.number(size)), self.number(0)
            )
            rests = []
            with builder.if_then(chosen):
                for value, place in zip(values, places, strict=True):
                    self.store(self.first(value, size), place)
                    have = value.type.count
                    ends = [min(size + lane, have - 1) for lane in range(have)]
                    picked = self.ir.Constant(self.ir.VectorType(short, have), ends)
                    undefined = self.ir.Constant(value.type, self.ir.Undefined)
                    rest = builder.shuffle_vector(value, undefined, picked)
                    rests.append((rest, self.at(place, self.number(size))))
                inside = builder.block
            if size == 1:
                return
            values = [
                self.merged(old, before, value, inside)
                for old, (value, _) in zip(values, rests, strict=True)
            ]
            places = [
                self.merged(old, before, place, inside)
                for old, (_, place) in zip(places, rests, strict=True)
            ]
            size //= 2

    def put(self, value: Any, place: Any, add: Any) -> None:
        """An entry takes its place, or is added to what stands there."""
        builder = self.builder
        alone = builder.block
        with builder.if_then(add):
            total = builder.fadd(builder.load(place), value)
            added = builder.block
        builder.store(self.merged(value, alone, total, added), place)

    # -------------------------------------------------------------------------------- strips

    def strip(self, c: Any, a: Any, b: Any, rows: Any, columns: Any, depth: Any, add: Any) -> None:
        """`rows` rows of c times one panel of 1 to `width` columns."""
        builder, form = self.builder, self.form
        a = (*a, a[1])
        flags = add, self.settles(depth)
        full = builder.icmp_signed("==", columns, self.number(form.width))
        with builder.if_else(full) as (whole, part):
            with whole:
                self.rows(c, a, b, rows, depth, flags, 2)
            with part:
                two = builder.icmp_signed(">", columns, self.number(form.lanes))
                with builder.if_else(two) as (wide, narrow):
                    with wide:
                        self.rows(c, a, b, rows, depth, flags, 2, columns)
                    with narrow:
                        self.rows(c, a, b, rows, depth, flags, 1, columns)

    def rows(
        self,
        c: Any,
        a: Any,
        b: Any,
        rows: Any,
        depth: Any,
        flags: Any,
        vectors: int,
        columns: Any = None,
        packed: bool = False,
    ) -> None:
        """`rows` rows of c times one panel of `vectors` vectors, or its first `columns` columns.

        a is (pointer, row, step of k, tile): the tile at row i reads from entry i * tile on. That
        is i * row but where a is packed, in panels of six rows.
        """
        builder = self.builder
        (c0, c_row), (a0, a_row, a_step, a_tile) = c, a
        # Half as many vectors, twice as many rows: the registers hold twelve sums.
        most = 2 * ROWS // vectors

        def write(i: Any, count: int) -> None:
            c_i = (self.at(c0, builder.mul(c_row, i)), c_row)
            a_i = (self.at(a0, builder.mul(a_tile, i)), a_row, a_step)
            self.tile(c_i, a_i, b, depth, flags, count, vectors, columns)

        self.each_tile(rows, most, write, sixes=packed)

    def settles(self, depth: Any) -> Any:
        """Whether sums of so many terms are settled: where steps of zeros may be left out.

        A sum of 0 to which a product too small for any number was added can be -0, which the next
        product with 0 makes +0, unless it is left out. So such sums have +0 always.
        """
        return self.builder.icmp_signed(">=", depth, self.number(LIVE_DEPTH))

    def settled(self, value: Any, depth: Any) -> Any:
        """A sum of so many terms, settled."""
        builder = self.builder
        zero = self.ir.Constant(value.type, 0.0)
        return builder.select(self.settles(depth), builder.fadd(value, zero), value)

    def each_tile(
        self, rows: Any, most: int, write: Callable[[Any, int], None], sixes: bool = False
    ) -> None:
        """`write(i, count)` for tiles of `count` rows from row i on.

        They have `most` rows, then six. Where one or two rows would be left, which wait for their
        own sums, the last eight or seven are two tiles: but not where a stands in `sixes`.
        """
        builder = self.builder
        whole = self.number(0)
        for count in {most: None, ROWS: None}:
            start, left = whole, builder.sub(rows, whole)
            whole = builder.sub(rows, builder.srem(left, self.number(count)))
            if count == ROWS and not sixes:
                rest, six = builder.sub(rows, whole), self.number(ROWS)
                few = builder.icmp_unsigned("<", builder.sub(rest, self.number(1)), self.number(2))
                has_six = builder.icmp_signed(">=", builder.sub(whole, start), six)
                shorter = builder.sub(whole, six)
                whole = builder.select(builder.and_(few, has_six), shorter, whole)
            with self.loop(start, whole, count) as i:
                write(i, count)
        end = builder.append_basic_block("rows_done")
        choice = builder.switch(builder.sub(rows, whole), end)
        for rest in (*range(1, ROWS), *(() if sixes else (ROWS + 1, ROWS + 2))):
            block = builder.append_basic_block(f"rows_{rest}")
            choice.add_case(self.number(rest), block)
            builder.position_at_end(block)
            if rest < ROWS:
                write(whole, rest)
            else:
                half = (rest + 1) // 2
                write(whole, half)
                write(builder.add(whole, self.number(half)), rest - half)
            builder.branch(end)
        builder.position_at_end(end)


def strip_function(module: Any, form: Form, packed: bool) -> Any:
    """The function of a strip in an LLVM module, written there at the first call.

    name(c, c_row, a, a_row, a_step, b, b_step, rows, columns, depth, add); where both factors are
    packed, their strides are known, and the columns are `width`: what is given does not matter.
    """
    from llvmlite import ir

    name = f"pullback_strip_{'packed_' if packed else ''}{form.dtype}_{form.lanes}"
    known = module.globals.get(name)
    if known is not None:
        return known
    pointer, word = form.entry.as_pointer(), ir.IntType(64)
    kind = ir.FunctionType(
        ir.VoidType(),
        [pointer, word, pointer, word, word, pointer, word, word, word, word, ir.IntType(1)],
    )
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    c, c_row, a, a_row, a_step, b, b_step, rows, columns, depth, add = function.args
    writer = TileWriter(builder, form)
    if packed:
        left, right = (a, word(1), word(ROWS), depth), (b, word(form.width))
        flags = add, writer.settles(depth)
        writer.rows((c, c_row), left, right, rows, depth, flags, 2, packed=True)
    else:
        writer.strip((c, c_row), (a, a_row, a_step), (b, b_step), rows, columns, depth, add)
    builder.ret_void()
    return function

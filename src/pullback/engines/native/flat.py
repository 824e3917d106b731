"""Products of few rows: every row of b is read once, from the first to the last.

No tile pays for itself there, and the time is that which b takes to come from memory. The sums of
a row of c stay in the first-level cache, and four rows of b at a time are added to them; the terms
of a sum keep their order, hence its bits. Where b is known to be finite, its rows that would be
multiplied with zeros are not read at all: for an image of MNIST, one of five is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .tiles import DEPTH, TileWriter
from .vectors import Sizes

FLAT_BYTES = 16 * 1024
"""The columns of c at once, in bytes: their sums stay in the first-level cache."""

Term = Callable[[Any], tuple[Any, Any]]
"""From the number of a term to its entry of a and the pointer to its row of b."""


class FlatWriter(TileWriter):
    """Writes blocks of few rows into an LLVM function.

    c, a and b are (pointer, row stride), a with the stride of k besides.
    """

    def flat_block(self, c: Any, a: Any, b: Any, block: Sizes) -> None:
        """A block of few rows, some columns at a time; at most DEPTH deep."""
        builder = self.builder
        at_once = FLAT_BYTES // self.form.entry_bytes
        sums, entries = self.room(FLAT_BYTES), self.room(DEPTH * self.form.entry_bytes)
        places = builder.alloca(self.word, DEPTH)
        some = builder.and_(block.finite, self.settles(block.depth))
        (c0, c_row), (a0, a_row, a_step), (b0, b_row) = c, a, b
        with self.loop(self.number(0), block.rows) as i:
            row = self.at(a0, builder.mul(i, a_row)), a_step
            before = builder.block
            with builder.if_then(some):
                found = self._live_terms(row, b_row, block.depth, entries, places)
                inside = builder.block
            live = self.merged(self.number(0), before, found, inside)
            with self.loop(self.number(0), block.columns, at_once) as j:
                count = self.lesser(builder.sub(block.columns, j), self.number(at_once))
                part = replace(block, columns=count)
                from_b = self.at(b0, j), b_row
                self._clear(sums, count)
                with builder.if_else(some) as (listed, whole):
                    with listed:
                        self._add(live, self._listed(entries, places, from_b), part, sums)
                    with whole:
                        self._add(block.depth, self._in_place(row, from_b), part, sums)
                target = self.at(c0, builder.mul(i, c_row), j)
                with self.loop(self.number(0), count) as column:
                    value = self.settled(builder.load(self.at(sums, column)), block.depth)
                    self.put(value, self.at(target, column), block.add)

    def _clear(self, sums: Any, columns: Any) -> None:
        zero = self.ir.Constant(self.vector, None)
        with self.loop(self.number(0), columns, self.form.lanes) as j:
            self.store(zero, self.at(sums, j))

    def _live_terms(self, row: Any, b_row: Any, depth: Any, entries: Any, places: Any) -> Any:
        """List the entries of a row that are not zero, and where their rows of b begin."""
        builder = self.builder
        start, step = row
        zero = self.ir.Constant(self.entry, 0.0)
        with self.carrying(self.number(0), depth, 1, [self.number(0)]) as turn:
            entry = builder.load(self.at(start, builder.mul(turn.k, step)))
            (count,) = turn.carried
            builder.store(entry, self.at(entries, count))
            builder.store(builder.mul(turn.k, b_row), self.at(places, count))
            is_live = builder.fcmp_unordered("!=", entry, zero)
            turn.carried = [builder.add(count, builder.zext(is_live, self.word))]
        return turn.carried[0]

    def _listed(self, entries: Any, places: Any, b: Any) -> Term:
        builder = self.builder

        def term(number: Any) -> tuple[Any, Any]:
            place = builder.load(self.at(places, number))
            return builder.load(self.at(entries, number)), self.at(b[0], place)

        return term

    def _in_place(self, row: Any, b: Any) -> Term:
        builder = self.builder

        def term(number: Any) -> tuple[Any, Any]:
            entry = builder.load(self.at(row[0], builder.mul(number, row[1])))
            return entry, self.at(b[0], builder.mul(number, b[1]))

        return term

    def _add(self, count: Any, term: Term, block: Sizes, sums: Any) -> None:
        """Add so many terms to the sums of a row, four at a time."""
        builder = self.builder
        fours = builder.sub(count, builder.srem(count, self.number(4)))
        for start, stop, together in ((self.number(0), fours, 4), (fours, count, 1)):
            with self.loop(start, stop, together) as first:
                numbers = [builder.add(first, self.number(t)) for t in range(together)]
                self._add_together([term(number) for number in numbers], block, sums)

    def _add_together(self, terms: list[Any], block: Sizes, sums: Any) -> None:
        builder, lanes = self.builder, self.form.lanes
        factors = [self.broadcast(entry) for entry, _ in terms]
        ragged = builder.srem(block.columns, self.number(lanes))
        whole = builder.sub(block.columns, ragged)

        def add_vectors(j: Any, mask: Any) -> None:
            place = self.at(sums, j)
            value = self.load(place)
            for factor, (_, source) in zip(factors, terms, strict=True):
                value = builder.call(
                    self.multiply_add, [factor, self.load(self.at(source, j), mask), value]
                )
            self.store(value, place)

        with self.loop(self.number(0), whole, lanes) as j:
            add_vectors(j, None)
        with builder.if_then(builder.icmp_signed(">", ragged, self.number(0))):
            add_vectors(whole, self.lanes_below(ragged))

"""Instructions of LLVM on vectors of entries: what tiles and panels are written with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_BYTES = {"f4": 4, "f8": 8}


@dataclass(frozen=True)
class Form:
    """The entries of a product, and how many of them a vector register of the machine holds."""

    dtype: str
    lanes: int

    @property
    def entry_bytes(self) -> int:
        """The size of an entry."""
        return _BYTES[self.dtype]

    @property
    def width(self) -> int:
        """The columns of a panel: two registers."""
        return 2 * self.lanes

    @property
    def entry(self) -> Any:
        """The type of an entry in LLVM."""
        from llvmlite import ir

        return ir.FloatType() if self.dtype == "f4" else ir.DoubleType()


@dataclass
class Turn:
    """A turn of a loop, and what it carries on to the next; after the loop, what that is then."""

    k: Any
    carried: list[Any]


@dataclass(frozen=True)
class Sizes:
    """The sizes of a block, as values in LLVM, and what is known of it.

    Attributes:
        rows: Of the result.
        columns: Of the result.
        depth: The length of the contraction.
        add: Whether it is added to what stands there.
        finite: Whether b is known to be finite.
    """

    rows: Any
    columns: Any
    depth: Any
    add: Any
    finite: Any


class VectorWriter:
    """Writes into an LLVM function with vectors of one form."""

    def __init__(self, builder: Any, form: Form) -> None:
        from llvmlite import ir

        self.builder = builder
        self.form = form
        self.word = ir.IntType(64)
        self.bit = ir.IntType(1)
        self.entry = form.entry
        self.vector = ir.VectorType(self.entry, form.lanes)
        self.ir = ir
        suffix = f"v{form.lanes}f{8 * form.entry_bytes}"
        mask = ir.VectorType(self.bit, form.lanes)
        pointer = self.vector.as_pointer()
        index = ir.IntType(32)
        self.multiply_add = self._declared(
            f"llvm.fmuladd.{suffix}", ir.FunctionType(self.vector, [self.vector] * 3)
        )
        self.masked_load = self._declared(
            f"llvm.masked.load.{suffix}.p0",
            ir.FunctionType(self.vector, [pointer, index, mask, self.vector]),
        )

    def _declared(self, name: str, kind: Any) -> Any:
        known = self.builder.module.globals.get(name)
        return known or self.ir.Function(self.builder.module, kind, name)

    # -------------------------------------------------------------------------------- pieces

    def number(self, value: int) -> Any:
        return self.ir.Constant(self.word, value)

    def at(self, pointer: Any, *terms: Any) -> Any:
        """pointer + the sum of the terms, in entries."""
        for term in terms:
            pointer = self.builder.gep(pointer, [term])
        return pointer

    def merged(self, value: Any, block: Any, other: Any, other_block: Any) -> Any:
        """`value` where `block` led here, `other` where `other_block` did."""
        phi = self.builder.phi(value.type)
        phi.add_incoming(value, block)
        phi.add_incoming(other, other_block)
        return phi

    def load(self, pointer: Any, mask: Any = None, lanes: int | None = None) -> Any:
        kind = self.ir.VectorType(self.entry, lanes or self.form.lanes)
        wide = self.builder.bitcast(pointer, kind.as_pointer())
        align = self.form.entry_bytes
        if mask is None:
            return self.builder.load(wide, align=align)
        alignment = self.ir.Constant(self.ir.IntType(32), align)
        zero = self.ir.Constant(self.vector, None)
        return self.builder.call(self.masked_load, [wide, alignment, mask, zero])

    def store(self, value: Any, pointer: Any) -> None:
        wide = self.builder.bitcast(pointer, value.type.as_pointer())
        self.builder.store(value, wide, align=self.form.entry_bytes)

    def broadcast(self, scalar: Any, lanes: int | None = None) -> Any:
        lanes = lanes or self.form.lanes
        kind = self.ir.VectorType(scalar.type, lanes)
        undefined = self.ir.Constant(kind, self.ir.Undefined)
        place = self.ir.Constant(self.ir.IntType(32), 0)
        one = self.builder.insert_element(undefined, scalar, place)
        zeros = self.ir.Constant(self.ir.VectorType(self.ir.IntType(32), lanes), [0] * lanes)
        return self.builder.shuffle_vector(one, undefined, zeros)

    def first(self, value: Any, count: int) -> Any:
        """The first `count` lanes of a vector."""
        kind = self.ir.VectorType(self.ir.IntType(32), count)
        undefined = self.ir.Constant(value.type, self.ir.Undefined)
        lanes = self.ir.Constant(kind, list(range(count)))
        return self.builder.shuffle_vector(value, undefined, lanes)

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

    def lesser(self, value: Any, other: Any) -> Any:
        """The lesser of two numbers."""
        return self.builder.select(self.builder.icmp_signed("<", value, other), value, other)

    def lanes_below(self, count: Any) -> Any:
        """The mask of the lanes 0, 1, ... count - 1."""
        lanes = self.form.lanes
        short = self.ir.IntType(32)
        places = self.ir.Constant(self.ir.VectorType(short, lanes), list(range(lanes)))
        many = self.broadcast(self.builder.trunc(count, short))
        return self.builder.icmp_signed("<", places, many)

    def prefetch(self, pointer: Any, write: bool) -> None:
        """Ask for the cache line at `pointer`, which need not be ours, without waiting."""
        plain = self.ir.IntType(8).as_pointer()
        short = self.ir.IntType(32)
        kind = self.ir.FunctionType(self.ir.VoidType(), [plain, short, short, short])
        # For reading or writing; into the caches nearest to the processor; data, no code.
        settings = [self.ir.Constant(short, each) for each in (int(write), 3, 1)]
        ask = self._declared("llvm.prefetch.p0", kind)
        self.builder.call(ask, [self.builder.bitcast(pointer, plain), *settings])

    def room(self, size: int) -> Any:
        """Room on the stack for so many bytes."""
        kind = self.ir.ArrayType(self.form.entry, size // self.form.entry_bytes)
        room = self.builder.alloca(kind)
        room.align = 64
        return self.builder.bitcast(room, self.form.entry.as_pointer())

    @contextmanager
    def loop(self, start: Any, stop: Any, step: int = 1) -> Iterator[Any]:
        """The body runs for start, start + step, ... below stop; perhaps never."""
        with self.carrying(start, stop, step, []) as turn:
            yield turn.k

    @contextmanager
    def carrying(self, start: Any, stop: Any, step: int, first: Sequence[Any]) -> Iterator[Turn]:
        """A loop whose body changes what the turn carries, at first `first`."""
        builder = self.builder
        before = builder.block
        head = builder.append_basic_block("head")
        body = builder.append_basic_block("body")
        after = builder.append_basic_block("after")
        builder.branch(head)
        builder.position_at_end(head)
        i = builder.phi(self.word)
        i.add_incoming(start, before)
        carried = [builder.phi(value.type) for value in first]
        for phi, value in zip(carried, first, strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", i, stop), body, after)
        builder.position_at_end(body)
        turn = Turn(i, list(carried))
        yield turn
        i.add_incoming(builder.add(i, self.number(step)), builder.block)
        for phi, value in zip(carried, turn.carried, strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        turn.carried = list(carried)

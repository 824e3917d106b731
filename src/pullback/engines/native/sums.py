"""Sums over the rows of a matrix: plain Python, and the machine form that compiled code calls.

A column's sum of an error signal is the gradient of a bias. In a loop over rows and columns each
addition would wait for the one before it to come back from memory; here the sums of several
columns, and of several rows in turn, stay in registers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .tiles import TileWriter
from .vectors import Form

__all__ = ["add_rows", "register"]

Array = np.ndarray[Any, Any]

SUMS_AT_ONCE = 4
"""So many vectors of columns, or rows in turn where there are fewer columns."""


def add_rows(out: Array, a: Array, lo: int, hi: int) -> None:
    """out += the sum of rows lo .. hi of a.

    Args:
        out: (J,), float32 or float64.
        a: (M, J), C-contiguous, of the same dtype.
        lo: The first row.
        hi: One more than the last row.
    """
    out += a[lo:hi].sum(axis=0)


class SumWriter(TileWriter):
    """Writes sums over rows into an LLVM function; a is (pointer, row stride)."""

    def add_rows(self, out: Any, a: Any, rows: Any, columns: Any) -> None:
        """Add `rows` rows of a to `out`."""
        builder, lanes = self.builder, self.form.lanes
        a0, a_row = a
        wide = SUMS_AT_ONCE * lanes
        many = builder.sub(columns, builder.srem(columns, self.number(wide)))
        ragged = builder.srem(columns, self.number(lanes))
        whole = builder.sub(columns, ragged)
        for start, stop, vectors in ((self.number(0), many, SUMS_AT_ONCE), (many, whole, 1)):
            with self.loop(start, stop, vectors * lanes) as j:
                sums = self._sums((self.at(a0, j), a_row), rows, vectors)
                for v, value in enumerate(sums):
                    place = self.at(out, j, self.number(v * lanes))
                    self.store(builder.fadd(self.load(place), value), place)
        with builder.if_then(builder.icmp_signed(">", ragged, self.number(0))):
            mask = self.lanes_below(ragged)
            (value,) = self._sums((self.at(a0, whole), a_row), rows, 1, mask)
            place = self.at(out, whole)
            total = builder.fadd(self.load(place, mask), value)
            self.store_first([total], [place], ragged)

    def _sums(self, a: Any, rows: Any, vectors: int, mask: Any = None) -> list[Any]:
        """The sums of some vectors of columns, in turn over as many rows as registers allow."""
        builder, lanes = self.builder, self.form.lanes
        a0, a_row = a
        turns = 2 * SUMS_AT_ONCE // vectors if vectors > 1 else SUMS_AT_ONCE
        places = [(turn, v) for turn in range(turns) for v in range(vectors)]
        whole = builder.sub(rows, builder.srem(rows, self.number(turns)))
        zero = self.ir.Constant(self.vector, None)

        def add(sums: list[Any], i: Any, count: int) -> None:
            for n, (turn, v) in enumerate(places):
                if turn < count:
                    row = builder.mul(builder.add(i, self.number(turn)), a_row)
                    value = self.load(self.at(a0, row, self.number(v * lanes)), mask)
                    sums[n] = builder.fadd(sums[n], value)

        with self.carrying(self.number(0), whole, turns, [zero] * len(places)) as loop:
            add(loop.carried, loop.k, turns)
        with self.carrying(whole, rows, 1, loop.carried) as rest:
            add(rest.carried, rest.k, 1)
        sums = rest.carried[:vectors]
        for n in range(vectors, len(places)):
            sums[n % vectors] = builder.fadd(sums[n % vectors], rest.carried[n])
        return sums


def write_sum(module: Any, form: Form, name: str) -> None:
    """Write the function that adds up rows into an LLVM module.

    name(out, a, a_row, rows, columns)
    """
    from llvmlite import ir

    pointer, word = form.entry.as_pointer(), ir.IntType(64)
    kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, word, word, word])
    function = ir.Function(module, kind, name)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    out, a, a_row, rows, columns = function.args
    SumWriter(builder, form).add_rows(out, (a, a_row), rows, columns)
    builder.ret_void()


@cache
def register() -> None:
    """Tell Numba the machine form."""
    from numba.extending import overload

    machine = _machine_form()

    @overload(add_rows, inline="never")
    def form(out: Any, a: Any, lo: Any, hi: Any) -> Any:
        def call(out: Any, a: Any, lo: Any, hi: Any) -> Any:
            machine(out, a, lo, hi)

        return call


def _machine_form() -> Any:
    """The intrinsic: a call of the machine code."""
    from numba import types
    from numba.extending import intrinsic

    from .blocks_code import SUM, call, engine_of, form_of, symbol

    dtypes = {types.float32: "f4", types.float64: "f8"}

    @intrinsic
    def machine(typing: Any, out: Any, a: Any, lo: Any, hi: Any) -> Any:
        dtype = dtypes[out.dtype]
        name = symbol(form_of(dtype), SUM)

        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            vector, matrix = (
                context.make_array(kind)(context, builder, value)
                for kind, value in zip(signature.args[:2], args[:2], strict=True)
            )
            lo, hi = args[2:]
            columns = builder.extract_value(matrix.shape, 1)
            first = builder.gep(matrix.data, [builder.mul(lo, columns)])
            given = [vector.data, first, columns, builder.sub(hi, lo), columns]
            engine_of(dtype)
            call(builder, name, given)
            return context.get_dummy_value()

        return types.void(out, a, types.int64, types.int64), write

    return machine

"""Blocks of matrix products: plain Python, and the machine form that compiled code calls.

Each `block_*` is one NumPy expression; that is what runs un-jitted. `register` gives Numba the
machine form, which does the same in the registers and caches of the machine (`panels`, `tiles`).
Arrays are 2-D, C-contiguous and of one dtype, float32 or float64. A block is the rows
i .. i + rows and the columns j .. j + columns of `out`; its contraction is k .. k + depth.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .panels import PACKED_BYTES, WIDE_BYTES
from .tiles import DEPTH

__all__ = [
    "block_nn",
    "block_nt",
    "block_tn",
    "depth_at_once",
    "one_block",
    "packs",
    "register",
    "rows_at_once",
]

Array = np.ndarray[Any, Any]


# The rows of a that panels of b read where they lie, in bytes: they stay in the second-level cache.
KEPT_BYTES = 272 * 1024

# A block of b is copied for so many rows, and where it spans more than this many bytes.
PACKED_ROWS = 24
SPREAD_BYTES = 24 * 1024


def packs(rows: int, depth: int, width: int, itemsize: int) -> bool:
    """Whether blocks of so many rows copy their part of b, whose rows have `width` columns."""
    return rows >= PACKED_ROWS and depth * width * itemsize > SPREAD_BYTES


def kept_bytes(width: int, itemsize: int) -> int:
    """The rows of a in a block, in bytes: all panels of b read them, packed where b is wide."""
    return PACKED_BYTES if width * itemsize >= WIDE_BYTES else KEPT_BYTES


def one_block(rows: int, length: int, width: int, itemsize: int) -> bool:
    """Whether a product is a single block: small ones do without the divisions below."""
    return length <= DEPTH and (rows + 5) * length * itemsize <= kept_bytes(width, itemsize)


def rows_at_once(depth: int, width: int, itemsize: int) -> int:
    """The rows of a block: a multiple of six, the rows of a tile."""
    return max(6, kept_bytes(width, itemsize) // (itemsize * max(depth, 1)) // 6 * 6)


def depth_at_once(length: int) -> int:
    """The depth of the blocks of a contraction: alike, and at most DEPTH."""
    blocks = max(1, (length + DEPTH - 1) // DEPTH)
    return max(1, (length + blocks - 1) // blocks)


def block_nn(
    out: Array, a: Array, b: Array, i: int, j: int, k: int,
    rows: int, columns: int, depth: int, add: bool, pack: bool, finite: bool,
) -> None:  # fmt: skip
    """out (+)= a @ b. `pack`: copy the block of b first, which changes no bit.

    `finite`: b is known to be finite; zeros of a may be left out without a look at b.
    """
    value = a[i : i + rows, k : k + depth] @ b[k : k + depth, j : j + columns]
    _put(out[i : i + rows, j : j + columns], value, add)


def block_nt(
    out: Array, a: Array, b: Array, i: int, j: int, k: int,
    rows: int, columns: int, depth: int, add: bool, pack: bool, finite: bool,
) -> None:  # fmt: skip
    """out (+)= a @ b.T. The block of b is always copied, and no zeros are left out."""
    value = a[i : i + rows, k : k + depth] @ b[j : j + columns, k : k + depth].T
    _put(out[i : i + rows, j : j + columns], value, add)


def block_tn(
    out: Array, a: Array, b: Array, i: int, j: int, k: int,
    rows: int, columns: int, depth: int, add: bool, pack: bool, finite: bool,
) -> None:  # fmt: skip
    """out (+)= a.T @ b. `pack` and `finite` as for `block_nn`."""
    value = a[k : k + depth, i : i + rows].T @ b[k : k + depth, j : j + columns]
    _put(out[i : i + rows, j : j + columns], value, add)


def _put(out: Array, value: Array, add: bool) -> None:
    if add:
        out += value
    else:
        out[...] = value


def register(*dtypes: str) -> None:
    """Tell Numba the machine form of the blocks (once; a second call does nothing).

    Code from an earlier process finds the functions of `dtypes` by their symbols from here on.
    """
    from .blocks_code import engine_of

    for dtype in dtypes:
        engine_of(dtype)
    _tell_numba()


@cache
def _tell_numba() -> None:
    from numba.extending import overload, register_jitable

    for helper in (kept_bytes, depth_at_once, one_block, packs, rows_at_once):
        register_jitable(nogil=True, error_model="numpy")(helper)
    for function, a_transposed, b_transposed in (
        (block_nn, False, False),
        (block_nt, False, True),
        (block_tn, True, False),
    ):
        machine = _machine_form(a_transposed, b_transposed)
        overload(function, inline="never")(_typed_as(machine))


def _typed_as(machine: Callable[..., Any]) -> Callable[..., Any]:
    """The overload that calls an intrinsic with the same arguments."""

    def form(
        out: Any, a: Any, b: Any, i: Any, j: Any, k: Any,
        rows: Any, columns: Any, depth: Any, add: Any, pack: Any, finite: Any,
    ) -> Any:  # fmt: skip
        def call(
            out: Any, a: Any, b: Any, i: Any, j: Any, k: Any,
            rows: Any, columns: Any, depth: Any, add: Any, pack: Any, finite: Any,
        ) -> Any:  # fmt: skip
            machine(out, a, b, i, j, k, rows, columns, depth, add, pack, finite)

        return call

    return form


def _machine_form(a_transposed: bool, b_transposed: bool) -> Callable[..., Any]:
    """The intrinsic of a block: a call of the machine code."""
    from numba import types
    from numba.core.errors import TypingError
    from numba.extending import intrinsic

    from .blocks_code import TRANSPOSED, UPRIGHT, call, engine_of, form_of, symbol

    dtypes = {types.float32: "f4", types.float64: "f8"}

    @intrinsic
    def machine(
        typing: Any, out: Any, a: Any, b: Any, i: Any, j: Any, k: Any,
        rows: Any, columns: Any, depth: Any, add: Any, pack: Any, finite: Any,
    ) -> Any:  # fmt: skip
        for each in (out, a, b):
            fits = isinstance(each, types.Array) and each.ndim == 2 and each.layout == "C"
            if not fits or each.dtype != out.dtype or each.dtype not in dtypes:
                raise TypingError("products are of contiguous matrices of float32 or of float64")
        dtype = dtypes[out.dtype]
        name = symbol(form_of(dtype), TRANSPOSED if b_transposed else UPRIGHT)

        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            matrices = [
                context.make_array(kind)(context, builder, value)
                for kind, value in zip(signature.args[:3], args[:3], strict=True)
            ]
            i, j, k, rows, columns, depth, *truths = args[3:]
            strides = [builder.extract_value(each.shape, 1) for each in matrices]
            one = i.type(1)

            def place(which: int, row: Any, column: Any) -> Any:
                entry = builder.add(builder.mul(row, strides[which]), column)
                return builder.gep(matrices[which].data, [entry])

            c = place(0, i, j), strides[0]
            if a_transposed:
                left = place(1, k, i), one, strides[1]
            else:
                left = place(1, i, k), strides[1], one
            right = place(2, *((j, k) if b_transposed else (k, j))), strides[2]
            flags = [builder.zext(each, i.type) for each in truths]
            given = [*c, *left, *right, rows, columns, depth, *flags]
            engine_of(dtype)
            call(builder, name, given)
            return context.get_dummy_value()

        number, truth = types.int64, types.boolean
        return types.void(out, a, b, *[number] * 6, *[truth] * 3), write

    return machine

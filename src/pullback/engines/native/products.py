"""Matrix products of the native engine: some rows of a result at a time, from blocks.

Arrays are matrices (2-D, C-contiguous) of one dtype, float32 or float64; they may have more rows
than are used. Every length may be 0 or 1. Nothing is allocated; a call takes 80 KiB of the stack,
and more where b has 3 KiB of columns, whose rows of a it copies (544 KiB), or where a has so many
zeros that the other steps of the contraction are listed (200 KiB; `live`).

BLAS is not called. Measured on one core with AVX2 (float32, the x86 Haswell kernels of OpenBLAS in
brackets, GFLOP/s of about 100 possible), rows x contraction x columns, a @ b:

    32 x 20 x 64     80 (39)     128 x 45 x 45     81 (56)      64 x 784 x 256    87 (65)
    32 x 64 x 64     87 (46)     128 x 46 x 46     82 (58)     128 x 784 x 256    87 (75)
    64 x 64 x 10     57 (40)     256 x 32 x 16     90 (57)

With images of MNIST as a these take less than with normal numbers: 64 x 784 x 128 0.46 to 0.60 of
the time, a.T @ b for half of 784 x 128 with 128 images 0.34 to 0.53 (medians of 400 calls).

At 512 x 784 x 1024 it takes as long, within 3 %, where arrays begin at cache lines, as they do in
the memory of a step; elsewhere up to 25 % longer. Rows are best given all at once, since b is laid
out anew for each call: in calls of 64 rows two threads take 6 to 17 % longer.

BLAS has overheads for small sizes and odd widths, its bits depend on how rows are cut into
products, and the copy that SciPy brings has threads of its own, which somebody would have to hold.

The bits of a row depend neither on `lo` and `hi` nor on the number of other rows: threads may cut
the rows where they like. A sum runs in the order of the contraction, in chains of at most 320
terms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import (
    block_nn,
    block_nt,
    block_tn,
    depth_at_once,
    one_block,
    packs,
    rows_at_once,
)

__all__ = ["product_nn", "product_nt", "product_tn"]

Array = np.ndarray[Any, Any]


def product_nn(out: Array, a: Array, b: Array, lo: int, hi: int, add: bool, finite: bool) -> None:
    """Rows lo .. hi of out = a @ b, or out += a @ b.

    Args:
        out: (M, J).
        a: (M, K).
        b: (K, J).
        lo: The first row.
        hi: One more than the last row.
        add: Add to what stands in out.
        finite: b is known to be finite. Where it is not known, b is looked at before zeros of a
            are left out; where rows are few, they are not.

    Example: product_nn(y, x, W1, 0, len(x), False, False) is y[...] = x @ W1.
    """
    length, width = a.shape[1], b.shape[1]
    if one_block(hi - lo, length, width, out.itemsize):
        pack = packs(hi - lo, length, width, out.itemsize)
        block_nn(out, a, b, lo, 0, 0, hi - lo, width, length, add, pack, finite)
        return
    deepest = depth_at_once(length)
    rows = rows_at_once(deepest, width, out.itemsize)
    pack = packs(hi - lo, deepest, width, out.itemsize)
    for k in range(0, max(length, 1), deepest):
        depth = min(deepest, length - k)
        more = add or k > 0
        for i in range(lo, hi, rows):
            block_nn(out, a, b, i, 0, k, min(rows, hi - i), width, depth, more, pack, finite)


def product_nt(out: Array, a: Array, b: Array, lo: int, hi: int, add: bool) -> None:
    """Rows lo .. hi of out = a @ b.T, or out += a @ b.T.

    Args:
        out: (M, J).
        a: (M, K).
        b: (J, K).
        lo: The first row.
        hi: One more than the last row.
        add: Add to what stands in out.

    Example: product_nt(dX, dY, W1, 0, len(x), False) is dX[...] = dY @ W1.T.
    """
    width, length = out.shape[1], b.shape[1]
    if one_block(hi - lo, length, width, out.itemsize):
        block_nt(out, a, b, lo, 0, 0, hi - lo, width, length, add, True, False)
        return
    deepest = depth_at_once(length)
    rows = rows_at_once(deepest, width, out.itemsize)
    for k in range(0, max(length, 1), deepest):
        depth = min(deepest, length - k)
        more = add or k > 0
        for i in range(lo, hi, rows):
            block_nt(out, a, b, i, 0, k, min(rows, hi - i), width, depth, more, True, False)


def product_tn(out: Array, a: Array, b: Array, lo: int, hi: int, n: int, add: bool) -> None:
    """Rows lo .. hi of out = a[:n].T @ b[:n], or out += the same.

    Args:
        out: (M, J).
        a: (N, M).
        b: (N, J).
        lo: The first row of out, a column of a.
        hi: One more than the last row of out.
        n: The rows of a and b that count.
        add: Add to what stands in out.

    Example: product_tn(dW1, x, dY, 0, len(W1), len(x), False) is dW1[...] = x.T @ dY.
    """
    width = b.shape[1]
    if one_block(hi - lo, n, width, out.itemsize):
        pack = packs(hi - lo, n, width, out.itemsize)
        block_tn(out, a, b, lo, 0, 0, hi - lo, width, n, add, pack, False)
        return
    deepest = depth_at_once(n)
    rows = rows_at_once(deepest, width, out.itemsize)
    pack = packs(hi - lo, deepest, width, out.itemsize)
    for k in range(0, max(n, 1), deepest):
        depth = min(deepest, n - k)
        more = add or k > 0
        for i in range(lo, hi, rows):
            block_tn(out, a, b, i, 0, k, min(rows, hi - i), width, depth, more, pack, False)

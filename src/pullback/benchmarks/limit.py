"""What the machine can do at most: multiply-adds of all cores, and bytes to and from memory.

The limit of a workload is flops / peak + bytes / bandwidth: its products at the speed of
registers, and what it must read and write at the speed of long loops. See
`Workload.limit_seconds`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

CHAINS = (64, 80, 96, 128, 192)
"""Independent sums of the loop of multiply-adds. How many vector registers a processor has, and
how many of its multiply-adds are under way at a time, says which is fastest; that one counts."""

ROUNDS = 50_000
TRIAD_BYTES = (3 * 2**16, 3 * 2**19, 3 * 2**21, 3 * 2**26)
"""Of the arrays of all cores together: 192 KB, 1.5 MB, 6 MB, and 192 MB, which no cache holds."""

MOVED_BYTES = 9 * 2**26
"""Of a timed call, however small the arrays are."""


def measured(seconds: float) -> dict[str, Any]:
    """Flops and bytes per second of all cores together, in float32.

    Args:
        seconds: How long each of the two is repeated; the best time counts.

    Returns:
        "flops_per_second", "bytes_per_second" of memory, "threads", and "bandwidths": pairs of
        bytes in use and bytes per second, of caches and memory.
    """
    import numba

    threads = cores()
    jit = numba.njit(nogil=True, fastmath=True, error_model="numpy")
    triad = jit(_triad)
    with ThreadPoolExecutor(threads) as pool:

        def best(work: Callable[[int], Any], seconds: float) -> float:
            return _best(lambda: list(pool.map(work, range(threads))), seconds)

        rates = []
        for chains in CHAINS:
            sums = [np.linspace(0, 1, chains, dtype=np.float32) for _ in range(threads)]
            loop = jit(_multiply_adds(chains))
            fastest = best(partial(_call, loop, sums), seconds / len(CHAINS))
            rates.append(2.0 * chains * ROUNDS * threads / fastest)
        bandwidths = []
        for size in TRIAD_BYTES:
            length, times = size // threads // 12, MOVED_BYTES // (3 * size)
            arrays = [[np.ones(length, np.float32) for _ in range(3)] for _ in range(threads)]
            fastest = best(partial(_stream, triad, arrays, times), seconds / len(TRIAD_BYTES))
            bandwidths.append((size, 3 * 12.0 * length * threads * times / fastest))
    return {
        "flops_per_second": max(rates),
        "bytes_per_second": bandwidths[-1][1],
        "bandwidths": bandwidths,
        "threads": threads,
    }


def cores() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _multiply_adds(chains: int) -> Callable[..., None]:
    """sums <- sums * factor + factor, again and again."""

    def loop(sums: Any, factor: Any, rounds: int) -> None:
        for _ in range(rounds):
            for i in range(chains):
                sums[i] = sums[i] * factor + factor

    return loop


def _call(loop: Callable[..., None], sums: Any, i: int) -> None:
    loop(sums[i], np.float32(0.999), ROUNDS)


def _triad(a: Any, b: Any, c: Any, factor: Any, times: int) -> None:
    """a <- b + factor * c, and the same with the arrays changed round, each so often.

    The three loops are written out: arrays that change their names are not vectorized.
    """
    for _ in range(times):
        for i in range(len(a)):
            a[i] = b[i] + factor * c[i]
        for i in range(len(a)):
            b[i] = c[i] + factor * a[i]
        for i in range(len(a)):
            c[i] = a[i] + factor * b[i]


def _stream(triad: Callable[..., None], arrays: Sequence[Any], times: int, i: int) -> None:
    triad(*arrays[i], np.float32(1e-6), times)


def _best(run: Callable[[], Any], seconds: float) -> float:
    """The least time of a call, repeated for some seconds; the first compiles and is left out."""
    run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)

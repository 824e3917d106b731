"""What the machine can do at most: multiply-adds of all cores, and bytes to and from memory.

The limit of a workload is flops / peak + bytes / bandwidth: its products at the speed of
registers, and what must come from memory at the speed of long loops, one after the other. See
`Workload.flops` and `Workload.bytes`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

CHAINS = (64, 80, 96, 128, 192)
"""Independent sums of the loop of multiply-adds. How many vector registers a processor has, and
how many of its multiply-adds are under way at a time, says which is fastest; that one counts."""

ROUNDS = 50_000
TRIAD_BYTES = 96 * 2**20
"""Of the three arrays of a core together: more than caches hold."""


def measured(seconds: float) -> dict[str, Any]:
    """Flops and bytes per second of all cores together, in float32.

    Args:
        seconds: How long each of the two is repeated; the best time counts.

    Returns:
        "flops_per_second", "bytes_per_second" and "threads".
    """
    import numba

    threads = cores()
    jit = numba.njit(nogil=True, fastmath=True, error_model="numpy")
    triad = jit(_triad)
    length = TRIAD_BYTES // 12
    arrays = [[np.ones(length, np.float32) for _ in range(3)] for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:

        def best(work: Callable[[int], Any], seconds: float) -> float:
            return _best(lambda: list(pool.map(work, range(threads))), seconds)

        rates = []
        for chains in CHAINS:
            sums = [np.linspace(0, 1, chains, dtype=np.float32) for _ in range(threads)]
            loop = jit(_multiply_adds(chains))
            fastest = best(partial(_call, loop, sums), seconds / len(CHAINS))
            rates.append(2.0 * chains * ROUNDS * threads / fastest)
        quickest = best(lambda i: triad(*arrays[i], np.float32(0.5)), seconds)
    return {
        "flops_per_second": max(rates),
        "bytes_per_second": 12.0 * length * threads / quickest,
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


def _triad(a: Any, b: Any, c: Any, factor: Any) -> None:
    """a <- b + factor * c."""
    for i in range(len(a)):
        a[i] = b[i] + factor * c[i]


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

"""How much of a phase each thread does: as much as it was fast in the steps before.

Cores differ. Some are made slower than others; some share their units with another program, or
with another machine on the same processor. Where each thread has the same share of a phase, all
wait for the slowest. So each notes how long it was busy, and shares become such that all would have
ended together: those of the next step follow from the times of the last one, since in the present
one others may still be writing theirs.

Shares change no bit: rows and units are computed alike wherever they are, and sums over rows are
joined in a fixed order from pieces, which are cut by sizes alone and given to one thread whole.

    cuts (2, phases, threads + 1): thread t does the part from cuts[.., t] to cuts[.., t + 1], in
        WHOLEs of the phase. Step s reads cuts[s % 2], while those of the next step are written.
    busy (2, phases, threads): the ticks of a clock that it took.
    shares (phases, threads): the shares that are right, of which cuts are what can be cut.
"""

from __future__ import annotations

import platform
from typing import Any, NamedTuple

import numpy as np

__all__ = ["clock", "part", "share_anew"]

WHOLE = 1 << 16
"""All of a phase, in the unit of cuts."""

UNITS = 64
"""Into so many parts an axis can be cut between threads: coarse enough that blocks of weights
rarely move from the cache of one core to that of another."""

SLOWNESS = 4
"""A share goes a fourth of the way at each step, since one step may be held up by chance."""

STEADY = 0.75
"""A cut moves when it is so many units from where it should be: else it would go to and fro."""

FEWEST = 4
"""With fewer units for each thread, a unit more or less is worse than the same share for all."""

Array = np.ndarray[Any, Any]


class Sharing(NamedTuple):
    """The arrays by which threads share phases."""

    cuts: Array
    busy: Array
    shares: Array


def equal_shares(phases: int, threads: int) -> Sharing:
    """The same share for each thread."""
    cuts = np.zeros((2, phases, threads + 1), np.int64)
    cuts[:] = np.arange(threads + 1) * WHOLE // threads
    return Sharing(
        cuts, np.zeros((2, phases, threads), np.int64), np.full((phases, threads), 1 / threads)
    )


def part(length: int, cut: int) -> int:
    """Where an axis of some length is cut."""
    return (length * cut + WHOLE // 2) // WHOLE


def clock() -> int:
    """Ticks of the processor's clock. Plain code has one thread, and need not know the time."""
    return 0


def share_anew(cuts: Array, busy: Array, shares: Array, step: int, phase: int, units: int) -> None:
    """New cuts of a phase for the next step, from how long each thread was busy in the last one.

    Threads that did parts d in times b would have ended together with shares as d / b are. A share
    goes a part of the way there, and not beyond half or twice of what it was.

    Args:
        cuts: See above; so are the other arrays.
        busy: Ticks.
        shares: Fractions.
        step: The present one; the first of a call changes nothing.
        phase: Its number.
        units: So many parts of the phase are each given to one thread whole.
    """
    last, threads = (step + 1) % 2, shares.shape[1]
    speeds = 0.0
    if units < FEWEST * threads:
        return
    for thread in range(threads):
        if step == 0 or busy[last, phase, thread] <= 0:  # or the clock stands still
            return
        speeds += _speed(cuts, busy, last, phase, thread)
    every = 0.0
    for thread in range(threads):
        share = shares[phase, thread]
        right = _speed(cuts, busy, last, phase, thread) / speeds
        right = min(max(right, share / 2), share * 2)
        shares[phase, thread] = share + (right - share) / SLOWNESS
        every += shares[phase, thread]
    end = 0.0
    for thread in range(threads):
        end += shares[phase, thread]
        exact = end / every * units
        cut = cuts[step % 2, phase, thread + 1]
        if abs(exact - cut * units / WHOLE) > STEADY:
            cut = int(exact + 0.5) * WHOLE // units
        # One that stays where it is must not lie before one that moves.
        cuts[last, phase, thread + 1] = max(cut, cuts[last, phase, thread])


def _speed(cuts: Array, busy: Array, last: int, phase: int, thread: int) -> float:
    """What a thread did by the tick; one that had nothing to do is tried again."""
    done = max(cuts[last, phase, thread + 1] - cuts[last, phase, thread], WHOLE // UNITS)
    return float(done / busy[last, phase, thread])


def register() -> None:
    """Give compiled code its clock."""
    from importlib import import_module

    from llvmlite import ir
    from numba.extending import intrinsic, overload

    types: Any = import_module("numba.core.types")

    @intrinsic
    def ticks(typing: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(ir.IntType(64), [])
            if platform.machine() in ("x86_64", "AMD64"):
                read = builder.module.declare_intrinsic("llvm.readcyclecounter", (), kind)
                return builder.call(read, [])
            if platform.machine() in ("aarch64", "arm64"):
                return builder.asm(kind, "mrs $0, cntvct_el0", "=r", [], True)
            return ir.Constant(ir.IntType(64), 0)

        return types.int64(), code

    read: Any = ticks
    overload(clock)(lambda: lambda: read())

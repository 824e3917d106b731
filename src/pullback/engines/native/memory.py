"""The block of memory that a module's arrays lie in, by the plan of their lifetimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..memory import Lifetime, Plan, plan
from .emitting import Emitted
from .planning import Split
from .runtime import block_rows
from .storage import Held

LINE = 64
"""Bytes of a cache line: arrays of several threads share none."""


class Memory(NamedTuple):
    """Memory for one size of the work.

    Attributes:
        plan: Which array lies where, and how long; it prints as a table.
        block: The bytes.
        places: int64 (threads, arrays): where each array of each thread begins.
    """

    plan: Plan
    block: Any
    places: Any


def memory_for(module: Emitted, sizes: Mapping[str, int], split: Split, threads: int) -> Memory:
    """A block in which arrays that are not needed in the same phase share a place.

    Args:
        module: The emitted module.
        sizes: The lengths of its axes by their names.
        split: How the work is cut.
        threads: How many threads work on it.
    """
    bytes_of = [_bytes_of(held, sizes, split, module) for held in module.held]
    times = [threads if held.private or held.blocked else 1 for held in module.held]
    lifetimes = [
        _lifetime(held, _lines(size) * count, module.phases)
        for held, size, count in zip(module.held, bytes_of, times, strict=True)
    ]
    planned = replace(plan(_in_groups(lifetimes, module.held)), lifetimes=tuple(lifetimes))
    raw = np.zeros(planned.total + LINE, np.uint8)
    shift = -raw.ctypes.data % LINE
    places = np.tile(np.array(planned.offsets, np.int64), (threads, 1))
    for number, (held, size) in enumerate(zip(module.held, bytes_of, strict=True)):
        if held.private or held.blocked:
            places[:, number] += np.arange(threads) * _lines(size)
    return Memory(planned, raw[shift : shift + planned.total], places)


def lengths_of(texts: Sequence[str], sizes: Mapping[str, int]) -> list[int]:
    """The lengths that source texts over the sizes stand for."""
    return [int(eval(text, {"__builtins__": {}}, dict(sizes))) for text in texts]


def _bytes_of(held: Held, sizes: Mapping[str, int], split: Split, module: Emitted) -> int:
    lengths = lengths_of(held.axes, sizes)
    if held.private:
        lengths[0] = min(split.tile, lengths[0])
    if held.blocked:
        lengths[0] = min(_block_of(held, sizes, module), lengths[0])
    return prod(lengths) * held.value.dtype.itemsize * (split.pieces if held.parts else 1)


def _block_of(held: Held, sizes: Mapping[str, int], module: Emitted) -> int:
    """The rows of a block: those of the widest of its group, as the module has it."""
    group = [other for other in module.held if other.blocked and other.axes[0] == held.axes[0]]
    widths = [lengths_of(other.axes, sizes)[1] * other.value.dtype.itemsize for other in group]
    return max(block_rows(width) for width in widths)


def _lifetime(held: Held, size: int, phases: int) -> Lifetime:
    if held.last is None:
        return Lifetime(held.value.name, size, 0, phases)
    return Lifetime(held.value.name, size, held.first, held.last)


def _in_groups(lifetimes: Sequence[Lifetime], held: Sequence[Held]) -> list[Lifetime]:
    """The lifetimes in groups instead of phases: a thread does the groups of a phase in turn."""
    count = 1 + max((each.group or 0 for each in held), default=0)
    return [
        replace(life, first=life.first * count, last=life.last * count + count - 1)
        if each.group is None
        else replace(
            life, first=life.first * count + each.group, last=life.last * count + each.group
        )
        for life, each in zip(lifetimes, held, strict=True)
    ]


def _lines(size: int) -> int:
    return -(-size // LINE) * LINE

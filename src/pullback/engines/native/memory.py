"""The block of memory that a module's arrays lie in, by the plan of their lifetimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    bytes_of = [_lines(_bytes_of(held, sizes, split, module)) for held in module.held]
    whole = [number for number, held in enumerate(module.held) if not held.blocked]
    times = {number: threads if module.held[number].private else 1 for number in whole}
    lifetimes = [_lifetime(module.held[n], bytes_of[n] * times[n], module.phases) for n in whole]
    blocks = _blocks(module.held, bytes_of)
    lifetimes += [
        Lifetime(f"blocks of phase {phase + 1}", size * threads, phase, phase)
        for phase, size in blocks.sizes.items()
    ]
    planned = plan(lifetimes)
    raw = np.zeros(planned.total + LINE, np.uint8)
    shift = -raw.ctypes.data % LINE
    places = np.zeros((threads, len(module.held)), np.int64)
    for number, offset in zip(whole, planned.offsets, strict=False):
        step = bytes_of[number] if module.held[number].private else 0
        places[:, number] = offset + step * np.arange(threads)
    begins = dict(zip(blocks.sizes, planned.offsets[len(whole) :], strict=True))
    for number, inside in blocks.inside.items():
        phase = module.held[number].first
        places[:, number] = begins[phase] + inside + blocks.sizes[phase] * np.arange(threads)
    return Memory(planned, raw[shift : shift + planned.total], places)


class _Blocks(NamedTuple):
    """Room for the blocks that a thread holds, those of one group of a phase at a time.

    Attributes:
        sizes: The bytes for one thread, by phase.
        inside: Where in them a block begins, by the number of its array.
    """

    sizes: dict[int, int]
    inside: dict[int, int]


def _blocks(held: Sequence[Held], bytes_of: Sequence[int]) -> _Blocks:
    ends: dict[tuple[int, int], int] = {}
    sizes: dict[int, int] = {}
    inside: dict[int, int] = {}
    for number, each in enumerate(held):
        if each.group is not None:
            group = each.first, each.group
            inside[number] = ends.get(group, 0)
            ends[group] = inside[number] + bytes_of[number]
            sizes[each.first] = max(sizes.get(each.first, 0), ends[group])
    return _Blocks(sizes, inside)


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


def _lines(size: int) -> int:
    return -(-size // LINE) * LINE

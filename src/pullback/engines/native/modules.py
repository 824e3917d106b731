"""The emitted modules of a program that is called, and which of them a call of some sizes runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ...dims import Dim, axis_lengths, evaluate
from ...program import Program, Var
from ..threads import thread_count
from .axes import Axis
from .barrier import new_control
from .emitting import Emitted, emitted_call
from .lowering import Loops, lowered
from .memory import Memory, memory_for
from .planning import Split, operations, split_of, threads_for
from .statements import Product, Value
from .storage import Roles

__all__ = ["Modules", "Sized"]

Load = Callable[[str, str, tuple[Any, ...]], Callable[..., Any]]

WORTH_THREADS = 20_000_000
"""Operations of a call from which on other threads help: to start one takes 0.1 ms."""

TILE_ROWS = 192
"""The least rows of a tile: the weights are laid out anew for each."""

TILE_BYTES = 384 * 1024
"""What a tile of a call may take: where nothing is added up, the rows need no more memory."""

MOST_PIECES = 16


@dataclass(frozen=True)
class Sized:
    """A module and the memory of a call in which the axes have these lengths.

    Attributes:
        module: The emitted module.
        memory: Its memory.
        sizes: int64: the lengths of its axes.
        rows: The rows for which there is memory.
        split: How the work is cut.
        threads: How many threads work on it.
        lengths: The lengths by the names of the axes.
        work: About how many operations a call does.
    """

    module: Emitted
    memory: Memory
    sizes: Any
    rows: int
    split: Split
    threads: int
    lengths: Mapping[str, int]
    work: int


class Modules:
    """A program lowered, emitted and compiled.

    Rows go through the program tile by tile where that is possible. A program that adds up
    products over its rows, as a gradient does, has a second module for sizes at which tiles do
    not pay; see `split_of`.

    Args:
        program: Any program.
        load: What makes the emitted source a function; the compiler when None.
        threads: How many threads work at most; as many as the machine allows when None.
    """

    def __init__(self, program: Program, load: Load | None, threads: int | None) -> None:
        self.program, self._load, self._most_threads = program, load, threads
        self._loops = lowered(program)
        row_dim = _row_dim(program)
        self.roles = _roles(program, self._loops, row_dim)
        self._row_axis = self._axis_of_rows()
        tiled = self._emitted(True)
        adds_up = any(
            isinstance(item, Product) and item.inner.root is self._row_axis
            for item in self._loops.items
        )
        self._modules = {True: tiled} if not adds_up or not tiled.tiled else {}
        self._always = self._modules.get(True)
        self.source = (self._always or self._module(False)).source
        self._functions: dict[bool, Callable[..., Any]] = {}

    @property
    def is_tiled(self) -> bool:
        """Whether rows go through the program tile by tile, however many there are."""
        return self._always is not None and self._always.tiled

    def compile_for(self, rows: int) -> None:
        """Compile what a call with so many rows runs, named axes all having this length."""
        shapes = [
            tuple(int(evaluate(dim, dict.fromkeys(_axes_of(dim), rows))) for dim in var.aval.shape)
            for var in self.program.inputs
        ]
        sized = self.sized(shapes)
        if sized is not None:
            self.function(sized.module)

    def sized(self, shapes: Sequence[tuple[int, ...]]) -> Sized | None:
        """What a call of inputs of these shapes needs; None where an axis has the length 0."""
        shaped = zip((var.aval.shape for var in self.program.inputs), shapes, strict=True)
        lengths = axis_lengths(shaped)
        axes = dict.fromkeys(axis.root for axis in self._loops.axes.names())
        sizes = {axis: int(evaluate(axis.dim, lengths)) for axis in axes}
        if any(size == 0 for size in sizes.values()):
            return None
        work = operations(self._loops, sizes)
        split, module = self._cut(sizes, work)
        named = {name: int(evaluate(dim, lengths)) for name, dim in module.sizes}  # type: ignore
        threads = 1
        if split.pieces > 1 and work >= WORTH_THREADS:
            most = thread_count() if self._most_threads is None else self._most_threads
            threads = threads_for(split, work, module.phases, most)
        row_count = 1 if self._row_axis is None else sizes[self._row_axis]
        return Sized(
            module=module,
            memory=memory_for(module, named, split, threads),
            sizes=np.array(list(named.values()), np.int64),
            rows=split.tile if module.tiled else row_count,
            split=split,
            threads=threads,
            lengths=lengths,
            work=work,
        )

    def function(self, module: Emitted) -> Callable[..., Any]:
        """The compiled function of a module."""
        if module.tiled not in self._functions:
            from .machine import load_native

            load = self._load or load_native
            self._functions[module.tiled] = load(module.source, "call", self.placeholders(module))
        return self._functions[module.tiled]

    def placeholders(self, module: Emitted) -> tuple[Any, ...]:
        """Arguments of the right types for the function of a module, and no more."""
        return (
            np.empty(1, np.uint8),
            np.empty((1, 1), np.int64),
            np.empty(1, np.int64),
            np.empty(1, np.float64),
            *(np.empty((1,) * rank, dtype) for dtype, rank in self.arrays()),
            1,
            new_control(),
            1,
            1,
            0,
            1,
        )

    def arrays(self) -> list[tuple[Any, int]]:
        """The dtype and the number of axes of each array that a call passes."""
        atoms = [self.program.inputs[i] for i in self.roles.given]
        atoms += [self.program.outputs[i] for i in self.roles.written]  # type: ignore[misc]
        return [(a.aval.dtype, len(squeezed(a.aval.shape, a.aval.shape))) for a in atoms]

    def _cut(self, sizes: Mapping[Axis, int], work: int) -> tuple[Split, Emitted]:
        if self._always is None:
            split = split_of(self._loops, self._row_axis, sizes)
            module = self._module(split.tiled)
            return split, module
        if not self._always.tiled:
            split = split_of(self._loops, self._row_axis, sizes)
            rows = 1 if self._row_axis is None else sizes[self._row_axis]
            return replace(split, tile=rows, tiled=False), self._always
        assert self._row_axis is not None
        rows = sizes[self._row_axis]
        tile = min(rows, max(TILE_ROWS, TILE_BYTES // self._bytes_of_a_row(sizes) // 6 * 6))
        pieces = 1 if work < WORTH_THREADS else max(1, min(MOST_PIECES, rows // TILE_ROWS))
        return Split(pieces, tile, True), self._always

    def _bytes_of_a_row(self, sizes: Mapping[Axis, int]) -> int:
        """Of the widest matrices that a product reads and writes."""
        widths = [1]
        for item in self._loops.items:
            if isinstance(item, Product):
                values = [v for v in (item.out, item.left) if self._row_axis in v.roots]
                widths.append(
                    sum(v.dtype.itemsize * prod(sizes[a] for a in v.roots[1:]) for v in values)
                )
        return max(widths)

    def _module(self, tiled: bool) -> Emitted:
        if tiled not in self._modules:
            self._modules[tiled] = self._emitted(tiled)
        return self._modules[tiled]

    def _emitted(self, tiled: bool) -> Emitted:
        # Lowered anew: tiles change what a product does.
        return emitted_call(lowered(self.program), self.roles, tiled)

    def _axis_of_rows(self) -> Axis | None:
        for position in self.roles.rows:
            value = self._loops.inputs[position]
            assert isinstance(value, Value)
            return value.roots[0]
        return None


def _axes_of(dim: Any) -> Iterable[str]:
    return dim.axes if isinstance(dim, Dim) else ()


def squeezed(shape: Sequence[Any], dims: Sequence[Any]) -> tuple[Any, ...]:
    """A shape without the axes of length 1 of a program's shape; one number is a vector."""
    pairs = zip(shape, dims, strict=True)
    return tuple(length for length, dim in pairs if dim != 1) or (1,)


def _row_dim(program: Program) -> Dim | None:
    """The named axis that the first array begins with: what a call is cut along."""
    for var in program.inputs:
        if not var.aval.weak and var.aval.shape:
            first = var.aval.shape[0]
            return first if isinstance(first, Dim) and str(first) in first.axes else None
    return None


def _roles(program: Program, loops: Loops, row_dim: Dim | None) -> Roles:
    arrays = tuple(i for i, v in enumerate(loops.inputs) if isinstance(v, Value))
    if row_dim is None:
        return Roles(given=arrays)

    def is_of_rows(atom: Any) -> bool:
        return bool(atom.aval.shape) and atom.aval.shape[0] == row_dim

    rows = tuple(i for i in arrays if is_of_rows(program.inputs[i]))
    written = tuple(
        i
        for i, atom in enumerate(program.outputs)
        if isinstance(atom, Var) and is_of_rows(atom) and isinstance(loops.outputs[i], Value)
    )
    return Roles(rows=rows, given=arrays, written=written)

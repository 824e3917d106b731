"""A program compiled to be called: arrays in, arrays out."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ...dims import Dim, axis_lengths, evaluate
from ...program import Program, Var
from ...trees import unflatten
from ..reference import Executable
from ..threads import thread_count
from . import NotCompilable
from .axes import Axis
from .barrier import new_control
from .emitting import Emitted, emitted_call
from .lowering import Loops, lowered
from .memory import Memory, memory_for
from .planning import Split, split_of
from .statements import Value
from .storage import Roles

SIZES_KEPT = 8
"""For so many combinations of lengths the memory is kept."""

Load = Callable[[str, str, tuple[Any, ...]], Callable[..., Any]]


class NativeExecutable(Executable):
    """A program as machine code.

    Args:
        program: Any program.
        load: What makes the emitted source a function; the compiler when None.
        threads: How many threads work at most; as many as the machine allows when None.

    Raises:
        NotCompilable: When an equation has no loops; the error names it.
    """

    def __init__(
        self, program: Program, load: Load | None = None, threads: int | None = None
    ) -> None:
        super().__init__(program)
        loops = lowered(program)
        self._loops, self._load = loops, load
        self._threads = thread_count() if threads is None else threads
        self._row_dim = _row_dim(program)
        self._roles = _roles(program, loops, self._row_dim)
        self._modules: dict[bool, Emitted] = {}
        self._functions: dict[bool, Callable[..., Any]] = {}
        self._kept: OrderedDict[tuple[Any, ...], _Sized] = OrderedDict()
        self._lock = threading.Lock()
        self.engine_source = self._module(False).source
        self.flat = self._flat

    def _flat(self, *flat: Any, **numbers: Any) -> Any:
        """The result for one positional value per input, and numbers with a default by name."""
        return unflatten(self.program.result, self.leaves(flat, numbers))

    def leaves(self, flat: Sequence[Any], numbers: Any) -> list[Any]:
        """One value per output leaf."""
        values = [*flat, *list(self.program.defaults.values())[len(flat) - self._arguments :]]
        if numbers:
            names = [self.program.names[var] for var in self.program.inputs]
            values = [numbers.get(name, v) for name, v in zip(names, values, strict=True)]
        with self._lock:  # the memory of a size serves one call at a time
            return self._sized(values).run(values)

    @cached_property
    def _arguments(self) -> int:
        return len(self.program.argument_inputs)

    def _sized(self, values: Sequence[Any]) -> _Sized:
        key = tuple(np.shape(value) for value in values)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._for_lengths(key)
            if len(self._kept) > SIZES_KEPT:
                self._kept.popitem(last=False)
        return found

    def _for_lengths(self, shapes: Sequence[tuple[int, ...]]) -> _Sized:
        shaped = zip((var.aval.shape for var in self.program.inputs), shapes, strict=True)
        lengths = axis_lengths(shaped)
        sizes = {axis: int(evaluate(axis.dim, lengths)) for axis in _roots(self._loops)}
        if any(size == 0 for size in sizes.values()):
            raise NotCompilable("an axis has the length 0; the reference engine takes that.")
        row_axis = self._row_axis()
        split = split_of(self._loops, row_axis, sizes)
        module = self._module(split.tiled)
        if split.tiled and not module.tiled:
            split = replace(split, tile=sizes[row_axis] if row_axis else 1, tiled=False)
        named = {name: int(evaluate(dim, lengths)) for name, dim in module.sizes}  # type: ignore
        threads = max(1, min(self._threads, split.pieces))
        memory = memory_for(module, named, split, threads)
        return _Sized(self, module, memory, named, split, threads, lengths)

    def _row_axis(self) -> Axis | None:
        for position in self._roles.rows:
            value = self._loops.inputs[position]
            assert isinstance(value, Value)
            return value.roots[0]
        return None

    def _module(self, tiled: bool) -> Emitted:
        if tiled not in self._modules:
            # Lowered anew: tiles change what a product does.
            self._modules[tiled] = emitted_call(lowered(self.program), self._roles, tiled)
        return self._modules[tiled]

    def function(self, module: Emitted, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """The compiled function of a module."""
        if module.tiled not in self._functions:
            load = self._load
            if load is None:
                from .machine import load_native as load
            self._functions[module.tiled] = load(module.source, "call", arguments)
        return self._functions[module.tiled]

    @property
    def roles(self) -> Roles:
        """What inputs and outputs are for."""
        return self._roles


class _Sized:
    """A program for arrays of these lengths."""

    def __init__(
        self,
        owner: NativeExecutable,
        module: Emitted,
        memory: Memory,
        sizes: dict[str, int],
        split: Split,
        threads: int,
        lengths: dict[str, int],
    ) -> None:
        self._owner, self._module, self._memory = owner, module, memory
        self._split, self._threads = split, threads
        self._sizes = np.array(list(sizes.values()), np.int64)
        self._rows = split.tile if module.tiled else self._row_count(sizes)
        self._control = new_control()
        program = owner.program
        self._shapes = [
            tuple(int(evaluate(dim, lengths)) for dim in atom.aval.shape)
            for atom in program.outputs
        ]
        self._views = self._views_of_outputs(sizes)

    def _row_count(self, sizes: dict[str, int]) -> int:
        for position in self._owner.roles.rows:
            var = self._owner.program.inputs[position]
            return sizes[f"size_{var.aval.shape[0]}"]
        return 1

    def _views_of_outputs(self, sizes: dict[str, int]) -> dict[int, Any]:
        """Where each output lies in memory that is not written to an array of its own."""
        home = {held.value.name: number for number, held in enumerate(self._module.held)}
        views = {}
        for number, output in enumerate(self._module.outputs):
            if isinstance(output, Value) and number not in self._owner.roles.written:
                source = output.same_memory or output
                begin = int(self._memory.places[0, home[source.name]])
                count = int(np.prod(self._shapes[number], dtype=np.int64))
                end = begin + count * output.dtype.itemsize
                view = self._memory.block[begin:end].view(output.dtype)
                views[number] = view.reshape(self._shapes[number])
        return views

    def run(self, values: Sequence[Any]) -> list[Any]:
        """One value per output."""
        owner = self._owner
        given = [
            _passable(values[i], owner.program.inputs[i].aval.dtype) for i in owner.roles.given
        ]
        written = {
            i: np.empty(self._shapes[i], owner.program.outputs[i].aval.dtype)
            for i in owner.roles.written
        }
        avals = [owner.program.inputs[i].aval for i in owner.roles.given]
        avals += [owner.program.outputs[i].aval for i in owner.roles.written]
        arrays = [_writable(array) for array in (*given, *written.values())]
        squeezed = [_squeezed(array, aval.shape) for array, aval in zip(arrays, avals, strict=True)]
        constants = [_word(values[i], owner.program.inputs[i]) for i in self._module.constants]
        arguments = (
            self._memory.block,
            self._memory.places,
            self._sizes,
            np.array(constants, np.float64),
            *squeezed,
            self._rows,
            self._control,
            self._split.pieces,
            self._split.tile,
        )
        self._control[:] = 0
        self._call(arguments)
        return [self._result(i, written) for i in range(len(self._shapes))]

    def _call(self, arguments: tuple[Any, ...]) -> None:
        function = self._owner.function(self._module, (*arguments, 0, self._threads))
        helpers = [
            threading.Thread(target=function, args=(*arguments, n, self._threads), daemon=True)
            for n in range(1, self._threads)
        ]
        for helper in helpers:
            helper.start()
        function(*arguments, 0, self._threads)
        for helper in helpers:
            helper.join()

    def _result(self, number: int, written: dict[int, Any]) -> Any:
        if number in written:
            return written[number]
        atom = self._owner.program.outputs[number]
        if number not in self._views:
            return atom.value  # type: ignore[union-attr]
        view = self._views[number]
        if atom.aval.weak:
            return view.item()
        return np.array(view) if view.ndim else view[()]


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


def _roots(loops: Loops) -> list[Axis]:
    return list(dict.fromkeys(axis.root for axis in loops.axes.names()))


def _passable(value: Any, dtype: Any) -> Any:
    """The array as compiled code takes it: of this dtype, in row order."""
    return np.asarray(value, dtype, order="C")


def _writable(array: Any) -> Any:
    """The same memory without a mark that it is read only; the array must outlive it.

    Compiled code tells arrays that may be written to from others, and writes to no input.
    """
    if array.flags.writeable:
        return array
    memory = (ctypes.c_char * array.nbytes).from_address(array.ctypes.data)
    return np.ndarray(array.shape, array.dtype, memory)


def _squeezed(array: Any, shape: Sequence[Any]) -> Any:
    """Without the axes of length 1 of a program's shape; one number as a vector."""
    pairs = zip(array.shape, shape, strict=True)
    return array.reshape(tuple(length for length, dim in pairs if dim != 1) or (1,))


def _word(value: Any, var: Var) -> float:
    """A number in the bits of a float64."""
    if var.aval.dtype.kind == "f":
        return float(value)
    return float(np.uint64(int(value) % 2**64).view(np.float64))

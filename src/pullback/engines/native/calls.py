"""Calls of a compiled program: memory for some lengths, and where the arrays of a call lie.

What a call costs beside the program is a few microseconds: the arguments of the machine code stand
in a table that stays, and a call only writes into it where its arrays lie. Small arrays are copied
to memory that the table names already.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ...dims import evaluate
from .barrier import FINITE, give_up, new_control
from .calling import Bound, Compiled
from .helpers import Helpers
from .modules import Modules, Sized, squeezed
from .statements import Value

__all__ = ["Calls", "Pool"]

SMALL = 16 * 1024
"""Arrays of so many bytes are copied sooner than their address is asked for."""

LENGTHS_KEPT = 8
"""For so many combinations of lengths the memory is kept."""

LONG = 1_000_000_000
"""Operations of a call that other threads do, while this one answers signals."""

Shapes = tuple[tuple[int, ...], ...]


class Calls:
    """Runs a program whose inputs are partly fixed.

    Args:
        modules: The program, emitted.
        fixed: Arrays by the numbers of their inputs.
        check: Raises for values whose shapes do not fit the inputs.
        reference: The outputs by the reference engine, for axes of the length 0.

    Attributes:
        pools: What runs the program for values of the shapes met last, by these shapes.
    """

    def __init__(
        self,
        modules: Modules,
        fixed: Mapping[int, Any],
        check: Callable[[list[Any]], None],
        reference: Callable[[Sequence[Any]], list[Any]],
    ) -> None:
        self._modules, self._fixed = modules, dict(fixed)
        self._check, self._reference = check, reference
        self.pools: dict[Shapes, Pool] = {}

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """One value per output.

        Args:
            values: Those of the inputs that are not fixed, in order.
        """
        key = tuple([v.shape if type(v) is np.ndarray else np.shape(v) for v in values])
        pool = self.pools.get(key) or self._begin(key, values)
        return pool(values)

    @property
    def is_tiled(self) -> bool:
        """Whether a call needs memory for a tile of rows only."""
        return self._modules.is_tiled

    @property
    def copies(self) -> bool:
        """Whether a fixed array is copied, since compiled code cannot take it as it lies."""
        inputs = self._modules.program.inputs
        arrays = [(inputs[i].aval.dtype, v) for i, v in self._fixed.items() if np.ndim(v)]
        return any(_passable(value, dtype) is not value for dtype, value in arrays)

    def _begin(self, key: Shapes, values: Sequence[Any]) -> Pool:
        """The pool for arrays of other shapes."""
        self._check(self._all(values))
        kept = self.pools
        while len(kept) >= LENGTHS_KEPT:
            kept.pop(next(iter(kept), ()), None)
        return kept.setdefault(key, Pool(self._new))

    def _new(self, values: Sequence[Any]) -> Callable[[Sequence[Any]], list[Any]]:
        everything = self._all(values)
        sized = self._modules.sized([np.shape(value) for value in everything])
        if sized is None:
            return lambda values: self._reference(self._all(values))
        return _Call(self._modules, sized, self._fixed)

    def _all(self, values: Sequence[Any]) -> list[Any]:
        """The values of all inputs."""
        given, fixed = iter(values), self._fixed
        count = len(self._modules.program.inputs)
        return [fixed[i] if i in fixed else next(given) for i in range(count)]


class Pool:
    """Runs a program for arrays of some shapes that fit it; any number of threads may do so.

    Args:
        new: Makes a call for values of these shapes.
    """

    def __init__(self, new: Callable[[Sequence[Any]], Callable[..., list[Any]]]) -> None:
        self._new = new
        # Calls that nobody runs at the moment. A thread takes one out and puts it back; a list
        # does both at once, so no lock is held while a program runs.
        self._idle: list[Callable[..., list[Any]]] = []

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """One value per output."""
        try:
            call = self._idle.pop()
        except IndexError:
            call = self._new(values)
        result = call(values)
        self._idle.append(call)
        return result


class _Call:
    """A call of a program for arrays of these lengths; one thread at a time runs it."""

    def __init__(self, modules: Modules, sized: Sized, fixed: Mapping[int, Any]) -> None:
        program, roles = modules.program, modules.roles
        self._sized = sized
        self._atoms = program.outputs
        self._shapes = [
            tuple(int(evaluate(dim, sized.lengths)) for dim in atom.aval.shape)
            for atom in program.outputs
        ]
        self._control, self._constants = new_control(), np.zeros(len(sized.module.constants))
        self._words = self._constants.view(np.uint64)
        self._table = _Table(modules, sized, self._control, self._constants)
        free = [i for i in range(len(program.inputs)) if i not in fixed]
        place_of = {i: n for n, i in enumerate(free)}
        # (place among the values, buffer); (place among the values, array argument, dtype, shape)
        self._copied: list[tuple[int, Any]] = []
        self._passed: list[tuple[int, int, Any, tuple[int, ...]]] = []
        self._kept: list[Any] = []
        for number, i in enumerate(roles.given):
            aval = program.inputs[i].aval
            shape = tuple(int(evaluate(dim, sized.lengths)) for dim in aval.shape)
            flat = squeezed(shape, aval.shape)
            if i in fixed:
                self._kept.append(_passable(fixed[i], aval.dtype))
                self._table.put(number, self._kept[-1], flat)
            elif _bytes(shape, aval.dtype) <= SMALL:
                buffer = np.empty(shape, aval.dtype)
                self._table.put(number, buffer, flat)
                self._copied.append((place_of[i], buffer))
            else:
                self._passed.append((place_of[i], number, aval.dtype, flat))
        others = [i for i in roles.given if i not in roles.rows]
        self._control[FINITE] = all(i in fixed and np.isfinite(fixed[i]).all() for i in others)
        self._numbers = []
        for n, i in enumerate(sized.module.constants):
            is_float = program.inputs[i].aval.dtype.kind == "f"
            if i in fixed:
                self._set_number(n, fixed[i], is_float)
            else:
                self._numbers.append((n, place_of[i], is_float))
        self._results = self._all_results(modules)
        self._alive: list[Any] = []
        self._varies = bool(self._passed or self._numbers or self._made)
        alone = sized.threads == 1 and sized.work < LONG
        self._run = self._table.runner(0, 1) if alone else self._on_threads

    def _all_results(self, modules: Modules) -> list[Callable[[], Any]]:
        """For each output a function that gives it after a call, or makes its array before."""
        roles = modules.roles
        # What is made anew before each call: (output, array argument, shape without 1s).
        self._made: list[tuple[int, int, tuple[int, ...]]] = []
        self._new: dict[int, Any] = {}
        views = self._views(roles.written)
        results: list[Callable[[], Any]] = []
        written = {i: len(roles.given) + n for n, i in enumerate(roles.written)}
        for i, (atom, shape) in enumerate(zip(self._atoms, self._shapes, strict=True)):
            if i in written:
                flat = squeezed(shape, atom.aval.shape)
                if _bytes(shape, atom.aval.dtype) <= SMALL:
                    view = np.empty(shape, atom.aval.dtype)
                    self._table.put(written[i], view, flat)
                    results.append(view.copy)
                else:
                    self._made.append((i, written[i], flat))
                    results.append(lambda i=i: self._new.pop(i))  # type: ignore[misc]
            elif i not in views:
                value = atom.value  # type: ignore[union-attr]
                results.append(lambda value=value: value)  # type: ignore[misc]
            elif atom.aval.weak:
                results.append(views[i].item)
            elif views[i].ndim:
                results.append(views[i].copy)
            else:
                results.append(lambda view=views[i]: view[()])  # type: ignore[misc]
        return results

    def _views(self, written: Sequence[int]) -> dict[int, Any]:
        """Where each output lies in memory that is not written to an array of its own."""
        module, memory = self._sized.module, self._sized.memory
        home = {held.value.name: number for number, held in enumerate(module.held)}
        views = {}
        for number, output in enumerate(module.outputs):
            if isinstance(output, Value) and number not in written:
                source = output.same_memory or output
                begin = int(memory.places[0, home[source.name]])
                end = begin + _bytes(self._shapes[number], output.dtype)
                view = memory.block[begin:end].view(output.dtype)
                views[number] = view.reshape(self._shapes[number])
        return views

    def __call__(self, values: Sequence[Any]) -> list[Any]:
        """One value per output."""
        for place, buffer in self._copied:
            buffer[...] = values[place]
        # No array is freed before the program has read it.
        self._alive = self._prepared(values) if self._varies else []
        self._run()
        self._alive = []
        return [result() for result in self._results]

    def _prepared(self, values: Sequence[Any]) -> list[Any]:
        """Numbers and large arrays put in their places; the arrays, which must not be freed."""
        alive = []
        for place, number, dtype, shape in self._passed:
            array = _passable(values[place], dtype)
            self._table.put(number, array, shape)
            alive.append(array)
        for n, place, is_float in self._numbers:
            self._set_number(n, values[place], is_float)
        for output, number, shape in self._made:
            array = np.empty(self._shapes[output], self._atoms[output].aval.dtype)
            self._table.put(number, array, shape)
            self._new[output] = array
        return alive

    def _set_number(self, number: int, value: Any, is_float: bool) -> None:
        if is_float:
            self._constants[number] = value
        else:
            self._words[number] = int(value) % 2**64

    def _on_threads(self) -> None:
        """Let several threads work, this one among them unless it takes long.

        Ctrl-C is answered when they have ended what they are at: the tile, or the phase.
        """
        threads = self._sized.threads
        is_long = self._sized.work >= LONG
        errors: list[BaseException] = []

        def work(thread: int) -> None:
            try:
                self._table.runner(thread, threads)()
            except BaseException as error:
                errors.append(error)
                give_up(self._control)

        helpers = Helpers(work)
        try:
            if is_long:
                helpers.run(range(threads), lambda: None)
            else:
                helpers.run(range(1, threads), lambda: work(0))
        except BaseException:
            give_up(self._control)
            helpers.call_off()
            raise
        if errors:
            raise errors[0]


class _Table:
    """The arguments of the compiled function: arrays are put where its table names them.

    A function that is not compiled gets the arrays themselves.
    """

    def __init__(self, modules: Modules, sized: Sized, control: Any, constants: Any) -> None:
        function = modules.function(sized.module)
        placeholders = modules.placeholders(sized.module)
        arrays = placeholders[4 : 4 + len(modules.arrays())]
        split, memory = sized.split, sized.memory
        self._arguments = [memory.block, memory.places, sized.sizes, constants, *arrays]
        self._arguments += [sized.rows, control, split.pieces, split.tile]
        self._function = function
        self._bound: list[Bound] = []
        if isinstance(function, Compiled):
            self._bound = [
                function.bind(*self._arguments, n, sized.threads) for n in range(sized.threads)
            ]

    def put(self, number: int, array: Any, shape: tuple[int, ...]) -> None:
        """Let an array be the argument of this number among the arrays, under a shape."""
        if not self._bound:
            self._arguments[4 + number] = _writable(array).reshape(shape)
            return
        address = array.__array_interface__["data"][0]
        for bound in self._bound:
            bound.point(4 + number, address, shape)

    def runner(self, thread: int, threads: int) -> Callable[[], Any]:
        """What calls the function as one of some threads."""
        if self._bound:
            return self._bound[thread].run
        return lambda: self._function(*self._arguments, thread, threads)


def _bytes(shape: Sequence[int], dtype: Any) -> int:
    return prod(shape) * int(dtype.itemsize)


def _passable(value: Any, dtype: Any) -> Any:
    """The array as compiled code takes it: of this dtype, in row order, aligned."""
    if type(value) is np.ndarray and value.dtype == dtype:
        flags = value.flags
        if flags.c_contiguous and flags.aligned:
            return value
    array = np.asarray(value, dtype, order="C")
    return array if array.flags.aligned else array.copy()


def _writable(array: Any) -> Any:
    """The same memory without a mark that it is read only; the array must outlive it."""
    if array.flags.writeable:
        return array
    memory = (ctypes.c_char * array.nbytes).from_address(array.ctypes.data)
    return np.ndarray(array.shape, array.dtype, memory)

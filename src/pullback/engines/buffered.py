"""The reference engine without allocations: planned buffers, written by `out=`.

The bits are those of the readable NumPy source. What a step carries on (parameters, state) lies
in two sets of arrays, read from one and written to the other in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from typing import Any

import numpy as np

from ..dims import axis_lengths, evaluate, product
from ..errors import PullbackError, UsageError, nearest
from ..numbers import is_whole_number
from ..primitives.shapes import copy
from ..program import Equation, Program, Var
from ..trees import Structure
from .apart import Body, taken_apart
from .buffered_source import BufferedPrinter, Home, Layout, Shown
from .memory import ALIGNMENT, Lifetime, Plan, plan
from .orders import is_view, orders_of
from .packing import Pack, packed
from .reference import load_source


class NotBuffered(PullbackError):  # noqa: N818 (a verdict on a program, no failure of a call)
    """A program whose results have no fixed place; the readable form runs it."""


class Buffered:
    """A program that is called again and again, with its buffers.

    Args:
        program: Any program.
        carried: Arguments that a call replaces by its results of the same name: their values are
            kept here, see `load` and `present`.

    Raises:
        NotBuffered: When something carried has no result of its name, or one whose order in
            memory is not that of its rows.
    """

    def __init__(self, program: Program, carried: Sequence[str] = ()) -> None:
        self.body, self.slots, told = _with_slots(taken_apart(program), program, carried)
        orders = orders_of(self.body)
        if not all(orders.of(after) for _, after in self.slots):
            raise NotBuffered(f"{program.name}: the axes of a result do not lie in order.")

        def placeable(var: Var) -> bool:
            return var in orders.ordered and var not in orders.views

        work, packs = packed(self.body, self.slots, placeable)
        printer = BufferedPrinter(self.body, orders, work, packs, self.slots, told)
        self.layout: Layout = printer.layout()
        self.instructions = len(work)
        self._within = load_source(self.layout.source, "step_within")
        self._sets = [[_aligned(*_extent(after, {})) for _, after in self.slots] for _ in (0, 1)]
        self._present = [
            [
                _part(array, pack, var, {})
                for array, (pack, _) in zip(arrays, self.slots, strict=True)
                for var in pack
            ]
            for arrays in self._sets
        ]
        self._turn = 0
        self._block = np.empty(0, np.uint8)
        self._steps: dict[tuple[tuple[int, ...], ...], tuple[Any, Any]] = {}
        taken = self.layout.taken
        self._arrays = [i for i, var in enumerate(taken) if var.aval.shape]

    # What is carried on.

    @property
    def present(self) -> list[Any]:
        """The carried values, one array per input: overwritten by the call after the next one."""
        return self._present[self._turn]

    @property
    def stretches(self) -> list[Any]:
        """The memory of the carried values, in few arrays of one axis."""
        return self._sets[self._turn]

    def load(self, values: Sequence[Any]) -> bool:
        """Take copies of these as the carried values; False where one's rows have gaps."""
        if not all(value.flags.c_contiguous for value in map(np.asarray, values)):
            return False
        for place, value in zip(self.present, values, strict=True):
            np.copyto(place, value)
        return True

    # Calls.

    def fits(self, values: Sequence[Any]) -> bool:
        """Whether the arrays among a call's arguments have rows without gaps."""
        for i in self._arrays:  # noqa: SIM110 (a generator costs as much as an operation)
            if not values[i].flags.c_contiguous:
                return False
        return True

    def __call__(self, *values: Any, **numbers: Any) -> Any:
        """The results that are not carried on; the carried values become the next ones.

        Args:
            *values: One value per input that is not carried, as `Executable.flat` takes them.
            **numbers: Captured numbers by name, such as a seed.
        """
        shapes = tuple([values[i].shape for i in self._arrays])
        steps = self._steps.get(shapes)
        if steps is None:
            steps = self._steps[shapes] = self._bound(values)
        told = steps[self._turn](*values, **numbers)
        self._turn = 1 - self._turn
        return told

    def memory(self, sizes: Mapping[str, int]) -> Plan:
        """The plan of the buffers for these lengths of the axes, in bytes."""
        return plan([_lifetime(home, sizes) for home in self._shared])

    @property
    def _shared(self) -> list[Home]:
        return [home for home in self.layout.homes if home.slot is None]

    def _bound(self, values: Sequence[Any]) -> tuple[Any, Any]:
        """The step for arguments of these lengths: from the first set to the second, and back."""
        taken = self.layout.taken
        shapes = ((taken[i].aval.shape, np.shape(values[i])) for i in self._arrays)
        sizes = axis_lengths(shapes)
        found = self.memory(sizes)
        if self._block.nbytes < found.total:
            self._block = _aligned(found.total, np.dtype(np.uint8))
        starts = dict(zip(self._shared, found.offsets, strict=True))
        lengths = [sizes[name] for name in self.layout.axes]
        constants = [self.body.defaults[var] for var in self.layout.constants]

        def array(shown: Shown, turn: int) -> Any:
            home = shown.home
            if home.slot is not None:
                stretch = self._sets[turn if home.first < 0 else 1 - turn][home.slot]
            else:
                entries, dtype = _extent(shown.pack, sizes)
                start = starts[home]
                stretch = self._block[start : start + entries * dtype.itemsize].view(dtype)
            return stretch if shown.var is None else _part(stretch, shown.pack, shown.var, sizes)

        def step(turn: int) -> Any:
            arrays = [array(shown, turn) for shown in self.layout.arrays]
            return self._within(*lengths, *constants, *arrays)

        return step(0), step(1)


def memory_plan(program: Program, sizes: Mapping[str, int]) -> Plan:
    """Where the values of a program lie while it runs in buffers; see `Program.memory_plan`."""
    axes = program.axes
    for name, length in sizes.items():
        if name not in axes:
            known = ", ".join(axes) or "none"
            raise UsageError(
                f"memory_plan: {name} is no axis of {program.name}; its named axes are: {known}."
                f"{nearest(name, axes)}"
            )
        if not is_whole_number(length) or length < 1:
            raise UsageError(f"memory_plan: {name} must be a whole number >= 1, not {length!r}.")
    missing = [name for name in axes if name not in sizes]
    if missing:
        raise UsageError(f"memory_plan: the length of {missing[0]} is missing, such as 128.")
    return Buffered(program).memory(sizes)


def _with_slots(
    body: Body, program: Program, carried: Sequence[str]
) -> tuple[Body, list[tuple[Pack, Pack]], tuple[Structure, list[Any]]]:
    """The body in which carried results are written by equations of their own.

    Also, which inputs and results lie together, and what else the program tells.
    """
    result = program.result
    outputs = dict(zip(result.paths(), body.outputs, strict=True))
    kept = [key for key in result.keys if key not in carried]
    told = Structure(
        result.kind, tuple(kept), tuple(result.children[result.keys.index(k)] for k in kept)
    )
    equations = list(body.equations)
    fresh = {e.out for e in equations if not is_view(e) and e.out.aval.shape}
    groups: list[tuple[tuple[Any, ...], Var, Var]] = []
    for path, var in _carried_inputs(program, carried):
        atom = outputs.get(path)
        if atom is None or atom.aval.shape != var.aval.shape or atom.aval.dtype != var.aval.dtype:
            raise NotBuffered(f"{program.name}: {path[0]} is not carried on by a result.")
        if atom not in fresh:
            out = Var(replace(atom.aval, weak=False), var.hint)
            equations.append(Equation(copy, (atom,), MappingProxyType({}), out, "update"))
            atom = out
        fresh.discard(atom)
        groups.append(((path[:-1], var.aval.dtype), var, atom))
    slots = []
    for _, members in groupby(groups, key=lambda item: item[0]):
        rows = list(members)
        slots.append((tuple(row[1] for row in rows), tuple(row[2] for row in rows)))
    atoms = [atom for path, atom in outputs.items() if path[:1] and path[0] not in carried]
    if not carried:
        told, atoms = result, list(body.outputs)
    return replace(body, equations=equations), slots, (told, atoms)


def _carried_inputs(
    program: Program, carried: Sequence[str]
) -> Iterator[tuple[tuple[Any, ...], Var]]:
    """The path and the variable of each leaf of the carried arguments."""
    leaves = iter(program.inputs)
    for argument in program.arguments:
        for path in argument.structure.paths((argument.name,)):
            var = next(leaves)
            if argument.name in carried:
                yield path, var


# Memory.


def _entries(var: Var, sizes: Mapping[str, int]) -> int:
    return int(evaluate(product(var.aval.shape), sizes))


def _extent(pack: Pack, sizes: Mapping[str, int]) -> tuple[int, Any]:
    """How many entries a pack has, and their dtype."""
    return sum(_entries(var, sizes) for var in pack), pack[0].aval.dtype


def _part(stretch: Any, pack: Pack, var: Var, sizes: Mapping[str, int]) -> Any:
    """The array of one member of a pack."""
    start = sum(_entries(other, sizes) for other in pack[: pack.index(var)])
    shape = tuple(int(evaluate(dim, sizes)) for dim in var.aval.shape)
    return stretch[start : start + _entries(var, sizes)].reshape(shape)


def _lifetime(home: Home, sizes: Mapping[str, int]) -> Lifetime:
    entries, dtype = _extent(home.parts, sizes)
    return Lifetime(home.name, entries * dtype.itemsize, home.first, home.last)


def _aligned(entries: int, dtype: Any) -> Any:
    """An array of one axis that begins with a cache line."""
    block = np.empty(entries * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + entries * dtype.itemsize].view(dtype)

"""Whole steps of training, one after the other, without the interpreter between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ...dims import evaluate
from ...errors import UsageError
from ...primitives import labels
from ...program import Program, Var
from . import NotCompilable
from .axes import Axis
from .barrier import (
    FIRST_UPDATE,
    ORDERED,
    STEPS,
    STOP,
    new_control,
)
from .crew import Crew
from .emitting import Emitted, emitted_steps
from .lowering import Loops, lowered
from .memory import memory_for
from .planning import Split, operations, split_of, threads_for
from .sharing import equal_shares
from .statements import Value
from .storage import Roles

LEAST_STEPS = 1024
"""Steps of a call for which there is room from the beginning: some 64 KiB."""


@dataclass
class _Table:
    """What the steps of a call are and what they tell: arrays that stay where they are."""

    starts: Any
    lengths: Any
    settings: Any
    order: Any
    told: Any
    calls: Sequence[Callable[[], int]] = ()


class NativeSteps:
    """The steps of a training run as one compiled function.

    Args:
        step: The training step; its arguments are x, labels, perhaps weights, then params, state,
            rule_state and numbers, and its result is a dict with these and the loss.
        inputs: The training rows as the program takes them; kept by reference.
        variables: Params, state and rule_state, flat, in the program's order; copied.
        seed: Of random draws.
        lengths: The different numbers of rows that steps have.
        threads: How many threads work.
        load: What makes the emitted source a function; the compiler when None.

    Raises:
        NotCompilable: When an equation has no loops; the error names it.
    """

    def __init__(
        self,
        step: Program,
        inputs: Sequence[Any],
        variables: Sequence[Any],
        seed: int,
        lengths: Sequence[int],
        threads: int = 1,
        load: Callable[[str, str, tuple[Any, ...]], Callable[..., int]] | None = None,
    ) -> None:
        self._program = step
        self._layout = _Layout(step, len(inputs), len(variables))
        loops = lowered(step)
        _check_distributions(step, inputs)
        rows = self._most_rows = max(lengths)
        arrays = [_looped(array, var) for array, var in zip(inputs, step.inputs, strict=False)]
        self._rows = [array if array.flags.writeable else array.copy() for array in arrays]
        first = loops.inputs[0]
        row_axis = first.axes[0] if isinstance(first, Value) and first.axes else None
        lengths_of = _axis_sizes(loops, rows)
        split = split_of(loops, row_axis, lengths_of)
        self._emitted = emitted_steps(loops, self._layout.roles(loops), split.tiled)
        if split.tiled and not self._emitted.tiled:
            split = replace(split, tile=rows, tiled=False)
        self.split: Split = split
        self.source = self._emitted.source
        work = operations(loops, lengths_of)
        self.threads = threads_for(split, work, self._emitted.phases, threads)
        self._sizes = _sizes(self._emitted, rows)
        memory = memory_for(self._emitted, self._sizes, self.split, self.threads)
        self.plan, self._memory, self._places = memory
        names = [value.name if isinstance(value, Value) else "" for value in loops.inputs]
        self._views = [self._view(position, names) for position in self._layout.variables]
        self._flat_views = [view.reshape(-1) for view in self._views]
        self.restore(variables)
        for position in range(len(step.argument_inputs), len(names)):
            if names[position]:  # an array that was captured
                self._view(position, names)[...] = step.defaults[step.inputs[position]]
        self._control = new_control()
        self._constants = self._constant_numbers(seed)
        self.told = self._layout.told
        self._told_width = sum(width for _, width in self._layout.told_widths)
        self._load = load or _compiled
        self._function: Callable[..., int] | None = None
        self._table: _Table | None = None
        self._sharing = equal_shares(self._emitted.phases, self.threads)
        self._crew = Crew(self.threads - 1, self._control)

    # Variables.

    def variables(self) -> list[Any]:
        """Views of the present variables, in the order in which they were given."""
        return list(self._views)

    def restore(self, variables: Sequence[Any]) -> None:
        """Take other values."""
        for view, value in zip(self._views, variables, strict=True):
            view[...] = value

    def is_finite(self) -> bool:
        """Whether all variables are finite; False also where only their squares overflow."""
        return math.isfinite(sum([float(flat.dot(flat)) for flat in self._flat_views]))

    def interrupt(self) -> None:
        """Stop at the end of the step at hand; from any thread."""
        self._control[STOP] = 1

    def close(self) -> None:
        """End the threads that help."""
        self._crew.close()

    # Steps.

    def run(
        self,
        starts: Any,
        lengths: Any,
        order: Any,
        first_update: int,
        numbers: Any,
    ) -> tuple[int, Any]:
        """Do steps one after the other.

        Args:
            starts: The place in the order at which each step begins, int64.
            lengths: The rows of each step, int64.
            order: The rows in the order in which they are visited; None for as they lie.
            first_update: The number of updates done before.
            numbers: float64 (steps, numbers): the update rule's numbers for each step.

        Returns:
            How many steps were done, and float64 (steps, told) of what each told. After a step
            whose loss is not finite no other is done.
        """
        count = len(starts)
        table = self._table_for(count)
        table.starts[:count], table.lengths[:count] = starts, lengths
        table.settings[:count] = numbers
        control = self._control
        control[:] = 0
        control[FIRST_UPDATE], control[STEPS] = first_update, count
        if order is not None:
            table.order[: len(order)] = order
            control[ORDERED] = 1
        done = int(self._crew.run(table.calls))
        return done, table.told[:count].copy()

    def _table_for(self, steps: int) -> _Table:
        """Arrays for so many steps, and the calls that work on them."""
        if self._table is None or len(self._table.starts) < steps:
            self._table = self._new_table(max(LEAST_STEPS, 2 ** (steps - 1).bit_length()))
        return self._table

    def _new_table(self, steps: int) -> _Table:
        table = _Table(
            starts=np.zeros(steps, np.int64),
            lengths=np.zeros(steps, np.int64),
            settings=np.zeros((steps, max(len(self._layout.stepwise), 1))),
            order=np.zeros(len(self._rows[0]), np.int64),
            told=np.zeros((steps, self._told_width)),
        )
        arguments = (
            self._memory,
            self._places,
            np.array(list(self._sizes.values()), np.int64),
            table.settings,
            self._constants,
            *self._rows,
            table.order,
            table.starts,
            table.lengths,
            self.split.tile if self.split.tiled else self._most_rows,
            table.told,
            self._control,
            *self._sharing,
            self.split.pieces,
            self.split.tile,
        )
        if self._function is None:
            self._function = self._load(self.source, "steps", (*arguments, 0, self.threads))
        function = self._function
        # Compiled functions are bound to their arguments; plain ones take them at each call.
        bind: Callable[..., Callable[[], int]]
        bind = getattr(function, "bind", None) or partial(partial, function)
        table.calls = [bind(*arguments, thread, self.threads) for thread in range(self.threads)]
        return table

    def _view(self, position: int, names: Sequence[str]) -> Any:
        """The memory of an input."""
        home = [held.value.name for held in self._emitted.held].index(names[position])
        begin, dtype = self._places[0, home], self._emitted.held[home].value.dtype
        shape: Any = self._program.inputs[position].aval.shape
        end = begin + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return self._memory[begin:end].view(dtype).reshape(shape)

    def _constant_numbers(self, seed: int) -> Any:
        values = []
        for position in self._emitted.constants:
            var = self._program.inputs[position]
            name = self._program.names[var]
            given = {"seed": seed, "step": 0, "first_row": 0}
            value = given[name] if name in given else self._program.defaults[var]
            if var.aval.dtype.kind == "f":
                values.append(float(value))
            else:
                word = np.uint64(int(value) % 2**64)
                values.append(float(word.view(np.float64)))
        return np.array(values, np.float64)


def _compiled(source: str, entry: str, arguments: tuple[Any, ...]) -> Callable[..., int]:
    from .machine import load_native

    return load_native(source, entry, arguments)


def _check_distributions(step: Program, inputs: Sequence[Any]) -> None:
    """Raise what the reference raises where targets must be distributions and are not.

    Loops do not look: all rows are looked at here, once.

    Raises:
        NotCompilable: When it is not the rows' own targets that must be distributions.
    """
    given = dict(zip(step.inputs, inputs, strict=False))
    for equation in step.equations:
        if equation.primitive is labels.distribution:
            if equation.inputs[0] not in given:
                raise NotCompilable(
                    f"{step.names[equation.out]} = distribution(...) is checked for targets only."
                )
            equation.primitive.evaluate(given[equation.inputs[0]], **equation.params)


class _Layout:
    """Which inputs and outputs of a training step are what."""

    def __init__(self, step: Program, rows: int, variables: int) -> None:
        self.step = step
        self.rows = tuple(range(rows))
        self.variables = tuple(range(rows, rows + variables))
        count = len(step.argument_inputs)
        self.stepwise = tuple(range(rows + variables, count))
        parts = _parts(step)
        names = [path for path, _ in parts]
        told = [i for i, path in enumerate(names) if path[0] in ("loss", "penalty", "metrics")]
        order = {"loss": 0, "penalty": 1, "metrics": 2}
        self.told_outputs = tuple(sorted(told, key=lambda i: (order[names[i][0]], i)))
        changed = [
            i
            for kind in ("params", "state", "rule_state")
            for i, path in enumerate(names)
            if path[0] == kind
        ]
        self.replaced = self._pairs(changed, names)
        self.told_widths = [(names[i], _entries(step.outputs[i])) for i in self.told_outputs]
        self.told = []
        start = 0
        for path, width in self.told_widths:
            self.told.append((path, slice(start, start + width)))
            start += width

    def _pairs(self, changed: Sequence[int], names: Sequence[tuple[Any, ...]]) -> dict[int, int]:
        inputs = {}
        for position, path in enumerate(_input_paths(self.step)):
            inputs[path] = position
        return {inputs[names[i]]: i for i in changed}

    def roles(self, loops: Any) -> Roles:
        return Roles(
            rows=self.rows, replaced=self.replaced, told=self.told_outputs, stepwise=self.stepwise
        )


def _looped(array: Any, var: Var) -> Any:
    """Rows as loops take them: in row order, without axes of length 1."""
    shape = [n for n, dim in zip(array.shape, var.aval.shape, strict=True) if dim != 1]
    return np.ascontiguousarray(array).reshape(shape)


def _parts(step: Program) -> list[tuple[tuple[Any, ...], Any]]:
    paths = [tuple(path) for path in step.result.paths()]
    return list(zip(paths, step.outputs, strict=True))


def _input_paths(step: Program) -> list[tuple[Any, ...]]:
    return [
        (argument.name, *path) for argument in step.arguments for path in argument.structure.paths()
    ]


def _entries(atom: Any) -> int:
    entries = 1
    for dim in atom.aval.shape:
        if not isinstance(dim, int):
            raise UsageError("What a step tells must not depend on its rows.")
        entries *= dim
    return entries


def _sizes(module: Emitted, rows: int) -> dict[str, int]:
    """The lengths of the axes by their names, in the order in which they are given."""
    return {name: int(evaluate(dim, {"N": rows})) for name, dim in module.sizes}  # type: ignore


def _axis_sizes(loops: Loops, rows: int) -> dict[Axis, int]:
    """The length of every axis."""
    return {axis.root: int(evaluate(axis.dim, {"N": rows})) for axis in loops.axes.names()}

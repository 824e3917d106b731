"""The emitted module: kernels, and the function that runs steps or a call of them.

It is plain Python over arrays, and runs as it stands. Compiled, each of several threads calls the
same function; what a thread does follows from its number, and sums are joined in a fixed order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .barrier import FIRST_UPDATE, ORDERED, STEPS, STOP, STOPPED, TAKEN
from .lowering import Loops
from .outlining import deeper
from .phases import PhasesPrinter
from .sharing import WHOLE
from .statements import Number, Value
from .storage import Held, Roles, Storage

HEAD = """\
import numpy as np

from pullback.engines.native.arrays import *
from pullback.engines.native.barrier import take_piece, wait
from pullback.engines.native.functions import *
from pullback.engines.native.products import product_nn, product_nt, product_tn
from pullback.engines.native.runtime import *
from pullback.engines.native.sharing import clock, part, share_anew
from pullback.engines.native.sums import add_rows

f4, f8, i4, i8, u4 = np.float32, np.float64, np.int32, np.int64, np.uint32
"""


@dataclass(frozen=True)
class Emitted:
    """A module and what its function is to be called with.

    Attributes:
        source: The module.
        held: The arrays that lie in memory, in the order of their places.
        sizes: The axes whose lengths are given: a name, and the length in the program.
        constants: The inputs that are the same number in every turn, in order.
        tiled: Whether rows go through all layers tile by tile.
        phases: How many barriers a turn has.
        outputs: The value behind each output, or a number.
    """

    source: str
    held: tuple[Held, ...]
    sizes: tuple[tuple[str, object], ...]
    constants: tuple[int, ...]
    tiled: bool
    phases: int
    outputs: tuple[Value | Number, ...]


def emitted_steps(loops: Loops, roles: Roles, tiled: bool) -> Emitted:
    """A module whose function `steps` does steps of training one after the other.

    Raises:
        NotCompilable: When a kernel cannot be printed.
    """
    return _Steps(loops, roles, tiled).emitted()


def emitted_call(loops: Loops, roles: Roles, tiled: bool) -> Emitted:
    """A module whose function `call` computes a program once, from arrays into arrays.

    Raises:
        NotCompilable: When a kernel cannot be printed.
    """
    return _Call(loops, roles, tiled).emitted()


class _Module:
    """What both kinds of modules share."""

    def __init__(self, loops: Loops, roles: Roles, tiled: bool) -> None:
        self.loops, self.roles = loops, roles
        self.storage = Storage(loops, roles, tiled)
        self.printer = PhasesPrinter(self.storage)
        row_axis = self.storage.row_axis
        self.row_size = "" if row_axis is None else self.storage.names[row_axis]

    def emitted(self) -> Emitted:
        """The module."""
        body = "\n".join(self._function()) + "\n"
        source = "\n\n".join([HEAD, *self.printer.definitions(), body])
        return Emitted(
            source,
            tuple(self.storage.held),
            tuple(self.loops.axes.parameters()),
            self._constants,
            self.storage.tiled,
            self.storage.phases,
            tuple(self.storage.outputs),
        )

    def _function(self) -> list[str]:
        raise NotImplementedError

    def _after(self, phase: int) -> list[str]:
        """Lines behind a phase: wait for all; pieces that were taken can be taken again."""
        taken = self.storage.tiled and self.storage.is_along_rows(phase)
        return [*_WAIT, *(["if thread == 0:", f"    control[{TAKEN}] = 0"] if taken else [])]

    @property
    def _constants(self) -> tuple[int, ...]:
        stepwise = set(self.roles.stepwise)
        inputs = enumerate(self.loops.inputs)
        return tuple(i for i, name in inputs if isinstance(name, str) and i not in stepwise)

    def _sizes(self) -> list[str]:
        parameters = enumerate(self.loops.axes.parameters())
        return [f"{name} = sizes[{n}]" for n, (name, _) in parameters if name != self.row_size]

    def _numbers(self) -> list[str]:
        lines = []
        for number, position in enumerate(self._constants):
            is_float = self.loops.program.inputs[position].aval.dtype.kind == "f"
            entry = f"constants[{number}]"
            text = entry if is_float else f"whole_number({entry})"
            lines.append(f"{self.loops.inputs[position]} = {text}")
        return lines

    def _derived(self) -> list[str]:
        return [f"{name} = {self.printer.with_sizes(text)}" for name, text in self.loops.numbers]


_WAIT = ["if threads > 1:", "    wait(control, threads)"]


class _Steps(_Module):
    """Steps of training."""

    def _function(self) -> list[str]:
        given = ", ".join(f"all_{value}" for value in self.storage.rows)
        head = [
            "def steps(",
            f"    memory, places, sizes, settings, constants, {given}, order, starts, lengths,",
            "    rows, told, control, cuts, busy, shares, pieces, tile, thread, threads,",
            "):",
            '    """Steps of training: forward, backward, update. How many were done."""',
        ]
        before = [*self._sizes(), *self._numbers(), f"first_update = control[{FIRST_UPDATE}]"]
        turn = [f"for s in range(control[{STEPS}]):", *deeper(self._one_step())]
        return [*head, *deeper([*before, *turn, f"return control[{STEPS}]"])]

    def _one_step(self) -> list[str]:
        lines = [f"{self.row_size} = lengths[s]"] if self.row_size else []
        for column, position in enumerate(self.roles.stepwise):
            lines.append(f"{self.loops.inputs[position]} = settings[s, {column}]")
        if "step" in self.loops.inputs:
            lines.append("step = first_update + s")
        lines += self._derived()
        if not self.storage.tiled:
            lines += self._rows("starts[s]")
        last = self.storage.phases - 1
        units = {n: self.printer.units(n) for n in range(self.storage.phases)}
        shared = {number: text for number, text in units.items() if text}
        for number in range(self.storage.phases):
            place = f"cuts[s % 2, {number}, thread"
            lines += [f"start, stop = {place}], {place} + 1]"]
            lines += ["began = clock() if threads > 1 else 0"] if number in shared else []
            lines += self.printer.phase(number, self._gathering() if number == 0 else [])
            if number in shared:
                lines += ["if threads > 1:", f"    busy[s % 2, {number}, thread] = clock() - began"]
            if number == last:
                lines += [*self._telling(), *self._sharing(shared)]
            lines += self._after(number)
        ending = f"if control[{STOPPED}] != 0 or not abs(told[s, 0]) < np.inf:"
        return [*lines, ending, "    return s + 1"]

    def _sharing(self, units: Mapping[int, str]) -> list[str]:
        """Lines that say how threads share the phases of the next step."""
        calls = [f"share_anew(cuts, busy, shares, s, {n}, {text})" for n, text in units.items()]
        return ["if threads > 1 and thread == 0:", *deeper(calls)] if calls else []

    def _rows(self, at: str) -> list[str]:
        """Lines that say where the rows are: gathered by the order, or as they lie."""
        rows = self.storage.rows
        gathered = [f"    {self.printer.place_of(value)}" for value in rows]
        passed = [f"    {value} = rows_from(all_{value}, {at})" for value in rows]
        shapes = self.printer.other_shapes(True)
        return [f"if control[{ORDERED}] != 0:", *gathered, "else:", *passed, *shapes]

    def _gathering(self) -> list[str]:
        """Lines that bring the rows of a piece, or of a tile of it, if they have an order."""
        at = "starts[s] + offset" if self.storage.tiled else "starts[s]"
        lines = self._rows(at) if self.storage.tiled else []
        lines.append(f"if control[{ORDERED}] != 0:")
        for value in self.storage.rows:
            kind = "rows" if len(value.axes) > 1 else "numbers"
            lines.append(f"    gather_{kind}({value}, all_{value}, order, {at}, lo, hi)")
        return lines

    def _telling(self) -> list[str]:
        """Lines that report the step, behind a barrier where vectors are among it."""
        lines, columns = ["if thread == 0:"], ["0"]
        vectors = False
        for output in self.roles.told:
            value, column = self.storage.outputs[output], " + ".join(columns)
            if isinstance(value, Value) and value.axes:
                size = " * ".join(self.storage.names[axis.root] for axis in value.axes)
                flat = self.printer.same_memory(value, f"({size},)")
                lines.append(f"    tell(told, s, {column}, {flat})")
                columns.append(size)
                vectors = True
            else:
                text = value.text if isinstance(value, Number) else f"{value}[0]"
                lines.append(f"    told[s, {column}] = {text}")
                columns.append("1")
        lines.append(f"    control[{STOPPED}] = control[{STOP}]")
        return [*(_WAIT if vectors else []), *self.printer.call("report", lines)]


class _Call(_Module):
    """One run of a program."""

    def _function(self) -> list[str]:
        given = [f"all_{v}" if v in self.storage.rows else v.name for v in self.storage.given]
        written = [f"all_{value}" for value in self.storage.written]
        head = [
            "def call(",
            f"    memory, places, sizes, constants, {', '.join([*given, *written, 'rows'])},",
            "    control, pieces, tile, thread, threads,",
            "):",
            f'    """{self.loops.program.name}, once."""',
        ]
        row_size = [f"{self.row_size} = sizes[{self._row_number()}]"] if self.row_size else []
        all_alike = f"thread * {WHOLE} // threads, (thread + 1) * {WHOLE} // threads"
        before = [*row_size, *self._sizes(), *self._numbers(), f"start, stop = {all_alike}"]
        body = [*before, *self._derived()]
        if not self.storage.tiled:
            body += self._rows("0")
        for number in range(self.storage.phases):
            tile = self._tile() if number == 0 and self.storage.tiled else []
            body += [*self.printer.phase(number, tile), *self._after(number)]
            body += [f"if control[{STOP}] != 0:", "    return 0"]
        return [*head, *deeper([*body, "return 0"])]

    def _tile(self) -> list[str]:
        """Lines that begin a tile, if the call has not been given up."""
        return [f"if control[{STOP}] != 0:", "    break", *self._rows("offset")]

    def _row_number(self) -> int:
        names = [name for name, _ in self.loops.axes.parameters()]
        return names.index(self.row_size)

    def _rows(self, at: str) -> list[str]:
        values = [*self.storage.rows, *self.storage.written]
        bound = [f"{value} = rows_from(all_{value}, {at})" for value in values]
        return bound + self.printer.other_shapes(True)

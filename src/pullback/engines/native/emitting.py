"""The emitted module: kernels, and the function that runs whole steps of them.

It is plain Python over arrays, and runs as it stands. Compiled, each of several threads calls the
same function; what a thread does follows from its number, and sums are joined in a fixed order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import NotCompilable
from .axes import Axis
from .kernels import Context, KernelPrinter, Printed, kept_between_loops, neutral
from .lowering import Loops
from .schedule import Combine, Group, Kernel, Schedule, memory_of, scheduled
from .statements import Number, Product, Serial, Statement, Value, code_of

HEAD = """\
import numpy as np

from pullback.engines.native.arrays import *
from pullback.engines.native.barrier import wait
from pullback.engines.native.functions import *
from pullback.engines.native.products import product_nn, product_nt, product_tn
from pullback.engines.native.runtime import *

f4, f8, i4, i8 = np.float32, np.float64, np.int32, np.int64
"""


@dataclass(frozen=True)
class Roles:
    """What inputs and outputs of a program are for.

    Attributes:
        rows: Inputs of which each step reads some rows.
        replaced: For each input that changes from step to step the output that replaces it.
        told: Outputs that each step reports.
        stepwise: Inputs that are numbers, one for each step.
    """

    rows: tuple[int, ...] = ()
    replaced: Mapping[int, int] = field(default_factory=dict)
    told: tuple[int, ...] = ()
    stepwise: tuple[int, ...] = ()


@dataclass(frozen=True)
class Emitted:
    """A module and what its function is to be called with.

    Attributes:
        source: The module.
        held: The arrays that lie in memory, in the order of their places.
        sizes: The axes whose lengths are given, by their names.
        constants: The numbers that are the same for all steps, in order.
        tiled: Whether rows go through all layers tile by tile.
        phases: How many barriers a step has.
    """

    source: str
    held: tuple[Held, ...]
    sizes: tuple[tuple[str, object], ...]
    constants: tuple[int, ...]
    tiled: bool
    phases: int


@dataclass(frozen=True)
class Held:
    """An array in memory.

    Attributes:
        value: What it holds.
        parts: Whether there is one for each piece of the work.
        private: Whether there is one for each thread, of the rows of a tile.
        first: The phase in which it is written first; -1 for before the step.
        last: The last phase in which it is read; None where it is kept from step to step.
        axes: The names of its axes' lengths.
    """

    value: Value
    parts: bool
    private: bool
    first: int
    last: int | None
    axes: tuple[str, ...]


def emitted(loops: Loops, roles: Roles, tiled: bool) -> Emitted:
    """The module for a lowered program.

    Raises:
        NotCompilable: When a kernel cannot be printed.
    """
    return _Module(loops, roles, tiled).emitted()


class _Module:
    def __init__(self, loops: Loops, roles: Roles, tiled: bool) -> None:
        self.loops, self.roles = loops, roles
        self.names = {axis.root: name for axis, name in loops.axes.names().items()}
        self.row_axis = self._row_axis()
        self.items = list(loops.items)
        self.outputs = list(loops.outputs)
        self.input_values = [v for v in loops.inputs if isinstance(v, Value)]
        self.replaced = self._replacements()
        self.tiled = tiled and self._let_products_sum()
        self.schedule = scheduled(self.items, self.replaced)
        if self.tiled and not self._rows_in_one_phase():
            self._let_products_be_owned()
            self.tiled = False
            self.schedule = scheduled(self.items, self.replaced)
        self.stored = self._stored()
        self.held = self._held()
        self.kernels: dict[str, tuple[str, Printed]] = {}
        self.context = Context(
            self.stored, loops.sized, frozenset(self._number_names()), self.tiled, self.replaced
        )

    # What is decided before printing.

    def _row_axis(self) -> Axis | None:
        for position in self.roles.rows:
            value = self.loops.inputs[position]
            if isinstance(value, Value) and value.axes:
                return value.axes[0].root
        return None

    def _replacements(self) -> dict[Value, Value]:
        """Which value is written over which; a copy is made where it cannot be the value itself."""
        replaced: dict[Value, Value] = {}
        plain = {s.out: s for s in self.items if isinstance(s, Statement) and s.is_plain}
        after = _Followers(self.items)
        for position, output in self.roles.replaced.items():
            old, new = self.loops.inputs[position], self.outputs[output]
            if new is old:
                continue
            assert isinstance(old, Value)
            safe = isinstance(new, Value) and new in plain and new not in replaced
            if not safe or after.reads(new, old) or new.same_memory:  # type: ignore[arg-type, union-attr]
                new = self._copy(new, old)
            self.outputs[output] = new
            replaced[new] = old  # type: ignore[index]
        return replaced

    def _copy(self, source: Value | Number, like: Value) -> Value:
        value = Value(f"{like.name}_after", like.dtype, like.axes)
        loops = tuple(range(len(like.axes)))
        code = code_of(like.dtype)
        if isinstance(source, Number):
            operands: tuple[object, ...] = (source,)
            text = f"{code}({source.text})"
        else:
            from .kernels import _own_places
            from .statements import Read

            for mine, other in zip(like.axes, source.axes, strict=True):
                mine.join(other)
            operands = (Read(source, _own_places(len(loops))),)
            text = "{0}"
        self.items.append(Statement(value, like.axes, loops, text, operands))  # type: ignore[arg-type]
        return value

    def _let_products_sum(self) -> bool:
        """Let products over the rows be sums of private parts; False where there are none."""
        if self.row_axis is None:
            return False
        for item in self.items:
            if isinstance(item, Product) and item.inner.root is self.row_axis:
                if not (item.left_transposed and not item.right_transposed):
                    self._let_products_be_owned()
                    return False
                item.summed = True
        return True

    def _let_products_be_owned(self) -> None:
        for item in self.items:
            if isinstance(item, Product):
                item.summed = False

    def _rows_in_one_phase(self) -> bool:
        levels = {
            level for node, level in self.schedule.level.items() if node.outer is self.row_axis
        }
        return len(levels) <= 1

    def _stored(self) -> set[Value]:
        stored: set[Value] = set()
        home: dict[Value, object] = {}
        for work in self._all_work():
            for out in _outs(work):
                home[out] = work
        for work in self._all_work():
            if isinstance(work, Kernel):
                stored |= kept_between_loops(work)
                for statement in work.statements:
                    stored |= {v for v in statement.inputs if home.get(memory_of(v)) is not work}
                    stored |= {v for v in statement.inputs if v.same_memory}
                    if statement.reduces_outer:
                        stored.add(statement.out)
            else:
                stored |= set(work.inputs) | {work.out}
        stored |= {v for v in self.outputs if isinstance(v, Value)}
        return stored | {memory_of(value) for value in stored}

    def _all_work(self):  # type: ignore[no-untyped-def]
        for groups in self.schedule.phases:
            for group in groups:
                yield from group.work

    def _held(self) -> list[Held]:
        uses: dict[Value, list[int]] = {}
        parts: set[Value] = set()
        for number, groups in enumerate(self.schedule.phases):
            for group in groups:
                for work in group.work:
                    if work_reduces := [o for o in _outs(work) if _is_reduced(work, o)]:
                        parts.update(work_reduces)
                    for value in (*_outs(work), *_ins(work)):
                        if value in self.stored:
                            uses.setdefault(memory_of(value), []).append(number)
        last = len(self.schedule.phases)
        held = []
        kept = {self.replaced.get(v, v) for v in self.input_values}
        for value in self.outputs:
            if isinstance(value, Value):
                uses.setdefault(memory_of(value), []).append(last)
        rows = {self.loops.inputs[i] for i in self.roles.rows}
        for value, phases in uses.items():
            if value in self.replaced or value in rows:
                continue
            is_kept = value in kept
            first, end = min(phases), max(phases)
            private = self.tiled and self._is_of_rows(value)
            held.append(
                self._holding(value, value in parts, private, first, None if is_kept else end)
            )
        for value in self.input_values:
            if value not in uses and value not in rows:
                held.append(self._holding(value, False, False, -1, None))
        for value in self.input_values:
            if value in rows:  # where the rows of a step are gathered
                held.append(self._holding(value, False, self.tiled, 0, last))
        return held

    def _holding(
        self, value: Value, parts: bool, private: bool, first: int, last: int | None
    ) -> Held:
        axes = tuple(self.names[axis.root] for axis in value.axes)
        return Held(value, parts, private, first, last, axes)

    def _is_of_rows(self, value: Value) -> bool:
        return bool(value.axes) and value.roots[0] is self.row_axis

    def _number_names(self) -> list[str]:
        names = [name for name in self.loops.inputs if isinstance(name, str)]
        return names + [name for name, _ in self.loops.numbers]

    # Printing.

    def emitted(self) -> Emitted:
        body = self._steps()
        kernels = [
            printed.text(name, self._parameters(printed)) for name, printed in self.kernels.values()
        ]
        source = "\n\n".join([HEAD, *kernels, body])
        sizes = tuple(self.loops.axes.parameters())
        stepwise = set(self.roles.stepwise)
        constants = tuple(
            i
            for i, name in enumerate(self.loops.inputs)
            if isinstance(name, str) and i not in stepwise
        )
        phases = len(self.schedule.phases)
        return Emitted(source, tuple(self.held), sizes, constants, self.tiled, phases)

    def _parameters(self, printed: Printed) -> list[str]:
        names = [self._array_name(value) for value in printed.arrays]
        names += printed.numbers
        return names + [self._size_name(key) for key in printed.sizes]

    def _size_name(self, key: Axis | str) -> str:
        name = key if isinstance(key, str) else self.names[key.root]
        return name if name.isidentifier() else "size_" + re.sub(r"\W+", "_", name)

    def _size_text(self, key: Axis | str) -> str:
        return key if isinstance(key, str) else self.names[key.root]

    def _array_name(self, value: Value) -> str:
        return self.replaced.get(value, value).name

    def _with_sizes(self, text: str) -> str:
        return re.sub(
            r"@(\d+)@", lambda m: f"({self.names[self.loops.sized[int(m.group(1))].root]})", text
        )

    def _steps(self) -> str:
        rows = [self.loops.inputs[i] for i in self.roles.rows]
        given = [f"all_{value}" for value in rows]
        head = (
            f"def steps(memory, places, sizes, settings, constants, {', '.join(given)}, order, "
            "starts, lengths, rows, first_update, told, control, pieces, tile, thread, threads, first, "
            "last):"
        )
        row_size = None if self.row_axis is None else self.names[self.row_axis]
        lines = [head, *self._unpacking(row_size)]
        lines.append("    for s in range(first, last):")
        lines += [f"        {line}" for line in self._one_step(row_size)]
        lines.append("    return last - first")
        return "\n".join(_wrapped(lines)) + "\n"

    def _unpacking(self, row_size: str | None) -> list[str]:
        lines = []
        for number, (name, _) in enumerate(self.loops.axes.parameters()):
            if name != row_size:
                lines.append(f"    {name} = sizes[{number}]")
        for number, held in enumerate(self.held):
            lines.append(f"    {self._view(number, held)}")
            if held.parts:
                shape = self._shape_text(held.value, None)
                begin = f"places[thread, {number}]"
                lines.append(f"    {held.value.name} = {self._made(held.value, begin, shape)}")
        for value in self._aliases():
            lines.append(f"    {self._alias(value)}")
        stepwise = set(self.roles.stepwise)
        number = 0
        for position, name in enumerate(self.loops.inputs):
            if isinstance(name, str) and position not in stepwise:
                lines.append(f"    {name} = {self._constant(position, number)}")
                number += 1
        return lines

    def _constant(self, position: int, number: int) -> str:
        aval = self.loops.program.inputs[position].aval
        if aval.dtype.kind != "f":
            return f"whole_number(constants[{number}])"
        return f"constants[{number}]"

    def _view(self, number: int, held: Held) -> str:
        name = held.value.name + ("_parts" if held.parts else "")
        if held.value in [self.loops.inputs[i] for i in self.roles.rows]:
            name = f"own_{name}"
        shape = self._shape_text(held.value, "pieces" if held.parts else None)
        return f"{name} = {self._made(held.value, f'places[thread, {number}]', shape)}"

    @staticmethod
    def _made(value: Value, begin: str, shape: str) -> str:
        return f"{code_of(value.dtype)}_array(memory, {begin}, {shape})"

    def _shape_text(self, value: Value, pieces: str | None) -> str:
        shape = [self.names[axis.root] for axis in value.axes]
        if value.axes and value.axes[0].root is self.row_axis:
            shape[0] = "rows"
        if pieces is not None:
            shape = [pieces, " * ".join(f"({size})" for size in shape) or "1"]
        return f"({', '.join(shape or ['1'])},)"

    def _aliases(self) -> list[Value]:
        return [value for value in self.stored if value.same_memory is not None]

    def _alias(self, value: Value) -> str:
        return f"{value.name} = {self._same_memory(value, self._shape_text(value, None))}"

    def _same_memory(self, value: Value, shape: str) -> str:
        """The memory of a value under another shape."""
        source = self.replaced.get(memory_of(value), memory_of(value))
        number = next(n for n, held in enumerate(self.held) if held.value is source)
        return self._made(value, f"places[thread, {number}]", shape)

    def _part_of(self, value: Value, shape: str) -> str:
        """What a piece adds up of a value."""
        number = next(n for n, held in enumerate(self.held) if held.value is value)
        sizes = [self.names[axis.root] for axis in value.axes]
        entries = " * ".join(f"({size})" for size in [*sizes, str(value.dtype.itemsize)])
        return self._made(value, f"places[thread, {number}] + piece * {entries}", shape)

    def _one_step(self, row_size: str | None) -> list[str]:
        lines = []
        if row_size is not None:
            lines.append(f"{row_size} = lengths[s]")
        for column, position in enumerate(self.roles.stepwise):
            lines.append(f"{self.loops.inputs[position]} = settings[s, {column}]")
        if "step" in self.loops.inputs:
            lines.append("step = first_update + s")
        lines += [f"{name} = {self._with_sizes(text)}" for name, text in self.loops.numbers]
        for number, groups in enumerate(self.schedule.phases):
            lines.append(f"# phase {number + 1} of {len(self.schedule.phases)}")
            for group in groups:
                lines += self._group(group, number)
            if number == len(self.schedule.phases) - 1:
                lines += self._telling()
            lines.append("if threads > 1:")
            lines.append("    wait(control, threads)")
        lines += ["if control[3] != 0 or not abs(told[s, 0]) < np.inf:", "    return s + 1 - first"]
        return lines

    def _telling(self) -> list[str]:
        lines, column = ["if thread == 0:"], 0
        vectors = []
        for output in self.roles.told:
            value = self.outputs[output]
            if isinstance(value, Number):
                lines.append(f"    told[s, {column}] = {value.text}")
                column += 1
            elif not value.axes:
                lines.append(f"    told[s, {column}] = {value.name}[0]")
                column += 1
            else:
                vectors.append((value, column))
                size = " * ".join(self.names[axis.root] for axis in value.axes)
                lines.append(
                    f"    told[s, {column} : {column} + {size}] = {value.name}.reshape(-1)"
                )
        lines.append("    control[3] = control[2]")
        if len(vectors) > 1:
            raise NotCompilable("two results of a step that are no numbers cannot be told.")
        early = ["if threads > 1:", "    wait(control, threads)"] if vectors else []
        return [*early, *lines]

    def _group(self, group: Group, phase: int) -> list[str]:
        if group.axis is None:
            body = [line for work in group.work for line in self._work(work, False)]
            return ["if thread == 0:", *(f"    {line}" for line in body)] if body else []
        size = self.names[group.axis]
        is_tiled = self.tiled and group.axis is self.row_axis
        lines = [
            "for piece in range(thread, pieces, threads):",
            f"    begin, end = piece * ({size}) // pieces, (piece + 1) * ({size}) // pieces",
        ]
        fills = [line for work in group.work for line in self._fills(work)]
        lines += [f"    {line}" for line in fills]
        gather = phase == 0 and group.axis is self.row_axis
        if is_tiled:
            lines.append("    for offset in range(begin, end, tile):")
            lines.append("        lo, hi = 0, min(tile, end - offset)")
            margin = "        "
        else:
            lines.append("    lo, hi = begin, end")
            margin = "    "
        body = self._gathering(is_tiled) if gather else []
        body += [line for work in group.work for line in self._work(work, is_tiled)]
        return [*lines, *(margin + line for line in body)]

    def _gathering(self, is_tiled: bool) -> list[str]:
        at = "starts[s] + offset" if is_tiled else "starts[s]"
        gathered, passed = [], []
        for position in self.roles.rows:
            value = self.loops.inputs[position]
            assert isinstance(value, Value)
            kind = "rows" if len(value.axes) > 1 else "numbers"
            gathered.append(f"    gather_{kind}(own_{value}, all_{value}, order, {at}, lo, hi)")
            gathered.append(f"    {value} = own_{value}")
            passed.append(f"    {value} = rows_from(all_{value}, {at})")
        return ["if len(order) > 0:", *gathered, "else:", *passed]

    def _fills(self, work: object) -> list[str]:
        lines = []
        if isinstance(work, Kernel):
            for statement in work.statements:
                if statement.reduces_outer:
                    value = neutral(statement.reduction, statement.out.dtype)
                    lines += self._part_lines(statement.out, value)
        if isinstance(work, Product) and work.summed:
            lines += self._part_lines(work.out, f"{code_of(work.out.dtype)}(0)")
        return lines

    @staticmethod
    def _part(value: Value) -> str:
        return f"{value.name}_part"

    def _part_lines(self, value: Value, start: str) -> list[str]:
        """The part of a piece, as it begins."""
        sizes = [f"({self.names[axis.root]})" for axis in value.axes]
        flat = self._part_of(value, f"({' * '.join(sizes) or '1'},)")
        part = self._part_of(value, self._shape_text(value, None))
        return [f"fill({flat}, {start})", f"{self._part(value)} = {part}"]

    def _work(self, work: object, is_tiled: bool) -> list[str]:
        if isinstance(work, Kernel):
            return [self._kernel_call(work)]
        if isinstance(work, Product):
            return [self._product_call(work)]
        if isinstance(work, Combine):
            return self._combining(work)
        assert isinstance(work, Serial)
        names = [self._array_name(value) for value in work.operands]
        lines = []
        for line in work.lines:
            text = line.replace("{out}", work.out.name)
            for number, name in enumerate(names):
                text = text.replace(f"{{{number}}}", name)
            lines.append(self._with_sizes(text))
        return lines

    def _kernel_call(self, kernel: Kernel) -> str:
        printed = KernelPrinter(kernel, self.context).printed()
        key = printed.key()
        if key not in self.kernels:
            last = kernel.statements[-1].out
            name = f"make_{self._array_name(last)}"
            taken = {name for name, _ in self.kernels.values()}
            while name in taken:
                name += "_again"
            self.kernels[key] = (name, printed)
        name, _ = self.kernels[key]
        reduced = {s.out for s in kernel.statements if s.reduces_outer}
        arguments = [self._part(v) if v in reduced else self._array_name(v) for v in printed.arrays]
        arguments += printed.numbers
        arguments += [self._size_text(key) for key in printed.sizes]
        arguments += ["0", "1"] if kernel.outer is None else ["lo", "hi"]
        if printed.uses_offset:
            arguments.append("offset" if kernel.outer is self.row_axis else "0")
        return f"{name}({', '.join(arguments)})"

    def _product_call(self, product: Product) -> str:
        out = self._part(product.out) if product.summed else self._array_name(product.out)
        left_shape, right_shape, out_shape = product.shapes
        left, right = self._array_name(product.left), self._array_name(product.right)
        if product.left_transposed:
            left_shape = left_shape[::-1]
        if product.right_transposed:
            right_shape = right_shape[::-1]
        out = self._matrix(product.out, out, out_shape, product.summed)
        left = self._matrix(product.left, left, left_shape)
        right = self._matrix(product.right, right, right_shape)
        inner = self.names[product.inner.root]
        rows = out_shape[0]
        bounds = "0, 1" if rows is None else "lo, hi"
        if product.left_transposed and product.right_transposed:
            raise NotCompilable("a product of two transposed matrices has no loops.")
        if product.summed:
            return f"product_tn({out}, {left}, {right}, 0, {self.names[rows.root]}, hi, True)"  # type: ignore[union-attr]
        if product.left_transposed:
            return f"product_tn({out}, {left}, {right}, {bounds}, {inner}, False)"
        kind = "nt" if product.right_transposed else "nn"
        return f"product_{kind}({out}, {left}, {right}, {bounds}, False)"

    def _matrix(
        self, value: Value, name: str, shape: tuple[Axis | None, Axis | None], part: bool = False
    ) -> str:
        """A factor or a product with an axis of length 1 put back."""
        if None not in shape:
            return name
        texts = ["1" if axis is None else self.names[axis.root] for axis in shape]
        if shape[0] is not None and shape[0].root is self.row_axis:
            texts[0] = "rows"
        text = f"({', '.join(texts)})"
        if value in [self.loops.inputs[i] for i in self.roles.rows]:
            raise NotCompilable("data of one column has no matrix.")
        return self._part_of(value, text) if part else self._same_memory(value, text)

    def _combining(self, work: Combine) -> list[str]:
        bounds = "0, 1"
        if work.out.axes:
            inner = [self.names[axis.root] for axis in work.out.axes[1:]]
            scale = "".join(f" * ({size})" for size in inner)
            bounds = f"lo{scale}, hi{scale}"
        return [f"combine_{work.reduction}({work.out.name}_parts, pieces, {bounds})"]


class _Followers:
    """Which values follow from which."""

    def __init__(self, items: Sequence[object]) -> None:
        self._items = items

    def reads(self, new: Value, old: Value) -> bool:
        """Whether something that follows from `new` reads `old`."""
        following = {new}
        for item in self._items:
            inputs = {memory_of(v) for v in item.inputs}  # type: ignore[attr-defined]
            if inputs & following:
                if old in inputs:
                    return True
                following.add(item.out)  # type: ignore[attr-defined]
        return False


def _outs(work: object) -> list[Value]:
    if isinstance(work, Kernel):
        return [statement.out for statement in work.statements]
    return [work.out]  # type: ignore[attr-defined]


def _ins(work: object) -> list[Value]:
    if isinstance(work, Kernel):
        return [value for statement in work.statements for value in statement.inputs]
    if isinstance(work, Combine):
        return [work.out]
    return work.inputs  # type: ignore[attr-defined, no-any-return]


def _is_reduced(work: object, out: Value) -> bool:
    if isinstance(work, Kernel):
        return any(s.out is out and s.reduces_outer for s in work.statements)
    return bool(getattr(work, "reduces_outer", False))


def _wrapped(lines: Sequence[str]) -> list[str]:
    return list(lines)


_Unused = Schedule

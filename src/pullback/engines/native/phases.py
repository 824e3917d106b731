"""The work of a turn as source: functions for its phases, with pieces, tiles, calls of kernels."""

from __future__ import annotations

import re

from ...lazy import cached_property
from .axes import Axis
from .barrier import FINITE
from .kernels import Context, KernelPrinter, Printed
from .outlining import Outliner, deeper, listed, names_of
from .scalars import neutral
from .schedule import Combine, Group, Kernel, Work, memory_of, outs_of
from .sharing import UNITS
from .statements import Product, Serial, Value, code_of
from .storage import Storage

Shape = tuple[Axis | None, Axis | None]


class PhasesPrinter:
    """Prints the phases of a turn, and collects the functions that do them."""

    def __init__(self, storage: Storage) -> None:
        self.storage, self.names = storage, storage.names
        self.kernels: dict[str, tuple[str, Printed]] = {}
        self.outliner = Outliner()
        numbers = [name for name in storage.loops.inputs if isinstance(name, str)]
        numbers += [name for name, _ in storage.loops.numbers]
        self.context = Context(
            storage.stored,
            storage.loops.sized,
            storage.names,
            frozenset(numbers),
            storage.tiled,
            storage.replaced,
        )

    def definitions(self) -> list[str]:
        """The places in memory, and every kernel and phase that was called, as source."""
        names = [f"at_{held.value}" for held in self.storage.held]
        places = listed("[", names, f"] = range({len(names)})")
        kernels = [
            printed.text(name, self._parameters(printed)) for name, printed in self.kernels.values()
        ]
        head = ["# The places of arrays in memory.", *places, ""] if names else []
        return ["\n".join(head), *kernels, *self.outliner.texts]

    def phase(self, number: int, first_lines: list[str]) -> list[str]:
        """One phase; `first_lines` bring the rows of a piece, where it is cut along rows."""
        lines = []
        for group in self.storage.schedule.phases[number]:
            of_rows = group.axis is not None and group.axis is self.storage.row_axis
            lines += self._group(group, first_lines if of_rows else [])
        title = f"# phase {number + 1} of {self.storage.phases}"
        return [title, *(self.call(f"phase_{number + 1}", lines) if lines else [])]

    def units(self, number: int) -> str:
        """Into how many parts threads can cut a phase; empty where they do not share by cuts."""
        units = ""
        for group in self.storage.schedule.phases[number]:
            if self.storage.tiled and group.axis is self.storage.row_axis:
                return ""  # each tile goes to whoever takes it
            if any(_leaves_parts(work) for work in group.work):
                return "pieces"
            units = units or ("" if group.axis is None else f"{UNITS}")
        return units

    def call(self, name: str, lines: list[str]) -> list[str]:
        """The call of a function, of this name or an earlier one, that does what lines do."""
        views: dict[str, str] = {}

        def look_at(source: str) -> None:
            for name in names_of(source)[0]:
                if name in self._arrays and name not in views:
                    look_at(self._arrays[name])
                    views[name] = self._arrays[name]

        look_at("\n".join(lines))
        return self.outliner.call(name, [*views.values(), *lines])

    # Arrays.

    @cached_property
    def _arrays(self) -> dict[str, str]:
        """The lines that bind arrays in memory, by the names that they bind."""
        lines = {}
        for held in self.storage.held:
            value = held.value
            if value not in self.storage.rows:
                lines[value.name] = self.place_of(value)
            if held.parts:
                lines[f"{value}_parts"] = self._parts_of(value)
        return lines | {line.partition(" ")[0]: line for line in self.other_shapes(False)}

    def place_of(self, value: Value) -> str:
        """The line that binds an array in memory."""
        begin = f"places[thread, at_{value}]"
        return f"{value} = {_made(value, begin, self.shape_text(value))}"

    def _parts_of(self, value: Value) -> str:
        shape = f"(pieces, {self._entries(value)})"
        return f"{value}_parts = {_made(value, f'places[thread, at_{value}]', shape)}"

    def other_shapes(self, of_rows: bool) -> list[str]:
        """Lines that bind memory under other shapes: of the rows of a turn, or of the rest."""
        bound = {*self.storage.rows, *self.storage.written}
        aliases = [v for v in self.storage.stored if v.same_memory is not None]
        return [
            f"{value} = {self.same_memory(value, self.shape_text(value))}"
            for value in sorted(aliases, key=lambda v: v.name)
            if (value.same_memory in bound) == of_rows
        ]

    def shape_text(self, value: Value) -> str:
        """The shape of a value in memory; it may have more rows than a turn uses."""
        shape = [self.names[axis.root] for axis in value.axes]
        if self.storage.is_of_rows(value):
            shape[0] = "rows"
        return f"({', '.join(shape or ['1'])},)"

    def same_memory(self, value: Value, shape: str) -> str:
        """The memory of a value under another shape."""
        return f"same_entries({self.name_of(memory_of(value))}, {shape})"

    def _entries(self, value: Value) -> str:
        return " * ".join(f"({self.names[axis.root]})" for axis in value.axes) or "1"

    def name_of(self, value: Value) -> str:
        """The name of the array that holds a value."""
        return self.storage.replaced.get(value, value).name

    def with_sizes(self, text: str) -> str:
        """Source with the names of the sizes that it stands for."""
        sized = self.storage.loops.sized
        return re.sub(r"@(\d+)@", lambda m: f"({self.names[sized[int(m.group(1))].root]})", text)

    # Groups.

    def _group(self, group: Group, first_lines: list[str]) -> list[str]:
        if group.axis is None:
            body = [line for work in group.work for line in self._work(work)]
            return ["if thread == 0:", *deeper(body)] if body else []
        size = self.names[group.axis]
        blocked = self._blocked_in(group)
        if self.storage.tiled and group.axis is self.storage.row_axis:
            return self._in_tiles(group, size, first_lines)
        if blocked:
            return self._in_blocks(group, size, blocked)
        return self._at_once(group, size, first_lines)

    def _at_once(self, group: Group, size: str, first_lines: list[str]) -> list[str]:
        """All pieces of a thread in one go, but piece by piece what leaves parts of sums."""
        if not any(_leaves_parts(work) for work in group.work):
            body = first_lines + [line for work in group.work for line in self._work(work)]
            return [f"lo, hi = {_share(size)}", *body]
        lines = [
            "first, last = part(pieces, start), part(pieces, stop)",
            f"lo, hi = first * ({size}) // pieces, last * ({size}) // pieces",
            *first_lines,
        ]
        for work in group.work:
            if _leaves_parts(work):
                body = [*self._fills(work), *self._work(work, "begin, end")]
                lines += ["for piece in range(first, last):", _bounds(size), *deeper(body)]
            else:
                lines += self._work(work)
        return lines

    def _in_tiles(self, group: Group, size: str, first_lines: list[str]) -> list[str]:
        """Rows go through all work tile by tile."""
        body = first_lines + [line for work in group.work for line in self._work(work)]
        return [
            "piece = take_piece(control)",
            "while piece < pieces:",
            _bounds(size),
            *deeper([line for work in group.work for line in self._fills(work)]),
            "    for offset in range(begin, end, tile):",
            "        lo, hi = 0, min(tile, end - offset)",
            *deeper(body, 2),
            "    piece = take_piece(control)",
        ]

    def _in_blocks(self, group: Group, size: str, blocked: list[Value]) -> list[str]:
        """A block of some values at a time is made and used up."""
        rows = self._block_rows(blocked)
        body = [self._block_line(value) for value in blocked]
        body += [line for work in group.work for line in self._work(work)]
        blocks = [
            f"for lo in range(begin, end, {rows}):",
            f"    hi = min(lo + {rows}, end)",
            *deeper(body),
        ]
        fills = [line for work in group.work for line in self._fills(work)]
        if not fills:
            return [f"begin, end = {_share(size)}", *blocks]
        head = ["for piece in range(part(pieces, start), part(pieces, stop)):", _bounds(size)]
        return [*head, *deeper([*fills, *blocks])]

    def _blocked_in(self, group: Group) -> list[Value]:
        """The values of which the group holds a block of rows at a time."""
        made = (out for work in group.work for out in outs_of(work))
        return [value for value in made if value in self.storage.blocked]

    def _block_rows(self, values: list[Value]) -> str:
        return block_rows_text([(self.names[v.roots[1]], v.dtype.itemsize) for v in values])

    def _block_line(self, value: Value) -> str:
        """A block under the places of the whole."""
        row = f"({self.names[value.roots[1]]}) * {value.dtype.itemsize}"
        begin = f"places[thread, at_{value}] - lo * {row}"
        return f"{value} = {_made(value, begin, self.shape_text(value))}"

    def _fills(self, work: Work) -> list[str]:
        """Lines that begin the parts of a piece."""
        lines: list[str] = []
        if isinstance(work, Kernel):
            for statement in work.statements:
                if statement.reduces_outer:
                    start = neutral(statement.reduction, statement.out.dtype)
                    lines += self._part_lines(statement.out, start)
        elif isinstance(work, Product) and work.summed:
            lines += self._part_lines(work.out, f"{code_of(work.out.dtype)}(0)")
        return lines

    def _part_lines(self, value: Value, start: str) -> list[str]:
        """Lines that begin what a piece adds up of a value."""
        flat = part = f"{value}_parts[piece]"
        if len(value.axes) > 1:
            part = f"same_entries({flat}, {self.shape_text(value)})"
        return [f"fill({flat}, {start})", f"{value}_part = {part}"]

    # Work.

    def _work(self, work: Work, bounds: str = "lo, hi") -> list[str]:
        if isinstance(work, Kernel):
            return [self._kernel_call(work, bounds)]
        if isinstance(work, Product):
            return [self._product_call(work)]
        if isinstance(work, Combine):
            return [self._combining(work)]
        return self._serial_lines(work)

    def _serial_lines(self, work: Serial) -> list[str]:
        lines = []
        for line in work.lines:
            text = line.replace("{out}", work.out.name)
            for number, value in enumerate(work.operands):
                text = text.replace(f"{{{number}}}", self.name_of(value))
            lines.append(self.with_sizes(text))
        return lines

    def _kernel_call(self, kernel: Kernel, bounds: str) -> str:
        printed = KernelPrinter(kernel, self.context).printed()
        key = printed.key()
        if key not in self.kernels:
            name = f"make_{self.name_of(kernel.statements[-1].out)}"
            taken = {name for name, _ in self.kernels.values()}
            while name in taken:
                name += "_again"
            self.kernels[key] = (name, printed)
        name, _ = self.kernels[key]
        reduced = {s.out for s in kernel.statements if s.reduces_outer}
        arguments = [f"{v}_part" if v in reduced else self.name_of(v) for v in printed.arrays]
        arguments += printed.numbers
        arguments += printed.sizes
        arguments.append("0, 1" if kernel.outer is None else bounds)
        if printed.uses_offset:
            of_rows = kernel.outer is not None and kernel.outer is self.storage.row_axis
            arguments.append("offset" if of_rows else "0")
        return f"{name}({', '.join(arguments)})"

    def _parameters(self, printed: Printed) -> list[str]:
        names = [self.name_of(value) for value in printed.arrays]
        names += printed.numbers
        for size in printed.sizes:
            name = size if size.isidentifier() else "size_" + re.sub(r"\W+", "_", size)
            while name in names:  # size_N + 1 and size_N - 1
                name += "_again"
            names.append(name)
        return names

    def _product_call(self, product: Product) -> str:
        left_shape, right_shape, out_shape = product.shapes
        left_shape = left_shape[::-1] if product.left_transposed else left_shape
        right_shape = right_shape[::-1] if product.right_transposed else right_shape
        out = self._matrix(product.out, out_shape, product.summed)
        left = self._matrix(product.left, left_shape)
        right = self._matrix(product.right, right_shape)
        inner, rows = self.names[product.inner.root], out_shape[0]
        bounds = "0, 1" if rows is None else "lo, hi"
        if product.summed:
            all_rows = "1" if rows is None else self.names[rows.root]
            return f"product_tn({out}, {left}, {right}, 0, {all_rows}, hi, True)"
        if product.left_transposed:
            return f"product_tn({out}, {left}, {right}, {bounds}, {inner}, False)"
        if product.right_transposed:
            return f"product_nt({out}, {left}, {right}, {bounds}, False)"
        is_given = product.right in self.storage.given and product.right not in self.storage.rows
        finite = f"control[{FINITE}] != 0" if is_given else "False"
        return f"product_nn({out}, {left}, {right}, {bounds}, False, {finite})"

    def _matrix(self, value: Value, shape: Shape, part: bool = False) -> str:
        """A factor or a product, an axis of length 1 put back."""
        name = f"{value}_part" if part else self.name_of(value)
        if None not in shape:
            return name
        texts = ["1" if axis is None else self.names[axis.root] for axis in shape]
        if shape[0] is not None and self.storage.is_of_rows(value):
            texts[0] = "rows"
        return f"same_entries({name}, ({', '.join(texts)}))"

    def _combining(self, work: Combine) -> str:
        bounds = "0, 1"
        if work.out.axes:
            scale = "".join(f" * ({self.names[axis.root]})" for axis in work.out.axes[1:])
            bounds = f"lo{scale}, hi{scale}"
        return f"combine_{work.reduction}({work.out}_parts, pieces, {bounds})"


def block_rows_text(rows: list[tuple[str, int]]) -> str:
    """The rows of a block of matrices with these columns and bytes of an entry, as source."""
    texts = [f"({size}) * {itemsize}" for size, itemsize in rows]
    longest = texts[0] if len(texts) == 1 else f"max({', '.join(texts)})"
    return f"block_rows({longest})"


def _leaves_parts(work: Work) -> bool:
    """Whether each piece of it adds up a part of a sum for itself."""
    if isinstance(work, Kernel):
        return any(statement.reduces_outer for statement in work.statements)
    return isinstance(work, Product) and work.summed


def _share(size: str) -> str:
    """From where to where a thread works on an axis of this length."""
    return f"part({size}, start), part({size}, stop)"


def _bounds(size: str) -> str:
    """The line, in a loop over pieces, that says from where to where one goes."""
    return f"    begin, end = piece * ({size}) // pieces, (piece + 1) * ({size}) // pieces"


def _made(value: Value, begin: str, shape: str) -> str:
    return f"{code_of(value.dtype)}_array(memory, {begin}, {shape})"

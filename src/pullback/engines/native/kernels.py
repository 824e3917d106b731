"""Kernels as source: one function of loops for statements over one outermost axis."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from . import NotCompilable
from .axes import Axis
from .fusion import Block, blocks_of, is_identity, own_places, sums_of_columns
from .scalars import joined, neutral
from .schedule import Kernel
from .statements import Place, Read, Statement, Value, code_of

LETTERS = "ijklmn"
_TOKEN = re.compile(r"@(\d+)@|[A-Za-z_]\w*")


@dataclass(frozen=True)
class Printed:
    """A kernel as source.

    Attributes:
        arrays: The values that it takes, in order.
        numbers: The names of the numbers that it takes.
        sizes: The lengths that it takes, as source over the sizes of the program.
        uses_offset: Whether it takes the number of the first row.
        text: Its source, as a function of its name and of the names of all these.
        locals: The names that it gives to entries.
    """

    arrays: tuple[Value, ...]
    numbers: tuple[str, ...]
    sizes: tuple[str, ...]
    uses_offset: bool
    text: Callable[[str, list[str]], str]
    locals: tuple[str, ...] = ()

    def key(self) -> str:
        """Equal for kernels that differ in names only."""
        count = len(self.arrays) + len(self.numbers) + len(self.sizes)
        text = self.text("kernel", [f"p{i}" for i in range(count)])
        codes = " ".join(f"{code_of(v.dtype)}{len(v.axes)}" for v in self.arrays)
        order = {name: f"l{i}" for i, name in enumerate(self.locals)}
        return codes + _TOKEN.sub(lambda m: order.get(m.group(0), m.group(0)), text)


@dataclass(frozen=True)
class Context:
    """What the kernels of a program share.

    Attributes:
        stored: The values that must lie in memory.
        sized: The axes that @0@, @1@ ... stand for.
        lengths: The length of each axis as source.
        numbers: The names of all numbers.
        tiled: Whether rows are counted from the start of a tile.
        replaced: The input in whose memory a value is written, for each that takes its place.
    """

    stored: set[Value]
    sized: list[Axis]
    lengths: Mapping[Axis, str]
    numbers: frozenset[str]
    tiled: bool
    replaced: Mapping[Value, Value]


class KernelPrinter:
    """Prints one kernel."""

    def __init__(self, kernel: Kernel, context: Context) -> None:
        self.kernel, self.context = kernel, context
        for statement in kernel.statements:
            if len(statement.loops) > len(LETTERS):
                most = f"there are loops over {len(LETTERS)} axes at most"
                raise NotCompilable(f"{statement.out} = ... cannot be compiled: {most}.")
        self.maker = {s.out: s for s in kernel.statements}
        self.added = sums_of_columns(kernel, context.stored, context.replaced)
        self.looped = [s for s in kernel.statements if s not in self.added]
        self.blocks = [b for b in blocks_of(kernel) if any(s in self.looped for s in b.statements)]
        self.arrays: dict[Value, int] = {}
        self.numbers: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.uses_offset = False
        self.flat = self._is_flat()
        self.shifted = self.flat or self._is_along_rows()
        self._local: dict[Value, str] = {}
        self._names: dict[str, None] = {}

    def printed(self) -> Printed:
        """The kernel as source."""
        lines = self._lines()
        arrays, numbers, sizes = tuple(self.arrays), tuple(self.numbers), tuple(self.sizes)
        uses_offset = self.uses_offset

        def text(name: str, names: list[str]) -> str:
            offset = ["offset"] if uses_offset else []
            head = f"def {name}({', '.join([*names, 'lo', 'hi', *offset])}):"
            body = re.sub("«(\\d+)»", lambda m: names[int(m.group(1))], "\n".join(lines))
            count = len(arrays)
            for number in range(len(numbers)):
                body = body.replace(f"«n{number}»", names[count + number])
            for number in range(len(sizes)):
                body = body.replace(f"«s{number}»", names[count + len(numbers) + number])
            return f"{head}\n{body}\n"

        names = tuple(self._names)
        return Printed(arrays, numbers, sizes, uses_offset, text, names)

    # What the text is made of.

    def _array(self, value: Value) -> str:
        value = self.context.replaced.get(value, value)
        return f"«{self.arrays.setdefault(value, len(self.arrays))}»"

    def _size(self, axis: Axis | str | None) -> str:
        if axis is None:
            return "1"
        key = axis if isinstance(axis, str) else self.context.lengths[axis.root]
        return f"«s{self.sizes.setdefault(key, len(self.sizes))}»"

    def _with_names(self, text: str) -> str:
        """An expression whose numbers and sizes become parameters."""

        def replaced(match: re.Match[str]) -> str:
            if match.group(1) is not None:
                return self._size(self.context.sized[int(match.group(1))])
            word = match.group(0)
            if word in self.context.numbers:
                return f"«n{self.numbers.setdefault(word, len(self.numbers))}»"
            return self._size(word) if word.startswith("size_") else word

        return _TOKEN.sub(replaced, text)

    def _is_flat(self) -> bool:
        """Whether all entries can be visited in one loop, whatever their shape."""
        if len(self.blocks) != 1 or not self.blocks[0].axes:
            return False
        for statement in self.looped:
            rank = len(statement.loops)
            if not (statement.is_plain or (statement.kept == () and statement.reduction == "sum")):
                return False
            if "{i" in statement.expression:
                return False
            if not all(is_identity(r, rank) or not r.places for r in statement.reads):
                return False
        return True

    def _is_along_rows(self) -> bool:
        """Whether there is one loop alone, which reads each array where it stands."""
        if self.kernel.outer is None or any(block.axes for block in self.blocks):
            return False
        reads = (read for statement in self.looped for read in statement.reads)
        return all(not read.places or is_identity(read, 1) for read in reads)

    # The body.

    def _lines(self) -> list[str]:
        if self.kernel.outer is None:
            return self._scalar_lines()
        if not self.looped:
            return self._added_lines()
        before, after = self._outer_sums()
        turn = [line for block in self.blocks for line in self._block_lines(block)]
        lines = [f"    {line}" for line in before]
        if self.shifted:
            # Numba counts indices that may be below 0 from the end, which keeps LLVM from
            # vectorizing a loop that begins at lo: let it begin at 0.
            inner = "".join(f" * {self._size(axis)}" for axis in self.blocks[0].axes)
            names = [
                f"    from_«{n}» = flat_from(«{n}», lo)" for v, n in self.arrays.items() if v.axes
            ]
            lines = [*names, *lines, f"    for i in range((hi - lo){inner}):"]
        else:
            lines.append("    for i in range(lo, hi):")
        lines += [f"        {line}" for line in turn]
        return [*lines, *(f"    {line}" for line in after), *self._added_lines()]

    def _added_lines(self) -> list[str]:
        """Lines, behind the loop, that sum the columns of matrices."""
        pairs = [(self._array(s.out), self._array(s.reads[0].value)) for s in self.added]
        return [f"    add_rows({out}, {matrix}, lo, hi)" for out, matrix in pairs]

    def _scalar_lines(self) -> list[str]:
        lines, stores = [], []  # last, as one may lie where another was that is still read
        for statement in self.kernel.statements:
            name = self._local_name(statement.out, 0)
            lines.append(f"    {name} = {self._expression(statement)}")
            self._local[statement.out] = name
            if statement.out in self.context.stored:
                stores.append(f"    {self._array(statement.out)}[0] = {name}")
        return lines + stores

    def _outer_sums(self) -> tuple[list[str], list[str]]:
        """Lines before and after the outermost loop, for reductions to one number."""
        before: list[str] = []
        after: list[str] = []
        for statement in self.kernel.statements:
            if not statement.reduces_outer or statement.kept:
                continue
            name = self._sum_name(statement.out)
            wide = np.dtype("f8") if statement.out.dtype.kind == "f" else statement.out.dtype
            wide = wide if statement.reduction == "sum" else statement.out.dtype
            before.append(f"{name} = {neutral(statement.reduction, wide)}")
            whole = self._array(statement.out)
            code = code_of(statement.out.dtype)
            value = f"{code}({name})" if wide != statement.out.dtype else name
            after.append(f"{whole}[0] = {joined(statement.reduction, f'{whole}[0]', value)}")
        return before, after

    def _local_name(self, value: Value, loops: int) -> str:
        name = f"{value.name}_{LETTERS[:loops]}" if loops else f"{value.name}_now"
        self._names[name] = None
        return name

    def _sum_name(self, value: Value) -> str:
        name = f"{value.name}_in_all"
        self._names[name] = None
        return name

    def _block_lines(self, block: Block) -> list[str]:
        """A loop over the inner axes, and what stands before and after it."""
        rank = 1 if self.flat else 1 + len(block.axes)
        row_locals = {v: n for v, n in self._local.items() if n.endswith("_i")}
        self._local = dict(row_locals)
        if block.alone:
            return self._alone_lines(block)
        before: list[str] = []
        after: list[str] = []
        body, stores = [], []
        for statement in self._with_repeats(block):
            again = statement not in block.statements
            lines = self._statement_lines(statement, rank, before, after)
            body += lines
            if not again and statement.is_plain and statement.out in self.context.stored:
                target = self._entry(Read(statement.out, own_places(len(statement.loops))))
                stores.append(f"{target} = {self._local[statement.out]}")
        body += stores
        lines = list(before)
        margin = ""
        if not self.flat:
            for number, axis in enumerate(block.axes, start=1):
                turns = f"range({self._size(axis)})"
                lines.append(f"{margin}for {LETTERS[number]} in {turns}:")
                margin += "    "
        lines += [margin + line for line in body]
        return [*lines, *after]

    def _with_repeats(self, block: Block) -> list[Statement]:
        """The statements of a block, and those of earlier ones that it computes again."""
        own = set(block.statements)
        order: dict[Statement, None] = {}

        def visit(statement: Statement) -> None:
            for read in statement.reads:
                for value in read.values:
                    made = self.maker.get(value)
                    if made is None or made in order or self._is_at_hand(made, own):
                        continue
                    visit(made)
            order.setdefault(statement, None)

        for statement in block.statements:
            visit(statement)
        return list(order)

    def _is_at_hand(self, made: Statement, own: set[Statement]) -> bool:
        if made in own:
            return False
        return made.is_of_a_turn or made.out in self.context.stored or bool(made.reduction)

    def _statement_lines(
        self, statement: Statement, rank: int, before: list[str], after: list[str]
    ) -> list[str]:
        out = statement.out
        if statement in self.added:
            return []
        if statement.is_plain:
            name = self._local_name(out, rank)
            self._local[out] = name
            return [f"{name} = {self._expression(statement)}"]
        expression = self._expression(statement)
        if statement.kept == (0,):
            name = self._local_name(out, 1)
            self._local[out] = name
            innermost = LETTERS[len(statement.loops) - 1]
            lines = self._row_reduction(statement, name, expression, before, innermost)
            if out in self.context.stored:
                target = self._entry(Read(out, (Place(0),)))
                after.append(f"{target} = {name}")
            return lines
        if statement.kept == ():
            name = self._sum_name(out)
            wide = out.dtype.kind == "f" and statement.reduction == "sum"
            value = f"f8({expression})" if wide and out.dtype != np.float64 else expression
            return [f"{name} = {joined(statement.reduction, name, value)}"]
        places = tuple(Place(n) for n in statement.kept)
        target = self._entry(Read(out, places))
        return [f"{target} = {joined(statement.reduction, target, expression)}"]

    @staticmethod
    def _row_reduction(
        statement: Statement, name: str, expression: str, before: list[str], loop: str
    ) -> list[str]:
        """Lines of the loop `loop`; what the reduction begins with is added to `before`."""
        if not statement.reduction.startswith("arg"):
            before.append(f"{name} = {neutral(statement.reduction, statement.out.dtype)}")
            return [f"{name} = {joined(statement.reduction, name, expression)}"]
        sign = ">" if statement.reduction == "argmax" else "<"
        dtype = statement.reads[0].value.dtype
        best = f"best_of_{name}"
        before.append(f"{name} = 0")
        before.append(f"{best} = {neutral(statement.reduction[3:], dtype)}")
        entry = f"entry_of_{name}"
        return [
            f"{entry} = {expression}",
            f"if {entry} {sign} {best} or ({entry} != {entry} and {best} == {best}):",
            f"    {best} = {entry}",
            f"    {name} = {loop}",
        ]

    def _alone_lines(self, block: Block) -> list[str]:
        """A reduction over some inner axes that keeps others."""
        (statement,) = block.statements
        inner = list(range(1, len(statement.loops)))
        kept = [n for n in inner if n in statement.kept]
        gone = [n for n in inner if n not in statement.kept]
        name = self._local_name(statement.out, 1)
        before: list[str] = []
        expression = self._expression(statement)
        body = self._row_reduction(statement, name, expression, before, LETTERS[gone[0]])
        result, margin = [], ""
        for n in kept:
            result.append(f"{margin}for {LETTERS[n]} in range({self._size(statement.loops[n])}):")
            margin += "    "
        result += [margin + line for line in before]
        deeper = margin
        for n in gone:
            result.append(f"{deeper}for {LETTERS[n]} in range({self._size(statement.loops[n])}):")
            deeper += "    "
        result += [deeper + line for line in body]
        target = self._entry(Read(statement.out, tuple(Place(n) for n in statement.kept)))
        return [*result, f"{margin}{target} = {name}"]

    # Expressions.

    def _expression(self, statement: Statement) -> str:
        entries = [self._read(read, len(statement.loops)) for read in statement.reads]
        loops = {f"i{n}": self._loop_value(n) for n in range(len(statement.loops))}
        return self._with_names(statement.expression).format(*entries, **loops)

    def _loop_value(self, number: int) -> str:
        if number:
            return LETTERS[number]
        self.uses_offset = self.uses_offset or self.context.tiled
        terms = ["i", *(["lo"] if self.shifted else []), *(["offset"] if self.uses_offset else [])]
        return f"({' + '.join(terms)})" if len(terms) > 1 else "i"

    def _read(self, read: Read, loops: int) -> str:
        if read.value in self._local:
            made = self.maker[read.value]
            if is_identity(read, len(made.loops)) or made.kept == (0,) or not made.loops[1:]:
                return self._local[read.value]
        return self._entry(read)

    def _entry(self, read: Read) -> str:
        array = self._array(read.value)
        if self.shifted:
            return f"from_{array}[i]" if read.places else f"{array}[0]"
        if not read.places:
            return f"{array}[0]"
        places = [self._place(p, read.value.axes[n]) for n, p in enumerate(read.places)]
        return f"{array}[{', '.join(places)}]"

    def _place(self, place: Place, axis: Axis) -> str:
        if place.gathered is not None:
            return f"place_in({self._read(place.gathered, 0)}, {self._size(axis)})"
        start = self._with_names(place.start)
        if place.loop is None:
            return start
        letter = LETTERS[place.loop]
        if place.is_whole:
            return letter
        step = "" if place.step == 1 else f"{place.step} * "
        return f"{start} + {step}{letter}"

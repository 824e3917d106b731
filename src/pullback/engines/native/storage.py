"""What lies in memory while the loops run, and from which phase to which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .fusion import blocks_of, is_identity, kept_between_loops, own_places
from .lowering import Loops
from .schedule import Kernel, Work, memory_of, outs_of, reads_of, reads_own_piece, scheduled
from .statements import Item, Number, Product, Read, Statement, Value, code_of


@dataclass(frozen=True)
class Roles:
    """What inputs and outputs of a program are for.

    Attributes:
        rows: Inputs of which a turn reads some rows.
        given: Inputs that are passed as arrays of their own; the others lie in memory.
        replaced: For each input that changes from step to step the output that replaces it.
        told: Outputs that each step reports.
        written: Outputs that are written to arrays of their own, row by row.
        stepwise: Inputs that are numbers, one for each step.
    """

    rows: tuple[int, ...] = ()
    given: tuple[int, ...] = ()
    replaced: Mapping[int, int] = field(default_factory=dict)
    told: tuple[int, ...] = ()
    written: tuple[int, ...] = ()
    stepwise: tuple[int, ...] = ()


@dataclass(frozen=True)
class Held:
    """An array in memory.

    Attributes:
        value: What it holds.
        parts: Whether there is one for each piece of the work.
        private: Whether there is one for each thread, of the rows of a tile.
        first: The phase in which it is written first.
        last: The last phase in which it is read; None where it is kept from step to step.
        axes: The names of its axes' lengths.
        group: The group of its phase in which each thread holds a block of its rows at a time;
            None for what is held whole.
    """

    value: Value
    parts: bool
    private: bool
    first: int
    last: int | None
    axes: tuple[str, ...]
    group: int | None = None

    @property
    def blocked(self) -> bool:
        """Whether there is one for each thread, of the rows of a block."""
        return self.group is not None


class Storage:
    """The schedule of a lowered program, and where each of its values lies.

    Args:
        loops: The lowered program.
        roles: What its inputs and outputs are for.
        tiled: Whether rows shall go through all layers tile by tile, if the program allows it.
    """

    def __init__(self, loops: Loops, roles: Roles, tiled: bool) -> None:
        self.loops, self.roles = loops, roles
        self.items: list[Item] = list(loops.items)
        self.outputs = list(loops.outputs)
        self.rows = [v for i in roles.rows if isinstance(v := loops.inputs[i], Value)]
        self.given = [v for i in roles.given if isinstance(v := loops.inputs[i], Value)]
        self.replaced = self._replacements()
        if self.given:
            self._make_own()
        self.names = {axis.root: name for axis, name in loops.axes.names().items()}
        first = self.rows[0] if self.rows else None
        self.row_axis = first.roots[0] if first is not None and first.axes else None
        self.tiled = tiled and self._let_products_sum()
        brought = [] if self.given else self.rows
        self.schedule = scheduled(self.items, self.replaced, brought)
        if self.tiled and not self._rows_in_one_phase():
            self._let_products_be_owned()
            self.tiled = False
            self.schedule = scheduled(self.items, self.replaced, brought)
        self.stored = self._stored()
        self.replaced |= self._written_over()
        self.blocked = self._blocked()
        self.held = self._held()

    @property
    def phases(self) -> int:
        """How many phases a turn has."""
        return len(self.schedule.phases)

    @property
    def written(self) -> list[Value]:
        """The values that are written to arrays of their own."""
        return [v for i in self.roles.written if isinstance(v := self.outputs[i], Value)]

    @property
    def elsewhere(self) -> set[Value]:
        """The values that lie in arrays of their own."""
        return {*self.rows, *self.given, *self.written}

    def _home(self, value: Value) -> Value:
        """The value whose place it takes; most have one of their own."""
        return self.replaced.get(memory_of(value), memory_of(value))

    def is_of_rows(self, value: Value) -> bool:
        """Whether it has an entry or more for each row."""
        return bool(value.axes) and value.roots[0] is self.row_axis

    def is_along_rows(self, phase: int) -> bool:
        """Whether some work of a phase is cut along the rows."""
        groups = self.schedule.phases[phase]
        return self.row_axis is not None and any(g.axis is self.row_axis for g in groups)

    # What is decided first.

    def _replacements(self) -> dict[Value, Value]:
        """Which value is written over which; a copy is made where it cannot be the value itself."""
        replaced: dict[Value, Value] = {}
        plain = {s.out: s for s in self.items if isinstance(s, Statement) and s.is_plain}
        for position, output in self.roles.replaced.items():
            old, new = self.loops.inputs[position], self.outputs[output]
            if new is old:
                continue
            assert isinstance(old, Value)
            if (
                not isinstance(new, Value)
                or new not in plain
                or new in replaced
                or _reads(self.items, new, old)
                or new.same_memory is not None
            ):
                new = self._copy(new, old)
            self.outputs[output] = new
            replaced[new] = old
        return replaced

    def _make_own(self) -> None:
        """Where inputs are passed as arrays, let no output share memory with them or another."""
        taken = {value for value in self.loops.inputs if isinstance(value, Value)}
        reduced = {item.out for item in self.items if item.reduces_outer}
        for number in self.roles.written:
            value = self.outputs[number]
            if isinstance(value, Value):
                if memory_of(value) in taken or value in reduced or value.same_memory is not None:
                    self.outputs[number] = value = self._copy(value, value)
                taken.add(value)
        for number, value in enumerate(self.outputs):
            is_new = number in self.roles.written or not isinstance(value, Value)
            if not is_new and memory_of(value) in taken:  # type: ignore[arg-type]
                self.outputs[number] = self._copy(value, value)  # type: ignore[arg-type]

    def _copy(self, source: Value | Number, like: Value) -> Value:
        """A statement that makes a value of its own."""
        value = Value(f"{like.name}_after", like.dtype, like.axes)
        kept = tuple(range(len(like.axes)))
        operands: tuple[Read | Number, ...] = (source,) if isinstance(source, Number) else ()
        text = f"{code_of(like.dtype)}({source.text})" if isinstance(source, Number) else "{0}"
        if isinstance(source, Value):
            for mine, other in zip(like.axes, source.axes, strict=True):
                mine.join(other)
            operands = (Read(source, own_places(len(kept))),)
        self.items.append(Statement(value, like.axes, kept, text, operands))
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
        kept = [value for value in self.outputs if isinstance(value, Value)]
        if any(self.is_of_rows(memory_of(v)) and v not in self.written for v in kept):
            return False
        reads = ((node, value) for node in self.schedule.level for value in node.inputs)
        return len(levels) <= 1 and all(
            reads_own_piece(node, value, self.row_axis)
            for node, value in reads
            if self.is_of_rows(memory_of(value))
        )

    def _all_work(self) -> Iterator[tuple[int, Work]]:
        for number, groups in enumerate(self.schedule.phases):
            for group in groups:
                for work in group.work:
                    yield number, work

    def _stored(self) -> set[Value]:
        """The values that cannot be entries of a loop alone."""
        home = {out: work for _, work in self._all_work() for out in outs_of(work)}
        stored: set[Value] = set()
        for _, work in self._all_work():
            if not isinstance(work, Kernel):
                stored |= {*reads_of(work), *outs_of(work)}
                continue
            stored |= kept_between_loops(work)
            for statement in work.statements:
                elsewhere = (v for v in statement.inputs if home.get(memory_of(v)) is not work)
                stored |= {*elsewhere, *(v for v in statement.inputs if v.same_memory)}
                if statement.reduces_outer:
                    stored.add(statement.out)
        stored |= {value for value in self.outputs if isinstance(value, Value)}
        return stored | {memory_of(value) for value in stored}

    def _written_over(self) -> dict[Value, Value]:
        """Values that are written where what they are made of lay, which nothing reads any more.

        Entry by entry in one loop: the pre-activations of a layer give their place to its
        activations, the error signal of these to that of those.
        """
        over: dict[Value, Value] = {}
        gone: set[Value] = set()
        fixed = {memory_of(v) for v in (*self.outputs, *self.loops.inputs) if isinstance(v, Value)}
        fixed |= {v.same_memory for v in self.stored if v.same_memory is not None}
        readers: dict[Value, set[Work]] = {}
        for _, work in self._all_work():
            for value in reads_of(work):
                readers.setdefault(value, set()).add(work)
        made_in = {out: work for _, work in self._all_work() for out in outs_of(work)}
        free = {value for value in self.stored - fixed if value.same_memory is None}
        for _, work in self._all_work():
            if isinstance(work, Kernel) and len(blocks_of(work)) == 1:
                for out, old in _overwriting(work, free):
                    is_last = readers[old] == {work} and not _is_reduced(made_in[old], old)
                    if is_last and out not in over and old not in gone:
                        home = over.get(old, old)
                        gone.add(old)
                        home.name, over[out] = out.name, home
        return over

    def _blocked(self) -> dict[Value, int]:
        """Products that are used up where they are made, block of rows by block of rows.

        Each with the group of its phase.

        Gradients of weights, of which the update reads each row once.
        """
        products = {
            work.out
            for _, work in self._all_work()
            if isinstance(work, Product) and work.outer not in (None, self.row_axis)
        }
        products &= self.stored - set(self.replaced) - set(self.replaced.values())
        products -= {memory_of(v) for v in self.outputs if isinstance(v, Value)}
        products -= {v.same_memory for v in self.stored if v.same_memory is not None}
        blocked = {value for value in products if len(value.axes) == 2}
        groups: dict[Value, int] = {}
        for phase in self.schedule.phases:
            for number, group in enumerate(phase):
                made = {out for work in group.work for out in outs_of(work)}
                groups |= dict.fromkeys(made, number)
                for work in group.work:
                    blocked -= {v for v in reads_of(work) if v not in made}
                    if not isinstance(work, Kernel):
                        blocked -= set(reads_of(work))
        return {value: number for value, number in groups.items() if value in blocked}

    def _held(self) -> list[Held]:
        uses: dict[Value, list[int]] = {}
        parts: set[Value] = set()
        for number, work in self._all_work():
            parts |= {out for out in outs_of(work) if _is_reduced(work, out)}
            for value in (*outs_of(work), *reads_of(work)):
                if value in self.stored:
                    uses.setdefault(self._home(value), []).append(number)
        for output in self.outputs:
            if isinstance(output, Value):
                uses.setdefault(self._home(output), []).append(self.phases)
        elsewhere = self.elsewhere
        kept = [v for v in self.loops.inputs if isinstance(v, Value) and v not in elsewhere]
        held = [self._holding(value, False, 0, None) for value in kept]
        for value, phases in uses.items():
            if value not in elsewhere and value not in kept:
                held.append(self._holding(value, value in parts, min(phases), max(phases)))
        if not self.given:  # where the rows of a step are gathered
            held += [self._holding(value, False, 0, self.phases) for value in self.rows]
        return held

    def _holding(self, value: Value, parts: bool, first: int, last: int | None) -> Held:
        axes = tuple(self.names[axis.root] for axis in value.axes)
        private = self.tiled and self.is_of_rows(value)
        return Held(value, parts, private, first, last, axes, self.blocked.get(value))


def _overwriting(kernel: Kernel, free: set[Value]) -> Iterator[tuple[Value, Value]]:
    """Pairs of a value that a kernel makes and one that it reads, of equal entries."""
    given = set(outs_of(kernel))
    for statement in kernel.statements:
        if statement.is_plain and statement.out in free:
            for read in _entries_read(kernel, statement):
                old = read.value
                alike = old.dtype == statement.out.dtype and old.roots == statement.out.roots
                if alike and old in free and old not in given:
                    yield statement.out, old


def _entries_read(kernel: Kernel, statement: Statement) -> Iterator[Read]:
    """The entries at the loops themselves that a kernel reads, if it reads none elsewhere."""
    rank = len(statement.loops)
    for other in kernel.statements:
        for read in other.reads:
            others = (r for s in kernel.statements for r in s.reads if read.value in r.values)
            if all(r.value is read.value and is_identity(r, rank) for r in others):
                yield read


def _reads(items: Sequence[Item], new: Value, old: Value) -> bool:
    """Whether something that follows from `new` reads `old`."""
    following = {new}
    for item in items:
        inputs = {memory_of(value) for value in item.inputs}
        if inputs & following:
            if old in inputs:
                return True
            following.add(item.out)
    return False


def _is_reduced(work: Work, out: Value) -> bool:
    if isinstance(work, Kernel):
        return any(s.out is out and s.reduces_outer for s in work.statements)
    return work.reduces_outer

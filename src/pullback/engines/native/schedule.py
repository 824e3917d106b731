"""The order of the work: phases with a barrier between them, and what is done in one loop.

The work of an item is cut along its outermost axis. A piece of one item may follow the same piece
of another without waiting where it reads no other piece's results; else a barrier stands between
them. Which axis an equation mixes is known from the axes of its arrays: a batch norm sums over
rows, so its rows wait; an activation does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import NotCompilable
from .axes import Axis
from .statements import LONG, Item, Product, Read, Serial, Statement, Value


@dataclass(eq=False)
class Combine:
    """The parts that the pieces of a reduction left are joined, in the order of the pieces."""

    out: Value
    reduction: str

    @property
    def outer(self) -> Axis | None:
        """The axis along which the result is cut."""
        return self.out.roots[0] if self.out.axes else None

    reduces_outer = False

    @property
    def inputs(self) -> list[Value]:
        """Nothing but its own parts."""
        return []


@dataclass(eq=False)
class Kernel:
    """Statements over the same outermost axis that share one function of loops."""

    statements: list[Statement]

    @property
    def outer(self) -> Axis | None:
        """The outermost axis."""
        return self.statements[0].outer


Work = Kernel | Product | Serial | Combine
Node = Item | Combine


def outs_of(work: Work) -> list[Value]:
    """What some work gives."""
    if isinstance(work, Kernel):
        return [statement.out for statement in work.statements]
    return [work.out]


def reads_of(work: Work) -> list[Value]:
    """What some work reads."""
    if isinstance(work, Kernel):
        return [value for statement in work.statements for value in statement.inputs]
    return [work.out] if isinstance(work, Combine) else work.inputs


@dataclass(eq=False)
class Group:
    """Work of one phase that is cut along the same axis, in order."""

    axis: Axis | None
    work: list[Work] = field(default_factory=list)


@dataclass(eq=False)
class Schedule:
    """All phases.

    Attributes:
        phases: Each a list of groups that need not wait for each other.
        level: The phase of each item.
    """

    phases: list[list[Group]]
    level: Mapping[Node, int]


def memory_of(value: Value) -> Value:
    """The value that owns the memory of another."""
    return value.same_memory or value


def scheduled(
    items: Sequence[Item], replaced: Mapping[Value, Value], brought: Sequence[Value] = ()
) -> Schedule:
    """Phases, groups and kernels for items in a valid order.

    Args:
        items: In an order in which each reads only what earlier ones gave.
        replaced: Which value takes the place of which input, whose memory it is written to.
        brought: Inputs of which each piece of the first phase brings its own rows.
    """
    nodes = _with_combines(items)
    edges = _edges(nodes, replaced)
    least = {node: int(_waits_for_rows(node, brought)) for node in nodes}
    level = _sunk(nodes, edges, _levels(nodes, edges, least))
    patient = _patient(nodes, edges, level)
    phases: list[list[Group]] = []
    for number in range(max(level.values(), default=-1) + 1):
        groups: dict[Axis | None, list[Node]] = {}
        for node in nodes:
            if level[node] == number:
                groups.setdefault(node.outer, []).append(node)
        phases.append([_group(axis, some, edges, patient) for axis, some in groups.items()])
    for axis in dict.fromkeys(value.roots[0] for value in brought):
        if phases and all(group.axis is not axis for group in phases[0]):
            phases[0].insert(0, Group(axis))
    return Schedule(phases, level)


def _waits_for_rows(node: Node, brought: Sequence[Value]) -> bool:
    """Whether it reads rows that another piece brings."""
    return any(
        memory_of(value) in brought and not reads_own_piece(node, value, memory_of(value).roots[0])
        for value in node.inputs
    )


def _with_combines(items: Sequence[Item]) -> list[Node]:
    nodes: list[Node] = []
    for item in items:
        nodes.append(item)
        if item.reduces_outer:
            reduction = item.reduction if isinstance(item, Statement) else "sum"
            nodes.append(Combine(item.out, reduction))
    return nodes


Needs = Mapping[Node, Sequence[Node]]
Edges = dict[Node, dict[Node, int]]
"""For each node what must be done before it: 0 in the same piece is enough, 1 it must wait."""


def _edges(nodes: Sequence[Node], replaced: Mapping[Value, Value]) -> Edges:
    producer: dict[Value, Node] = {}
    edges: Edges = {node: {} for node in nodes}
    readers: dict[Value, list[Node]] = {}
    for node in nodes:
        for value in node.inputs:
            memory = memory_of(value)
            readers.setdefault(memory, []).append(node)
            if memory in producer:
                before = producer[memory]
                apart = 0 if _same_piece(before, node, value) else 1
                edges[node][before] = max(apart, edges[node].get(before, 0))
        if isinstance(node, Combine):
            edges[node][producer[node.out]] = 1
        producer[node.out] = node
    for new, old in replaced.items():
        for reader in readers.get(old, []):
            writer = producer[new]
            if reader is not writer:
                apart = 0 if reads_own_piece(reader, old, writer.outer) else 1
                edges[writer][reader] = max(apart, edges[writer].get(reader, 0))
    return edges


def _same_piece(before: Node, node: Node, value: Value) -> bool:
    """Whether a piece of `node` reads of a value only what the same piece of `before` wrote."""
    if before.outer is None and node.outer is None:
        return True
    return _writes_own_piece(before) and reads_own_piece(node, value, before.outer)


def _writes_own_piece(node: Node) -> bool:
    if node.outer is None or node.reduces_outer or not node.out.axes:
        return False
    if isinstance(node, Statement):
        return node.kept[:1] == (0,)
    return node.out.roots[0] is node.outer


def reads_own_piece(node: Node, value: Value, outer: Axis | None) -> bool:
    """Whether a piece of work cut along an axis reads of a value only its own piece."""
    if node.outer is not outer:
        return False
    if outer is None:
        return True
    if isinstance(node, Product):
        return _factor_is_own(node, value, outer)
    if not isinstance(node, Statement):
        return False
    reads = [r for read in node.reads for r in _all_reads(read) if r.value is value]
    return all(_is_own(read, outer) for read in reads)


def _is_own(read: Read, outer: Axis) -> bool:
    if not read.places or read.value.roots[0] is not outer:
        return False
    return read.places[0].is_whole and read.places[0].loop == 0


def _all_reads(read: Read) -> Iterable[Read]:
    yield read
    for place in read.places:
        if place.gathered is not None:
            yield from _all_reads(place.gathered)


def _factor_is_own(node: Product, value: Value, outer: Axis) -> bool:
    if not value.axes or value.roots[0] is not outer:
        return False
    if node.summed:
        left_is_own = node.left is not value or node.left_transposed
        return left_is_own and (node.right is not value or not node.right_transposed)
    return node.right is not value and not node.left_transposed


def _levels(nodes: Sequence[Node], edges: Edges, least_of: Mapping[Node, int]) -> dict[Node, int]:
    level = dict(least_of)
    changed = True
    while changed:
        changed = False
        for node in nodes:
            least = max((level[b] + apart for b, apart in edges[node].items()), default=0)
            if least > level[node]:
                level[node], changed = least, True
                if least > len(nodes):
                    raise NotCompilable("inputs take each other's values; there is no order.")
    return level


def _sunk(nodes: Sequence[Node], edges: Edges, level: dict[Node, int]) -> dict[Node, int]:
    """What is made of inputs alone is made in the phase that first reads it."""
    readers: Edges = {node: {} for node in nodes}
    for node, before in edges.items():
        for earlier, apart in before.items():
            readers[earlier][node] = apart
    of_inputs: set[Node] = set()
    for node in nodes:
        if isinstance(node, Statement) and not node.reduces_outer and of_inputs >= set(edges[node]):
            of_inputs.add(node)
    for node in reversed(nodes):
        if node in of_inputs and readers[node]:
            level[node] = min(level[reader] - apart for reader, apart in readers[node].items())
    return level


def _group(axis: Axis | None, nodes: Sequence[Node], edges: Edges, patient: set[Node]) -> Group:
    """The nodes of a phase and axis in order, statements that need each other in one kernel."""
    group, done = Group(axis), set[Node]()
    inside = set(nodes)
    needs = {node: [b for b in edges[node] if b in inside] for node in nodes}
    while len(done) < len(nodes):
        before_turn = len(done)
        ready = _ready_statements(nodes, needs, patient, done)
        for kernel in _kernels(ready, needs):
            group.work.append(kernel)
        done.update(ready)
        for node in nodes:
            if node in done or isinstance(node, Statement):
                continue
            if all(before in done for before in needs[node]):
                group.work.append(node)
                done.add(node)
                break
        if len(done) == before_turn:  # only what is made from nothing is left to be done
            waiting = [n for n in nodes if n not in done and isinstance(n, Statement)]
            first = next(n for n in waiting if all(b in done for b in needs[n]))
            group.work.append(Kernel([first]))
            done.add(first)
    return group


def _patient(nodes: Sequence[Node], edges: Edges, level: Mapping[Node, int]) -> set[Node]:
    """Statements that may as well be done where they are first read: they keep nothing alive.

    All that they are made of is in memory anyway: inputs, factors of products, results of others
    such as they are. So the slope 1 - h^2 of tanh is computed in the backward pass, from h.
    """
    made = {node.out for node in nodes}
    lasting = {v for node in nodes if isinstance(node, Product | Serial) for v in node.inputs}
    readers: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node, before in edges.items():
        for earlier in before:
            readers[earlier].append(node)
    patient: set[Node] = set()
    late: set[Value] = set()
    for node in nodes:
        if not isinstance(node, Statement) or not node.is_plain:
            continue
        together = all(
            isinstance(reader, Statement)
            and level[reader] == level[node]
            and reader.outer is node.outer
            for reader in readers[node]
        )
        at_hand = (v not in made or v in lasting or v in late for v in node.inputs)
        if readers[node] and together and all(at_hand):
            patient.add(node)
            late.add(node.out)
    return patient


def _ready_statements(
    nodes: Sequence[Node],
    needs: Mapping[Node, Sequence[Node]],
    patient: set[Node],
    done: set[Node],
) -> list[Statement]:
    """Statements that can be done now; patient ones wait until they are wanted."""
    ready: set[Node] = set()
    progress = True
    while progress:
        progress = False
        for node in nodes:
            if node in ready or node in done or not isinstance(node, Statement):
                continue
            if all(before in done or before in ready for before in needs[node]):
                ready.add(node)
                progress = True
    statements = [node for node in nodes if node in ready and isinstance(node, Statement)]
    wanted: set[Node] = set()
    for statement in reversed(statements):
        if statement not in patient or statement in wanted:
            wanted.update(needs[statement], [statement])
    others = [n for n in nodes if n not in done and n not in ready]
    return [s for s in statements if s in wanted] if others else statements


def _kernels(statements: Sequence[Statement], needs: Needs) -> list[Kernel]:
    """Kernels of statements, in an order in which they can be done."""
    kernels = []
    for part in _connected(statements, needs):
        apart = any(map(_is_long, part)) and any(map(_sums_rows, part))
        kernels += _in_stages(part, needs) if apart else [Kernel(part)]
    return kernels


def _connected(statements: Sequence[Statement], needs: Needs) -> list[list[Statement]]:
    """Statements that read each other's results, together and in order; others alone."""
    home: dict[Node, list[Statement]] = {}
    for statement in statements:
        parts = {id(home[b]): home[b] for b in needs[statement] if b in home}
        merged = [statement]
        if parts:
            merged = [s for part in parts.values() for s in part] + merged
        for member in merged:
            home[member] = merged
    unique = {id(part): part for part in home.values()}
    position = {statement: i for i, statement in enumerate(statements)}
    return [sorted(part, key=position.__getitem__) for part in unique.values()]


def _is_long(statement: Statement) -> bool:
    return statement.cost == LONG and statement.is_plain


def _sums_rows(statement: Statement) -> bool:
    """Whether it makes one number of each row, in a loop over the row alone."""
    return bool(statement.reduction) and statement.kept == (0,)


def _in_stages(part: Sequence[Statement], needs: Needs) -> list[Kernel]:
    """Long functions have kernels of their own, between those of what they need and what follows.

    In a loop over a row of ten classes exp fills no vector; in one over all entries it does.
    """
    stage = _stages(part, needs)
    kernels = []
    for number in range(max(stage.values()) + 1):
        present = [statement for statement in part if stage[statement] == number]
        kernels += [Kernel([statement]) for statement in present if _is_long(statement)]
        others = [statement for statement in present if not _is_long(statement)]
        kernels += [Kernel(each) for each in _connected(others, needs)]
    return kernels


def _stages(part: Sequence[Statement], needs: Needs) -> dict[Statement, int]:
    """Between which long functions statements are done."""
    inside: set[Node] = set(part)
    before = {s: [b for b in needs[s] if isinstance(b, Statement) and b in inside] for s in part}
    stage: dict[Statement, int] = {}
    for statement in part:
        own = _is_long(statement)
        stage[statement] = max(
            (stage[b] + (own or _is_long(b)) for b in before[statement]), default=0
        )
    for statement in reversed(part):  # what needs nothing here is made where it is read first
        readers = [reader for reader in part if statement in before[reader]]
        if readers and not before[statement] and not _is_long(statement):
            stage[statement] = min(stage[reader] - _is_long(reader) for reader in readers)
    return stage

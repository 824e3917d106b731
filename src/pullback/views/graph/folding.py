"""Large scenes folded: runs of operations become one box that says what it holds.

Runs follow the program's order, so folding never closes a circle. First each statement of the
user's code becomes a box (what leads to one named value), then each round of a loop or each layer
(up to where a name comes again: h, h_2 or h1, h2), then so many of these as need be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby

from .scene import FOLDED, INPUT, LEARNED, OPERATION, Entry, Node, Scene

MOST = 200
"""Scenes with more nodes are folded."""

LISTED = 60
"""How many of the operations that a box holds are told one by one."""

_NUMBER = re.compile(r"_?\d+(_\d+)?$")

Run = list[Node]


def folded(scene: Scene, most: int = MOST) -> Scene:
    """A scene with at most so many nodes, or as few as can be."""
    for runs, with_inputs in _ways(scene):
        if len(scene.nodes) <= most:
            break
        shorter = _with_runs(scene, runs, with_inputs)
        if len(shorter.nodes) <= most:
            return shorter
    else:
        return _with_runs(scene, [_operations(scene)], True)
    return scene


def _ways(scene: Scene) -> Iterator[tuple[list[Run], bool]]:
    """Ways to fold, from fine to coarse: the runs, and whether inputs go into their boxes."""
    statements = _statements(_operations(scene))
    rounds = _rounds(statements)
    yield statements, False
    yield rounds, False
    yield rounds, True
    size = 2
    while size < 2 * len(rounds):
        yield [run for stage in _stages(rounds) for run in _chunks(stage, size)], True
        size += max(1, size // 4)


def _stages(rounds: Sequence[Run]) -> list[list[Run]]:
    return [list(runs) for _, runs in groupby(rounds, key=lambda run: run[0].stage)]


def _chunks(rounds: Sequence[Run], size: int) -> list[Run]:
    return [list(chain(*rounds[i : i + size])) for i in range(0, len(rounds), size)]


def _operations(scene: Scene) -> Run:
    return [node for node in scene.nodes if node.kind == OPERATION]


def _statements(nodes: Sequence[Node]) -> list[Run]:
    """Runs that end with a named value, or where the stage changes."""

    def ends(node: Node, following: Node) -> bool:
        return node.named or node.stage != following.stage

    return _cut(nodes, ends)


def _rounds(statements: Sequence[Run]) -> list[Run]:
    """Statements up to where a name comes again, not counting its number."""
    rounds: list[Run] = []
    names: set[str] = set()
    for statement in statements:
        name = _NUMBER.sub("", statement[-1].var)
        if not rounds or name in names or rounds[-1][-1].stage != statement[0].stage:
            rounds.append([])
            names = set()
        names.add(name)
        rounds[-1].extend(statement)
    return rounds


def _cut(nodes: Sequence[Node], ends: Callable[[Node, Node], bool]) -> list[Run]:
    runs: list[Run] = []
    for position, node in enumerate(nodes):
        if position == 0 or ends(nodes[position - 1], node):
            runs.append([])
        runs[-1].append(node)
    return runs


def _with_runs(scene: Scene, runs: Sequence[Run], with_inputs: bool) -> Scene:
    """A scene in which each run of several nodes is one box."""
    box_of = {node.key: f"f_{run[0].var}" for run in runs if len(run) > 1 for node in run}
    held: dict[str, list[Node]] = {f"f_{run[0].var}": list(run) for run in runs if len(run) > 1}
    if with_inputs:
        for key, node in _inputs_of_one_box(scene, box_of):
            held[key].insert(0, node)
            box_of[node.key] = key
    used = {
        entry.source
        for node in scene.nodes
        for entry in node.entries
        if box_of.get(entry.source) != box_of.get(node.key, node.key)
    }
    nodes: list[Node] = []
    last_of = {run[-1].key: f"f_{run[0].var}" for run in runs if len(run) > 1}
    for node in scene.nodes:
        if node.key not in box_of:
            nodes.append(_redirected(node, box_of))
        elif node.key in last_of:
            key = last_of[node.key]
            nodes.append(_box(key, held[key], used, box_of))
    return replace(scene, nodes=tuple(nodes))


def _inputs_of_one_box(scene: Scene, box_of: dict[str, str]) -> list[tuple[str, Node]]:
    """The inputs that only one box uses, with its key."""
    users: dict[str, set[str]] = {}
    for node in scene.nodes:
        for entry in node.entries:
            users.setdefault(entry.source, set()).add(box_of.get(node.key, ""))
    return [
        (key, node)
        for node in scene.nodes
        if node.kind in (INPUT, LEARNED) and len(users.get(node.key, ())) == 1
        for key in users[node.key]
        if key
    ]


def _redirected(node: Node, box_of: dict[str, str]) -> Node:
    """A node whose wires come from the boxes that hold their sources."""
    entries = tuple(
        replace(entry, source=box_of.get(entry.source, entry.source)) for entry in node.entries
    )
    return replace(node, entries=entries)


def _box(key: str, held: Sequence[Node], used: set[str], box_of: dict[str, str]) -> Node:
    inner = {node.key for node in held}
    operations = [node for node in held if node.kind == OPERATION]
    inputs = [node.var for node in held if node.kind != OPERATION]
    leaving = [node for node in operations if node.key in used] or operations
    last = leaving[-1]
    names = [node.var for node in operations if node.named] or [operations[-1].var]
    title = names[-1] if len(names) == 1 else f"{names[0]} … {names[-1]}"
    notes = [f"{len(operations)} operations"]
    if inputs:
        notes.append(f"with {inputs[0]}" if len(inputs) == 1 else f"with {len(inputs)} inputs")
    told = [f"{node.description}." for node in held[:LISTED]]
    if len(held) > LISTED:
        told.append(f"And {len(held) - LISTED} more.")
    return Node(
        key=key,
        kind=FOLDED,
        stage=last.stage,
        var=last.var,
        title=title,
        notes=tuple(notes),
        value=last.value,
        error=last.error,
        entries=_entries(held, inner, box_of),
        named=last.named,
        holds=tuple(node.var for node in held),
        description=f"{len(operations)} operations, {title}, folded into one box",
        details=tuple(told),
    )


def _entries(held: Sequence[Node], inner: set[str], box_of: dict[str, str]) -> tuple[Entry, ...]:
    """One wire for each value that comes from outside."""
    merged: dict[str, Entry] = {}
    for node in held:
        for entry in node.entries:
            if entry.source in inner:
                continue
            before = merged.get(entry.source)
            redirected = replace(entry, source=box_of.get(entry.source, entry.source), note="")
            if before is None:
                merged[entry.source] = redirected
                continue
            told = "\n".join(filter(None, (before.description, entry.description)))
            merged[entry.source] = replace(
                before,
                signal=before.signal or entry.signal,
                contribution="",
                description=told,
            )
    return tuple(merged.values())

"""What a picture of a program says, before anything has a place: nodes, their texts, links."""

from __future__ import annotations

from dataclasses import dataclass

INPUT, LEARNED, OPERATION, OUTPUT, FOLDED = "input", "learned", "operation", "output", "folded"
"""Kinds of nodes. A learned input is one with respect to which the gradient is taken."""


@dataclass(frozen=True)
class Entry:
    """One operand of a node: the end of a wire.

    Attributes:
        source: The key of the node that the wire comes from.
        var: The variable that runs along it.
        note: What happens to the value on the way: ".T".
        signal: Whether an error signal flows back through it.
        contribution: What it sends back, in a few characters; "" unless it is one of several
            contributions, which are added.
        description: The same in a sentence.
    """

    source: str
    var: str
    note: str = ""
    signal: bool = False
    contribution: str = ""
    description: str = ""


@dataclass(frozen=True)
class Node:
    """One box, with the wire that leaves it.

    Attributes:
        key: Unique within the scene.
        kind: One of the kinds above.
        stage: The part of the computation it belongs to: forward, backward, update.
        var: The variable it gives; for an output the one it takes.
        title: What stands in the box: an operation, or the name of an input.
        notes: Small lines below the title: gate pattern, stopped entries.
        value: Lines on the value's side of the wire.
        error: Lines on the error signal's side of the wire.
        entries: Its operands, in order.
        named: Whether the user's code gave the variable its name.
        holds: The variables of all nodes that a folded box holds.
        description: The node in one sentence, for people who cannot see it.
        details: Further sentences, one a line.
    """

    key: str
    kind: str
    stage: str
    var: str
    title: str
    notes: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    named: bool = True
    holds: tuple[str, ...] = ()
    description: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """All that a picture of a program says.

    Attributes:
        title: The program's name.
        description: The picture in a sentence or two.
        nodes: In an order in which every wire points forwards.
        has_values: Whether values are shown.
        has_errors: Whether error signals are shown.
    """

    title: str
    description: str
    nodes: tuple[Node, ...]
    has_values: bool = False
    has_errors: bool = False

"""Scene -> positioned boxes, texts and wires: all that a drawing needs, as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .blocks import Link
from .boxes import Rect, Shape, Text, shape_of
from .layout import Layout, Stretch, lay_out
from .scene import Node, Scene

MARGIN = 14.0
WIDEST_SIDEWAYS = 1500.0
"""A picture that would be wider than this runs top down, unless that makes it wider still."""

Point = tuple[float, float]


@dataclass(frozen=True)
class PlacedNode:
    """A node with its box and texts in place."""

    node: Node
    box: Rect
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Wire:
    """A piece of a wire: straight, one smooth curve, straight.

    Attributes:
        var: The variable that runs along it.
        points: Start, start of the curve, its end, and the end of the wire.
        enters: Whether it ends at a box, with an arrow of the value.
        leaves: Whether it starts at a box, with an arrow of the error signal.
        signal: Whether an error signal flows back along it.
        description: What flows, in a sentence.
    """

    var: str
    points: tuple[Point, Point, Point, Point]
    enters: bool
    leaves: bool
    signal: bool
    description: str


@dataclass(frozen=True)
class Fork:
    """A point where a wire splits; error signals that come back are added there (`adds`)."""

    var: str
    at: Point
    adds: bool


@dataclass(frozen=True)
class Picture:
    """A picture of a program, placed.

    Attributes:
        scene: What it says.
        nodes: The nodes in place.
        wires: All pieces of wire.
        forks: Where wires split.
        width: Its width in pixels.
        height: Its height in pixels.
        sideways: Whether it runs left to right, else top down.
    """

    scene: Scene
    nodes: tuple[PlacedNode, ...]
    wires: tuple[Wire, ...]
    forks: tuple[Fork, ...]
    width: float
    height: float
    sideways: bool


def picture_of(scene: Scene, direction: str | None = None) -> Picture:
    """Place a scene.

    Args:
        scene: What to show.
        direction: "right" or "down"; by size when None.
    """
    if direction is not None:
        return _placed(scene, direction == "right")
    downwards = None
    if _least_width(scene) > WIDEST_SIDEWAYS:
        downwards = _placed(scene, False)
        if downwards.width <= 2 * WIDEST_SIDEWAYS:
            return downwards
    sideways = _placed(scene, True)
    if sideways.width <= WIDEST_SIDEWAYS:
        return sideways
    downwards = downwards or _placed(scene, False)
    return sideways if downwards.width > sideways.width else downwards


def _least_width(scene: Scene) -> float:
    """The width that a scene needs at least when it runs sideways: that of its longest path."""
    reach: dict[str, float] = {}
    for node in scene.nodes:
        before = max((reach[entry.source] for entry in node.entries), default=0.0)
        reach[node.key] = before + shape_of(node, True).block.length
    return max(reach.values(), default=0.0)


def _placed(scene: Scene, sideways: bool) -> Picture:
    main = _main_entries(scene)
    shapes = {node.key: shape_of(node, sideways, main[node.key]) for node in scene.nodes}
    links = [
        Link(entry.source, node.key, position)
        for node in scene.nodes
        for position, entry in enumerate(node.entries)
    ]
    layout = lay_out([shapes[node.key].block for node in scene.nodes], links)
    nodes = {node.key: node for node in scene.nodes}
    frame = _Frame(layout, shapes, nodes, sideways)
    length, breadth = layout.length + 2 * MARGIN, layout.breadth + 2 * MARGIN
    return Picture(
        scene=scene,
        nodes=tuple(frame.node(node) for node in scene.nodes),
        wires=tuple(frame.wires()),
        forks=tuple(
            Fork(nodes[source].var, frame.xy(at), frame.adds(source, at))
            for source, at in layout.forks
        ),
        width=length if sideways else breadth,
        height=breadth if sideways else length,
        sideways=sideways,
    )


def _main_entries(scene: Scene) -> dict[str, int | None]:
    """The entry at which the longest path comes in, where one path is longer than all others."""
    depths: dict[str, int] = {}
    main: dict[str, int | None] = {}
    for node in scene.nodes:
        found = [depths[entry.source] for entry in node.entries]
        deepest = max(found, default=0)
        depths[node.key] = deepest + 1
        main[node.key] = found.index(deepest) if found.count(deepest) == 1 else None
    return main


@dataclass(frozen=True)
class _Frame:
    """Turns (along, across) into (x, y)."""

    layout: Layout
    shapes: dict[str, Shape]
    nodes: dict[str, Node]
    sideways: bool

    def xy(self, point: Point) -> Point:
        along, across = point[0] + MARGIN, point[1] + MARGIN
        x, y = (along, across) if self.sideways else (across, along)
        return round(x, 1), round(y, 1)

    def node(self, node: Node) -> PlacedNode:
        shape, place = self.shapes[node.key], self.layout.places[node.key]
        x, y = self.xy((place.along, place.across))
        return PlacedNode(
            node, shape.box.moved(x, y), tuple(text.moved(x, y) for text in shape.texts)
        )

    def wires(self) -> Iterator[Wire]:
        """The pieces of all wires; what several share up to a fork is one piece."""
        leaving: dict[tuple[str, Point], list[Stretch]] = {}
        for stretch in self.layout.stretches:
            leaving.setdefault((stretch.source, stretch.start), []).append(stretch)
        for stretches in leaving.values():
            if len(stretches) == 1:
                yield self._wire(stretches[0])
                continue
            first = stretches[0]
            ends = frozenset().union(*(stretch.serves for stretch in stretches))
            bend = first.bend
            yield self._wire(replace(first, straight=bend, end=bend, target=None, serves=ends))
            for stretch in stretches:
                yield self._wire(replace(stretch, start=stretch.bend, leaves=False))

    def _wire(self, stretch: Stretch) -> Wire:
        source = self.nodes[stretch.source]
        entries = [self.nodes[key].entries[entry] for key, entry in sorted(stretch.serves)]
        start, end = stretch.start, stretch.end
        if stretch.leaves:
            start = (self._box_end(stretch.source), start[1])
        if stretch.target is not None:
            end = (self._box_start(stretch.target), end[1])
        points = (start, stretch.bend, stretch.straight, end)
        begin, bend, straight, finish = map(self.xy, points)
        return Wire(
            var=entries[0].var,
            points=(begin, bend, straight, finish),
            enters=stretch.target is not None,
            leaves=stretch.leaves,
            signal=any(entry.signal for entry in entries),
            description=_told(source, [entry.description for entry in entries]),
        )

    def adds(self, source: str, at: Point) -> bool:
        """Whether several error signals meet at a fork."""
        meeting = [
            stretch
            for stretch in self.layout.stretches
            if stretch.source == source
            and stretch.bend == at
            and any(self.nodes[key].entries[entry].signal for key, entry in stretch.serves)
        ]
        return len(meeting) > 1

    def _box_start(self, key: str) -> float:
        box = self.shapes[key].box
        return self.layout.places[key].along + (box.x if self.sideways else box.y)

    def _box_end(self, key: str) -> float:
        box = self.shapes[key].box
        return self._box_start(key) + (box.width if self.sideways else box.height)


def _told(source: Node, descriptions: Sequence[str]) -> str:
    return "\n".join([source.description, *(text for text in descriptions if text)])

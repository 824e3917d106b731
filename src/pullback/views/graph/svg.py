"""Picture -> SVG text that stands alone: no script, no font, no file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .boxes import Text
from .picture import Fork, Picture, PlacedNode, Point, Wire
from .scene import FOLDED, INPUT, LEARNED
from .style import style_sheet

APART = 2.4
"""How far the strokes of value and error signal lie from the middle of a wire."""

HEAD = 7.0
"""Length of an arrowhead."""


def svg_of(picture: Picture) -> str:
    """A picture as SVG.

    Every node and wire is a group with the classes pb-node or pb-wire and data-var, the name of
    its variable, and carries its meaning as title and desc.
    """
    parts = [
        svg_head(picture.width, picture.height, picture.scene.title, picture.scene.description),
        *(_wire(wire, picture.sideways) for wire in picture.wires),
        *(_fork(fork, picture.sideways) for fork in picture.forks),
        *(_node(node) for node in picture.nodes),
        "</svg>\n",
    ]
    return "\n".join(parts)


def svg_head(width: float, height: float, title: str, description: str) -> str:
    """The start of a picture's SVG: size, title, description, style, ground."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pb-graph" role="img" '
        f'aria-label="{escape(f"{title}: {description}")}" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(description)}</desc>\n"
        f"{style_sheet()}\n"
        f'<rect class="pb-ground" width="{width:g}" height="{height:g}"/>'
    )


def text_element(text: Text) -> str:
    """A line of text."""
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return f'<text class="pb-{text.kind}" x="{text.x:g}" y="{text.y:g}"{anchor}>' + (
        f"{escape(text.text)}</text>"
    )


def _node(placed: PlacedNode) -> str:
    node, box = placed.node, placed.box
    rounded = {INPUT: box.height / 2, LEARNED: box.height / 2, FOLDED: 2.0}.get(node.kind, 6.0)
    holds = f' data-holds="{escape(" ".join(node.holds))}"' if node.holds else ""
    lines = [
        f'<g class="pb-node pb-{node.kind} pb-{node.stage}" role="img" '
        f'data-node="{escape(node.key)}" data-var="{escape(node.var)}"{holds}>',
        _meaning(node.description, node.details),
        f'<rect class="pb-box" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="{rounded:g}"/>',
        *map(text_element, placed.texts),
        "</g>",
    ]
    return "\n".join(lines)


def _meaning(title: str, details: tuple[str, ...]) -> str:
    described = f"<desc>{escape(' '.join(details))}</desc>" if details else ""
    tooltip = "\n".join((title, *details))
    return f"<title>{escape(tooltip)}</title>{described}"


def _wire(wire: Wire, sideways: bool) -> str:
    forth = -APART if wire.signal else 0.0
    lines = [
        f'<g class="pb-wire" data-var="{escape(wire.var)}">',
        f"<title>{escape(wire.description)}</title>",
        *_stroke(wire, forth, sideways, False),
    ]
    if wire.signal:
        lines += _stroke(wire, APART, sideways, True)
    return "\n".join([*lines, "</g>"])


def _stroke(wire: Wire, offset: float, sideways: bool, back: bool) -> Iterator[str]:
    start, bend, straight, end = (_moved(point, offset, sideways) for point in wire.points)
    kind = ' class="pb-back"' if back else ""
    head = wire.leaves if back else wire.enters
    if head and back:
        start = _along(start, HEAD - 1, sideways)
    elif head:
        end = _along(end, 1 - HEAD, sideways)
    middle = (bend[0] + straight[0]) / 2, (bend[1] + straight[1]) / 2
    first = (middle[0], bend[1]) if sideways else (bend[0], middle[1])
    second = (middle[0], straight[1]) if sideways else (straight[0], middle[1])
    curve = f"C{_pair(first)} {_pair(second)} {_pair(straight)}"
    if first[1 if sideways else 0] == straight[1 if sideways else 0]:
        curve = ""
    yield f'<path{kind} d="M{_pair(start)} L{_pair(bend)} {curve}L{_pair(end)}"/>'
    if head:
        point, away = (wire.points[0], 1.0) if back else (wire.points[3], -1.0)
        yield _head(_moved(point, offset, sideways), away, sideways, back)


def _head(point: Point, away: float, sideways: bool, back: bool) -> str:
    """A triangle that points to `point`, from the side `away`."""
    root = _along(point, away * HEAD, sideways)
    corners = [_moved(root, -3.2, sideways), point, _moved(root, 3.2, sideways)]
    kind = "pb-back pb-head" if back else "pb-head"
    return f'<path class="{kind}" d="M{" L".join(map(_pair, corners))}Z"/>'


def _fork(fork: Fork, sideways: bool) -> str:
    x, y = fork.at
    if not fork.adds:
        return f'<circle class="pb-fork" cx="{x:g}" cy="{y:g}" r="2.6"/>'
    return (
        f'<g class="pb-sum" data-var="{escape(fork.var)}">'
        f"<title>The error signals that come back to {escape(fork.var)} are added here.</title>"
        f'<circle cx="{x:g}" cy="{y:g}" r="6"/>'
        f'<path d="M{x - 3.5:g} {y:g}h7M{x:g} {y - 3.5:g}v7"/></g>'
    )


def _moved(point: Point, across: float, sideways: bool) -> Point:
    return (point[0], point[1] + across) if sideways else (point[0] + across, point[1])


def _along(point: Point, along: float, sideways: bool) -> Point:
    return (point[0] + along, point[1]) if sideways else (point[0], point[1] + along)


def _pair(point: Point) -> str:
    return f"{round(point[0], 1):g} {round(point[1], 1):g}"

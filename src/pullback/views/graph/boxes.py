"""How large a node is, and where its parts stand, relative to the place it is given.

A node is its entries, its box and the label of the wire that leaves it, one behind the other
along the direction. Left to right, the value stands above the wire and the error signal below
it; top down, to the left and to the right. All text is monospaced, so that its extent is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from .blocks import Block
from .scene import INPUT, LEARNED, OUTPUT, Node

TITLE, SMALL = 13.0, 11.0
"""Font sizes in pixels."""

WIDTH = 0.615
"""Width of a character of a monospaced font, in font sizes (a little more than most have)."""

LINE = 14.0
PADDING = 9.0
ARROW = 12.0
"""Room for the arrowhead in front of a box."""


@dataclass(frozen=True)
class Rect:
    """A rectangle: left, top, width and height in pixels."""

    x: float
    y: float
    width: float
    height: float

    def moved(self, x: float, y: float) -> Rect:
        """The same rectangle elsewhere."""
        return Rect(self.x + x, self.y + y, self.width, self.height)

    def overlaps(self, other: Rect) -> bool:
        """Whether the two share an area."""
        apart_x = self.x + self.width <= other.x or other.x + other.width <= self.x
        apart_y = self.y + self.height <= other.y or other.y + other.height <= self.y
        return not (apart_x or apart_y)


@dataclass(frozen=True)
class Text:
    """A line of text.

    Attributes:
        x: Where it is anchored.
        y: Its baseline.
        anchor: "start", "middle" or "end".
        kind: "title", "note", "value" or "error".
        text: What it says.
    """

    x: float
    y: float
    anchor: str
    kind: str
    text: str

    @property
    def size(self) -> float:
        """The font size."""
        return TITLE if self.kind == "title" else SMALL

    @property
    def box(self) -> Rect:
        """The area it takes up."""
        width = width_of(self.text, self.size)
        left = {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return Rect(self.x - left, self.y - 0.76 * self.size, width, self.size)

    def moved(self, x: float, y: float) -> Text:
        """The same line elsewhere."""
        return Text(self.x + x, self.y + y, self.anchor, self.kind, self.text)


@dataclass(frozen=True)
class Shape:
    """A node's parts, relative to its start and its axis.

    Attributes:
        block: What the layout sees of it.
        box: The box itself.
        texts: All texts, those in the box first.
    """

    block: Block
    box: Rect
    texts: tuple[Text, ...]


def width_of(text: str, size: float = SMALL) -> float:
    """The width of a line of monospaced text; wide characters (CJK) count twice."""
    wide = sum(ord(character) >= 0x2E80 for character in text)
    return (len(text) + wide) * size * WIDTH


def shape_of(node: Node, sideways: bool, main: int | None = None) -> Shape:
    """A node's parts when links run left to right (`sideways`) or top down.

    Args:
        node: The node.
        sideways: The direction.
        main: The entry that stands on the node's axis, so that the main path runs straight
            through; None: the middle of all entries does.
    """
    return _sideways(node, main) if sideways else _downwards(node, main)


def _widest(lines: tuple[str, ...], size: float = SMALL) -> float:
    return max((width_of(line, size) for line in lines), default=0.0)


def _box_size(node: Node) -> tuple[float, float]:
    width = max(width_of(node.title, TITLE), _widest(node.notes)) + 2 * PADDING
    return width, LINE * (1 + len(node.notes)) + PADDING


def _spread(count: int, apart: float, main: int | None) -> tuple[tuple[float, ...], float]:
    """Where entries stand, and where their middle is."""
    centre = (count - 1) / 2 if main is None else float(main)
    entries = tuple((position - centre) * apart for position in range(count))
    return entries, ((count - 1) / 2 - centre) * apart


def _late(node: Node) -> bool:
    return node.kind in (INPUT, LEARNED)


def _sideways(node: Node, main: int | None) -> Shape:
    notes = tuple(entry.note for entry in node.entries)
    sent = tuple(entry.contribution for entry in node.entries)
    text = max(_widest(notes), _widest(sent))
    entry_length = (text + ARROW if text else ARROW) if node.entries else 0.0
    apart = 14.0 + LINE * (any(notes) + any(sent))
    entries, middle = _spread(len(node.entries), apart, main)
    width, height = _box_size(node)
    if entries:
        height = max(height, entries[-1] - entries[0] + 18)
    label = max(_widest(node.value), _widest(node.error))
    label_length = 0.0 if node.kind == OUTPUT else label + 2 * PADDING
    before = max(height / 2 - middle, LINE * len(node.value) + 6)
    after = max(height / 2 + middle, LINE * len(node.error) + 5)
    if entries:
        before = max(before, -entries[0] + LINE * any(notes) + 4)
        after = max(after, entries[-1] + LINE * any(sent) + 4)
    box = Rect(entry_length, middle - height / 2, width, height)
    wire = entry_length + width + PADDING
    top = -7 - LINE * (len(node.value) - 1)
    texts = [
        *_in_box(node, box),
        *(Text(wire, top + LINE * i, "start", "value", t) for i, t in enumerate(node.value)),
        *(Text(wire, 13 + LINE * i, "start", "error", t) for i, t in enumerate(node.error)),
    ]
    for entry, offset in zip(node.entries, entries, strict=True):
        if entry.note:
            texts.append(Text(entry_length - ARROW, offset - 6, "end", "value", entry.note))
        if entry.contribution:
            sent_text = entry.contribution
            texts.append(Text(entry_length - ARROW, offset + 13, "end", "error", sent_text))
    length = entry_length + width + label_length
    block = Block(node.key, length, before, after, entries, _late(node))
    return Shape(block, box, tuple(texts))


def _downwards(node: Node, main: int | None) -> Shape:
    notes = tuple(entry.note for entry in node.entries)
    sent = tuple(entry.contribution for entry in node.entries)
    left, right = _widest(notes), _widest(sent)
    entry_length = (LINE + 6 + ARROW if left or right else ARROW) if node.entries else 0.0
    apart = 24.0 + left + right if left or right else 20.0
    entries, middle = _spread(len(node.entries), apart, main)
    width, height = _box_size(node)
    if entries:
        width = max(width, entries[-1] - entries[0] + 18)
    lines = max(len(node.value), len(node.error))
    label_length = 0.0 if node.kind == OUTPUT else LINE * lines + 6
    before = max(width / 2 - middle, _widest(node.value) + PADDING)
    after = max(width / 2 + middle, _widest(node.error) + PADDING)
    if entries:
        before = max(before, -entries[0] + left + PADDING)
        after = max(after, entries[-1] + right + PADDING)
    box = Rect(middle - width / 2, entry_length, width, height)
    top = entry_length + height + LINE
    texts = [
        *_in_box(node, box),
        *(Text(-7, top + LINE * i, "end", "value", t) for i, t in enumerate(node.value)),
        *(Text(7, top + LINE * i, "start", "error", t) for i, t in enumerate(node.error)),
    ]
    for entry, offset in zip(node.entries, entries, strict=True):
        if entry.note:
            texts.append(Text(offset - 6, LINE, "end", "value", entry.note))
        if entry.contribution:
            texts.append(Text(offset + 6, LINE, "start", "error", entry.contribution))
    length = entry_length + height + label_length
    block = Block(node.key, length, before, after, entries, _late(node))
    return Shape(block, box, tuple(texts))


def _in_box(node: Node, box: Rect) -> list[Text]:
    middle = box.x + box.width / 2
    content = LINE * (1 + len(node.notes))
    first = box.y + (box.height - content) / 2 + 0.78 * LINE
    return [
        Text(middle, first, "middle", "title", node.title),
        *(
            Text(middle, first + LINE * (i + 1), "middle", "note", note)
            for i, note in enumerate(node.notes)
        ),
    ]

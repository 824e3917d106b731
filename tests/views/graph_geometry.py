"""What must hold of every picture: nothing overlaps, no wire runs through what is not its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.views.graph.boxes import Rect
from pullback.views.graph.picture import Picture, Wire

HALF_WIRE = 3.0
Named = list[tuple[str, Rect]]


def faults_of(picture: Picture) -> list[str]:
    """Everything that is wrong with a picture, in words."""
    boxes = [(placed.node.key, placed.box) for placed in picture.nodes]
    texts = [(text.text, text.box) for placed in picture.nodes for text in placed.texts]
    inner, outer = _texts(picture, inner=True), _texts(picture, inner=False)
    wires = [(f"the wire of {w.var}", r) for w in picture.wires for r in _straight_pieces(w)]
    bends = [(f"a bend of {w.var}", _bend(w, picture)) for w in picture.wires]
    return [
        *(
            f"{name} is outside"
            for name, rect in boxes + texts
            if not _within(rect, _frame(picture))
        ),
        *(f"{text} leaves its box" for text, rect, box in inner if not _within(rect, box)),
        *_pairs(boxes, boxes),
        *_pairs(texts, texts),
        *_pairs([(text, rect) for text, rect, _ in outer], boxes),
        *_pairs(wires, boxes),
        *_pairs(wires, texts),
        *_pairs(bends, boxes),
    ]


def _frame(picture: Picture) -> Rect:
    return Rect(0, 0, picture.width, picture.height)


def _texts(picture: Picture, inner: bool) -> list[tuple[str, Rect, Rect]]:
    """The texts that stand in boxes, or those that stand beside wires, with their box."""
    return [
        (text.text, text.box, placed.box)
        for placed in picture.nodes
        for text in placed.texts
        if (text.kind in ("title", "note")) == inner
    ]


def _within(rect: Rect, frame: Rect) -> bool:
    return (
        frame.x <= rect.x
        and frame.y <= rect.y
        and rect.x + rect.width <= frame.x + frame.width
        and rect.y + rect.height <= frame.y + frame.height
    )


def _pairs(some: Named, others: Named) -> list[str]:
    """Which of some overlap which of the others."""
    a, b = _edges(some), _edges(others)
    apart = (a[2] <= b[0].T) | (a[0] >= b[2].T) | (a[3] <= b[1].T) | (a[1] >= b[3].T)
    overlap = ~apart
    if some is others:
        overlap = np.triu(overlap, 1)
    return [f"{some[i][0]} overlaps {others[j][0]}" for i, j in np.argwhere(overlap)]


def _edges(named: Named) -> Any:
    """Left, top, right and bottom, each as a column."""
    rows = [(r.x, r.y, r.x + r.width, r.y + r.height) for _, r in named]
    return np.array(rows).reshape(-1, 4).T[..., None]


def _straight_pieces(wire: Wire) -> list[Rect]:
    start, bend, straight, end = wire.points
    return [_thick(start, bend), _thick(straight, end)]


def _thick(a: tuple[float, float], b: tuple[float, float]) -> Rect:
    """A straight piece as a rectangle; its ends touch the boxes that they belong to."""
    if a[1] == b[1]:
        return Rect(a[0] + 0.2, a[1] - HALF_WIRE, max(b[0] - a[0] - 0.4, 0), 2 * HALF_WIRE)
    return Rect(a[0] - HALF_WIRE, a[1] + 0.2, 2 * HALF_WIRE, max(b[1] - a[1] - 0.4, 0))


def _bend(wire: Wire, picture: Picture) -> Rect:
    """The room between two rows in which a wire bends: no box may stand in it at all."""
    along = 0 if picture.sideways else 1
    low, high = wire.points[1][along] + 0.2, wire.points[2][along] - 0.2
    if picture.sideways:
        return Rect(low, 0, high - low, picture.height)
    return Rect(0, low, picture.width, high - low)

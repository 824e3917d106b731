"""Scene -> DOT, the language of Graphviz, for whoever wants another layout."""

from __future__ import annotations

from .scene import FOLDED, INPUT, LEARNED, OUTPUT, Entry, Node, Scene
from .style import LIGHT

_SHAPES = {INPUT: "ellipse", LEARNED: "ellipse", OUTPUT: "box", FOLDED: "folder"}


def dot_of(scene: Scene, direction: str | None = None) -> str:
    """A scene as a DOT digraph; error signals are edges that point back.

    Args:
        scene: What to show.
        direction: "right" or "down" (when None).
    """
    rankdir = "LR" if direction == "right" else "TB"
    lines = [
        f"digraph {quoted(scene.title)} {{",
        f"  rankdir={rankdir};",
        '  node [shape=box, style="rounded", fontname="monospace", fontsize=11];',
        '  edge [fontname="monospace", fontsize=10];',
    ]
    wires = {node.key: node for node in scene.nodes}
    for node in scene.nodes:
        lines.append(f"  {quoted(node.key)} [{_attributes(node)}];")
    for node in scene.nodes:
        for entry in node.entries:
            lines += _edges(node, entry, wires[entry.source])
    return "\n".join([*lines, "}\n"])


def quoted(text: str) -> str:
    """A text as a quoted DOT identifier; line ends become breaks."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{plain}"'


def _attributes(node: Node) -> str:
    label = "\n".join((node.title, *node.notes))
    tooltip = "\n".join((node.description, *node.details))
    attributes = [f"label={quoted(label)}", f"tooltip={quoted(tooltip)}"]
    if node.kind in _SHAPES:
        attributes.append(f"shape={_SHAPES[node.kind]}")
    if node.kind == LEARNED:
        attributes.append(f'style="filled", fillcolor="{LIGHT["learned"]}"')
    return ", ".join(attributes)


def _edges(node: Node, entry: Entry, source: Node) -> list[str]:
    label = "\n".join((*source.value, entry.note) if entry.note else source.value)
    forth = [
        f"label={quoted(label)}",
        f'color="{LIGHT["value"]}"',
        f'fontcolor="{LIGHT["value"]}"',
    ]
    lines = [f"  {quoted(source.key)} -> {quoted(node.key)} [{', '.join(forth)}];"]
    if entry.signal:
        back = [
            f"label={quoted(entry.contribution or chr(10).join(source.error))}",
            f'color="{LIGHT["error"]}"',
            f'fontcolor="{LIGHT["error"]}"',
            "constraint=false",
        ]
        lines.append(f"  {quoted(node.key)} -> {quoted(source.key)} [{', '.join(back)}];")
    return lines

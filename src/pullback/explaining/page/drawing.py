"""The picture of the program, as it stands on the page: its boxes can be reached by keyboard."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape, unescape

from ...lazy import cached_property
from ...program import Equation, Program, Var
from ...views.graph import Graph, graph_of
from ...views.graph.scene import Entry, Node, Scene
from ..source import equation_source
from ..subject import Subject
from .arrays import shape_text
from .markup import Markup
from .words import Words

_MEANING = re.compile(r"<(title|desc)>.*?</\1>", re.DOTALL)
_ROOT = re.compile(r'(<svg [^>]*?)role="img" aria-label="[^"]*"')
_NODE = re.compile(r'role="img" data-node="([^"]*)" data-var="([^"]*)"')


@dataclass(frozen=True, eq=False)
class Drawing:
    """The picture of a subject's forward and backward pass, with values and error signals.

    Attributes:
        subject: What is drawn.
        words: The language.
    """

    subject: Subject
    words: Words

    @cached_property
    def scene(self) -> Scene:
        """What it shows."""
        subject = self.subject
        graph = graph_of(subject.forward, subject.derivation, subject.values)
        return _translated(graph.scene, self.words)

    def svg(self) -> Markup:
        """It as SVG. The page says what a box means, so the picture's own hints are left out."""
        labels = _labels(self.subject)

        def node(match: re.Match[str]) -> str:
            key, name = match.groups()
            label = escape(labels.get(unescape(name), unescape(name)))
            return f'role="button" data-node="{key}" data-var="{name}" aria-label="{label}"'

        svg = _MEANING.sub("", Graph(self.scene).svg())
        label = escape(self.words("page.picture"))
        svg = _ROOT.sub(rf'\1role="group" aria-label="{label}"', svg)
        return Markup(_NODE.sub(node, svg))

    def elsewhere(self) -> dict[str, str]:
        """For each value without a box of its own, the value whose box stands for it.

        A value that only moves entries stands on the wire into the box that reads it, and a
        folded one in the box of what it becomes.
        """
        forward = self.subject.forward
        drawn = {node.var for node in self.scene.nodes}
        places = {var: name for var, name in forward.names.items() if name in drawn}
        for equation in reversed(forward.equations):
            for atom in equation.inputs:
                if isinstance(atom, Var) and equation.out in places:
                    places.setdefault(atom, places[equation.out])
        names = forward.names
        return {names[var]: place for var, place in places.items() if names[var] not in drawn}


def _translated(scene: Scene, words: Words) -> Scene:
    """The picture's words in the reader's language, before it is laid out."""

    def of(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(words.translated, texts))

    def of_entry(entry: Entry) -> Entry:
        return replace(entry, contribution=words.translated(entry.contribution))

    def of_node(node: Node) -> Node:
        return replace(
            node,
            title=words.translated(node.title),
            notes=of(node.notes),
            value=of(node.value),
            error=of(node.error),
            entries=tuple(map(of_entry, node.entries)),
        )

    return replace(scene, nodes=tuple(map(of_node, scene.nodes)))


def _labels(subject: Subject) -> dict[str, str]:
    """What each box says aloud: its equation and shape."""
    forward = subject.forward
    made_by = {equation.out: equation for equation in forward.equations}
    return {name: _label(subject, var, made_by.get(var)) for var, name in forward.names.items()}


def _label(subject: Subject, var: Var, equation: Equation | None) -> str:
    program: Program = subject.forward
    text = program.names[var] if equation is None else equation_source(program, equation)
    shape = shape_text(subject.shape(var))
    return f"{text}, {shape}" if shape else text

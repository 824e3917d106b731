"""How the backward pass was simplified: each line before and after, the identity, its condition."""

from __future__ import annotations

from ...transforms.trail import Simplification
from ...views.simplifications import chains
from ..subject import Subject
from .code import coloured
from .markup import Content, Markup, element
from .words import Words

MOST_LINES = 60
"""More lines are not shown; the last ones are left out."""


def rewriting(subject: Subject, words: Words) -> list[Markup]:
    """One list for each line that was simplified."""
    found = list(chains(subject.gradient.simplifications()))
    lists = [_chain(value, chain, words) for value, chain in found[:MOST_LINES]]
    if not lists:
        return []
    told = [element("p", words("below.rewriting_why"))]
    if len(found) > MOST_LINES:
        told.append(element("p", words("below.rewriting_more", count=len(found) - MOST_LINES)))
    return [*told, *lists]


def _chain(value: str, chain: list[tuple[str, str, Simplification]], words: Words) -> Markup:
    rows: list[Content] = []
    for before, after, step in chain:
        if before:
            rows.append(element("pre", [Markup("&nbsp; "), coloured(before)]))
        rows.append(element("pre", ["= ", coloured(after)]))
        rows.append(element("p", _why(step, words), class_="soft why"))
    return element("div", [element("h3", element("code", value)), *rows], class_="chain")


def _why(step: Simplification, words: Words) -> str:
    statement, condition = words.of_identity(step.identity, (step.statement, step.condition))
    return words("below.identity", statement=statement, condition=condition)

"""What the page says of one value: the numbers, its error signal, and how that comes about."""

from __future__ import annotations

import linecache
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...dims import Dim
from ...errors import Location
from ...formula import mathml
from ...lazy import cached_property
from ...program import Equation, Var
from ...transforms import Contribution
from ...views.cost import Cost, bytes_text
from ...views.equations import rule_of
from ...views.equations.rules import general_rule
from ...views.graph.signals import Signals
from ..source import equation_source
from ..step import Sent, Step
from ..subject import Subject
from .arrays import array_figure, shape_text
from .code import coloured
from .jacobian import is_small, local_jacobian, local_slopes
from .keys import ERROR, HELPER, VALUE, Mark
from .listing import Listing
from .markup import Content, Markup, element
from .words import Words


@dataclass(frozen=True, eq=False)
class About:
    """Articles on the values of a subject.

    Attributes:
        listing: Its source.
        steps: The steps of its backward pass.
        cost: What it costs.
        words: The language.
    """

    listing: Listing
    steps: tuple[Step, ...]
    cost: Cost
    words: Words

    @property
    def subject(self) -> Subject:
        """What is explained."""
        return self.listing.keys.subject

    def articles(self) -> list[Markup]:
        """One article for each value of the forward pass, and each helper value with a line."""
        forward = self.subject.forward
        made_by: dict[Var, Equation] = {equation.out: equation for equation in forward.equations}
        values = [self._article(var, made_by.get(var)) for var in forward.names]
        lines = self.listing.lines
        marks = {e.out: self.listing.keys.of(e.out) for e in lines.equations}
        helpers = [var for var, mark in marks.items() if mark.role == HELPER]
        return [*values, *(self._helper(var, marks[var].key) for var in helpers)]

    def _helper(self, var: Var, key: str) -> Markup:
        """A value that only the simplified backward pass has: its line, as code and equation."""
        name = self.listing.lines.names[var]
        parts: list[Content] = [element("code", name), element("span", var.aval.shape_text)]
        content: list[Content] = [
            element("h3", parts, class_="name"),
            element("p", self.words("about.helper")),
            element("pre", coloured(self.listing.line(name), self.listing.marks)),
        ]
        if name in self.listing.equations:
            equation = self.listing.equations[name]
            content.append(_formula(self.listing.marked(equation.mathml())))
        return element("article", content, class_="about", id=f"about-{key}", hidden=True)

    def _article(self, var: Var, equation: Equation | None) -> Markup:
        name = self.subject.forward.names[var]
        cards: list[Content] = [self._value(var, name), self._signal(var, name)]
        cards += [self._sum(var), self._residual(var)]
        content = [self._head(var, name, equation), element("div", cards, class_="cards")]
        return element("article", content, class_="about", id=f"about-{name}", hidden=True)

    def _head(self, var: Var, name: str, equation: Equation | None) -> Markup:
        shape, aval = self.subject.shape(var), var.aval
        named = f"{aval.shape_text} = " if any(isinstance(d, Dim) for d in aval.shape) else ""
        told = f"{named}{shape_text(shape)}" if shape else self.words("about.number")
        parts: list[Content] = [element("code", name, class_="value")]
        parts.append(element("span", f"{told}, {np.dtype(aval.dtype).name}", class_="soft"))
        if equation is None:
            learned = var in self.subject.wrt
            parts.append(self.words("about.learned" if learned else "about.input"))
        else:
            parts.append(element("code", self.code(equation), class_="formula"))
            if equation.where is not None:
                parts.append(element("span", self._place(equation.where), class_="soft"))
        return element("h3", parts, class_="name")

    def _place(self, where: Location) -> Content:
        """The user's line that an equation comes from."""
        file = os.path.basename(where.file)
        told = self.words("about.place", file=file, line=where.line)
        text = linecache.getline(where.file, where.line).strip()
        return [told, ": ", element("code", text)] if text else told

    def code(self, equation: Equation) -> Markup:
        """An equation of the forward pass as source."""
        return self._codes[equation.out]

    def local_code(self, source: str) -> Markup:
        """A contribution's source; names that begin with d are error signals."""
        return coloured(source, self._local_marks)

    @cached_property
    def _codes(self) -> dict[Var, Markup]:
        forward = self.subject.forward
        marks = {name: Mark(name, VALUE) for name in forward.names.values()}
        return {e.out: coloured(equation_source(forward, e), marks) for e in forward.equations}

    @cached_property
    def _local_marks(self) -> dict[str, Mark]:
        names = self.subject.forward.names.values()
        marks = {f"d{name}": Mark(name, ERROR) for name in names}
        return marks | {name: Mark(name, VALUE) for name in names}

    # Cards.

    def _value(self, var: Var, name: str) -> Markup:
        return self.card("value", "about.value", array_figure(self._of(var), name, self.words))

    def _of(self, var: Var) -> Any:
        return self.subject.value(var)

    def _signal(self, var: Var, name: str) -> Markup:
        signal = self.subject.signal(var)
        if signal is None:
            return self.card("error", "about.signal", self.words("about.no_signal"))
        label = self.words("about.signal_of", name=name)
        figure = element("div", array_figure(signal, label, self.words), class_="figure")
        return self.card("error", "about.signal", figure)

    def _sum(self, var: Var) -> Markup | None:
        """The sum over children, and each of them."""
        children = self.subject.derivation.children(var)
        if not children:
            return None
        several = len(children) > 1
        title = "about.sum" if several else "about.one"
        line = self.listing.text_of(Mark(self.subject.name(var), ERROR))
        parts: list[Content] = []
        if line:
            parts.append(element("pre", coloured(line, self.listing.marks), class_="formula"))
        parts += self._in_mathematics(var, children)
        items = [self._child(child, several) for child in children]
        parts.append(element("ol", items, class_="uses"))
        return self.card("wide", title, parts, count=len(children))

    def _in_mathematics(self, var: Var, children: Sequence[Contribution]) -> list[Content]:
        """The sum over children, the line's equation, and why its shapes can only be so."""
        name = self.subject.name(var)
        uses = dict.fromkeys(self.subject.name(c.equation.out) for c in children if c.equation)
        parts: list[Content] = []
        line = self.listing.equation_of(Mark(name, ERROR))
        taken = line.manner.taken if line is not None else ()
        if uses and all(child.equation for child in children):
            parts.append(_formula(Markup(mathml(general_rule(name, list(uses), taken)))))
        if line is not None:
            parts.append(_formula(self.listing.marked(line.mathml())))
            if line.reason:
                reason = self.words.translated(line.reason)
                parts.append(element("p", reason, class_="soft"))
        return parts

    def _child(self, child: Contribution, several: bool) -> Markup:
        if child.equation is None:
            return element("li", self._seed())
        sent = self.sent[child]
        rule = self.listing.said(rule_of(child.equation, child.position).mathml())
        said: list[Content] = [
            element(
                "p", [self.words("about.from"), " ", element("code", self.code(child.equation))]
            ),
            element("pre", ["→ ", self.local_code(sent.source)]),
            element("div", [self.words("about.rule"), " ", element("math", rule)]),
            self._stopped(child.equation),
            self.never_built(sent),
        ]
        figures: list[Content] = []
        if several:
            label = self.words("about.contribution")
            figures.append(_titled(label, array_figure(sent.value, label, self.words)))
        figures += self.jacobian(child, sent)
        both = [element("div", said), element("div", figures, class_="figures")]
        return element("li", element("div", both, class_="both"))

    def _seed(self) -> str:
        if self.subject.cotangents is None:
            return self.words("about.seed")
        drawn = "about.seed_random" if self.subject.random_cotangents else "about.seed_given"
        return self.words(drawn)

    def _stopped(self, equation: Equation) -> Content:
        stopped = self._signals.stopped(equation)
        if not stopped or not stopped[0]:
            return None
        count, size = (f"{number:,}" for number in stopped)
        return element("p", self.words("about.stopped", count=count, size=size), class_="soft")

    def jacobian(self, child: Contribution, sent: Sent) -> list[Content]:
        """J itself where it is small, and its diagonal where it has no more than that."""
        words, figures = self.words, list[Content]()
        matrix, slopes = local_jacobian(self.subject, child), local_slopes(self.subject, child)
        if slopes is not None and np.ndim(slopes):
            title = words("about.slopes")
            figures.append(_titled(title, array_figure(slopes, title, words)))
        if matrix is not None:
            assert child.equation is not None
            out, name = self.subject.name(child.equation.out), sent.name
            title = words("about.jacobian", out=out, name=name)
            figures.append(_titled(title, array_figure(matrix, title, words)))
        return figures

    def never_built(self, sent: Sent) -> Markup | None:
        """What J would take, and what the VJP takes, where J is too large to look at."""
        if is_small(self.subject, sent.contribution):
            return None
        sizes = {
            "shape": shape_text(sent.jacobian_shape),
            "jacobian": bytes_text(sent.jacobian_bytes),
            "vjp": bytes_text(sent.vjp_bytes),
        }
        return element("p", self.words("about.never_built", **sizes), class_="soft")

    def _residual(self, var: Var) -> Markup | None:
        """Which lines of the backward pass read the value."""
        readers = self._readers.get(self.subject.name(var))
        if not readers:
            return None
        size = bytes_text(np.asarray(self._of(var)).nbytes)
        lines = [element("li", element("code", coloured(r, self.listing.marks))) for r in readers]
        told = element("p", self.words("about.kept_why", size=size))
        return self.card("kept", "about.kept", [told, element("ul", lines, class_="uses")])

    @cached_property
    def _readers(self) -> dict[str, list[str]]:
        """For each value that is kept, the lines of the backward pass that read it, by its key."""
        keys, gradient = self.listing.keys, self.subject.gradient
        marks = {name: keys.of(var) for var, name in gradient.names.items()} | self.listing.marks
        return {
            marks[residual.name].key: [self.listing.line(name) for name in residual.readers]
            for residual in self.cost.residuals
        }

    @cached_property
    def sent(self) -> dict[Contribution, Sent]:
        """What each contribution is, by the derivation's own object."""
        return {sent.contribution: sent for step in self.steps for sent in step.sends}

    @cached_property
    def _signals(self) -> Signals:
        return Signals(self.subject.derivation, self.subject.values)

    def card(self, kind: str, title: str, content: Content, **values: Any) -> Markup:
        """A part of an article under a heading."""
        head = element("h4", self.words(title, **values))
        return element("section", [head, _paragraph(content)], class_=f"card {kind}".strip())


def _paragraph(content: Content) -> Content:
    plain = isinstance(content, str) and not isinstance(content, Markup)
    return element("p", content) if plain else content


def _formula(formula: Markup) -> Markup:
    return element("div", element("math", formula, displaystyle="true"), class_="formula")


def _titled(title: str, figure: Markup) -> Markup:
    return element("div", [element("small", title), figure])

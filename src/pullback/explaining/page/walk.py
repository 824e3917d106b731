"""The backward pass step by step, and the pass that overwrites where it should add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...transforms import Contribution
from ..overwriting import Overwriting, Spoilt
from ..step import Arrived, Sent, Step, steps_of
from .about import About
from .arrays import array_figure, shape_text
from .keys import ERROR, Mark
from .markup import Content, Markup, element

MOST_LISTED = 3
"""Of contributions that have arrived, and of those still missing."""


@dataclass(frozen=True, eq=False)
class Walk:
    """The steps of a subject's backward pass.

    Attributes:
        about: What is said of its values.
    """

    about: About

    def data(self) -> list[dict[str, Any]]:
        """For each step the key of its equation's output, and the lines that it leads to."""
        homes = self.about.listing.homes
        steps = []
        for step in self.about.steps:
            found = {homes.get(Mark(sent.name, ERROR)) for sent in step.sends}
            lines = sorted(number + 1 for number in found if number is not None)
            steps.append({"key": step.name, "lines": lines})
        return steps

    def articles(self) -> list[Markup]:
        """One article for each step, and one on overwriting."""
        overwriting = Overwriting(self.about.subject)
        wrong: Sequence[Step | None] = [None] * len(self.about.steps)
        if overwriting.first_wrong is not None:
            wrong = steps_of(self.about.subject, overwriting)
        steps = zip(self.about.steps, wrong, strict=True)
        return [*(self._step(*pair) for pair in steps), self._overwriting(overwriting)]

    def _step(self, step: Step, wrong: Step | None) -> Markup:
        words = self.about.words
        title: list[Content] = [
            words("step.title", number=step.number, count=step.count),
            " ",
            element("code", self.about.code(step.pull.equation)),
        ]
        shape = shape_text(self.about.subject.shape(step.pull.equation.out))
        arriving = words("step.v", name=step.name, shape=shape or words("about.number"))
        v: list[Content] = [_signal_of(step.name)]
        if wrong is not None:
            v.append(self._wrong(step.cotangent, wrong.cotangent))
        cards = [
            element("section", [element("h4", arriving), *v], class_="card error"),
            *(self._sent(sent, step) for sent in step.sends),
            self._waiting(step.waiting),
        ]
        content = [
            element("h3", title, class_="name"),
            element("div", cards, class_="cards"),
        ]
        return element("article", content, id=f"step-{step.number}", class_="step", hidden=True)

    def _sent(self, sent: Sent, step: Step) -> Markup:
        words, arrived = self.about.words, sent.arrived
        shape = shape_text(self.about.subject.shape(sent.contribution.target))
        head = words("step.sends", name=sent.name, shape=shape or words("about.number"))
        parts: list[Content] = [
            element("h4", head),
            element("pre", self.about.local_code(sent.source), class_="formula"),
            array_figure(sent.value, head, words) if arrived.is_fork else _signal_of(sent.name),
            self.about.never_built(sent) or self._shape_of_j(sent),
        ]
        if arrived.is_fork:
            place = {"number": len(arrived.sent), "count": len(arrived.sent) + len(arrived.missing)}
            parts.append(element("p", words("step.adds", name=sent.name, **place)))
        return element("section", parts, class_="card")

    def _shape_of_j(self, sent: Sent) -> Markup:
        words, shape = self.about.words, shape_text(sent.jacobian_shape)
        told = words("step.jacobian", shape=shape) if shape else words("step.slope")
        return element("p", told, class_="soft")

    def _waiting(self, waiting: Sequence[Arrived]) -> Markup | None:
        """What has arrived so far where something is still to be sent on."""
        if not waiting:
            return None
        items = [
            element("li", [element("code", f"d{each.name}", class_="error"), self._both(each)])
            for each in waiting
        ]
        head = element("h4", self.about.words("step.waiting"))
        return element("section", [head, element("ul", items, class_="uses")], class_="card")

    def _both(self, each: Arrived) -> Markup:
        """The last to arrive and the next to come, and how many there are in all."""
        words, count = self.about.words, len(each.sent) + len(each.missing)
        items = [
            element("li", self._from(child), class_="arrived") for child in each.sent[-MOST_LISTED:]
        ]
        items += [
            element("li", [self._from(child), " ", words("step.missing")], class_="missing")
            for child in each.missing[:MOST_LISTED]
        ]
        if count > len(items):
            told = words("step.of_all", number=len(each.sent), count=count)
            items.insert(0, element("li", told, class_="soft"))
        return element("ul", items, class_="plain")

    def _from(self, child: Contribution) -> Content:
        if child.equation is None:
            return self.about.words("step.enters")
        return element("code", self.about.code(child.equation))

    # Overwriting.

    def _overwriting(self, overwriting: Overwriting) -> Markup:
        words, first = self.about.words, overwriting.first_wrong
        title = element("h3", words("overwrite.title"), class_="name wrong")
        if first is None:
            body: Content = element("p", words("overwrite.nothing"))
            return element("article", [title, body], id="overwriting", hidden=True)
        name = self.about.subject.name(first.var)
        parts: list[Content] = [element("p", words("overwrite.first", name=name))]
        if first.pull is not None:
            parts.append(element("code", self.about.code(first.pull.equation)))
        pair = element("div", self._pair(first.right, first.wrong), class_="figures")
        spoilt = [self._spoilt(each) for each in overwriting.spoilt]
        told = words("overwrite.spoilt") if spoilt else words("overwrite.unspoilt")
        cards = [
            element("section", [*parts, pair], class_="card"),
            element("section", [element("h4", told), *spoilt], class_="card"),
        ]
        content = [title, element("div", cards, class_="cards")]
        return element("article", content, id="overwriting", hidden=True)

    def _spoilt(self, spoilt: Spoilt) -> Markup:
        name = f"d{self.about.subject.name(spoilt.var)}"
        head = element("p", element("code", name, class_="error"))
        return element("div", [head, *self._pair(spoilt.right, spoilt.wrong)], class_="figures")

    def _pair(self, right: Any, wrong: Any) -> list[Content]:
        words = self.about.words
        return [
            element("div", [element("small", words(key)), array_figure(value, words(key), words)])
            for key, value in (("overwrite.right", right), ("overwrite.wrong", wrong))
        ]

    def _wrong(self, right: Any, wrong: Any) -> Content:
        words = self.about.words
        if np.array_equal(right, wrong, equal_nan=True):
            return None
        figure = array_figure(wrong, words("overwrite.wrong"), words)
        small = element("small", words("overwrite.wrong"), class_="wrong")
        return element("div", [small, figure], class_="wrong-pass")

    def spoilt(self) -> list[str]:
        """The keys of all values whose error signal comes out wrong when it is overwritten."""
        subject, overwriting = self.about.subject, Overwriting(self.about.subject)
        if overwriting.first_wrong is None:
            return []
        return [
            subject.name(var)
            for var in subject.derivation.cotangents
            if not np.array_equal(subject.signal(var), overwriting.signal(var), equal_nan=True)
        ]


def _signal_of(name: str) -> Markup:
    """A place for the error signal's figure, which the page's script copies from its article."""
    return element("div", data_copy=name)

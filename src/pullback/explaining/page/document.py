"""The page as one file: nothing on it is fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

from ...formula import mathml
from ...views.equations.rules import general_rule
from ..step import steps_of
from ..subject import Subject
from .about import About
from .below import below, cost_of
from .drawing import Drawing
from .keys import Keys
from .listing import Listing
from .markup import Content, Markup, data_script, element
from .walk import Walk
from .words import Words


def page_text(subject: Subject, language: str = "en") -> str:
    """The page on a subject as the text of an HTML file.

    Args:
        subject: What is explained.
        language: "en" or "zh".

    Raises:
        UsageError: There is no such language.
    """
    words = Words(language)
    listing = Listing(Keys(subject), words)
    cost = cost_of(subject)
    about = About(listing, steps_of(subject), cost, words)
    walk, drawing = Walk(about), Drawing(subject, words)
    script = Markup(_file("page.js"))
    body: list[Content] = [
        *_skip_links(words),
        _header(subject, words),
        _stepper(words),
        element("main", [_panes(listing, drawing, words), _about(about, walk, words)]),
        below(listing, cost, words),
        data_script("data", _data(walk, drawing, words)),
        element("script", script),
    ]
    document = [_head(subject, words, script), element("body", body)]
    language_tag = {"en": "en", "zh": "zh-Hans"}[language]
    return f"<!DOCTYPE html>\n{element('html', document, lang=language_tag)}\n"


def _head(subject: Subject, words: Words, script: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    style = Markup(_file("page.css") + _file("levels.css"))
    parts = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", words("page.title", name=subject.forward.name)),
        element("style", style),
    ]
    return element("head", parts)


def _skip_links(words: Words) -> list[Markup]:
    targets = ("code", "picture", "about")
    return [
        element("a", words(f"page.skip_{target}"), href=f"#{target}", class_="skip")
        for target in targets
    ]


def _header(subject: Subject, words: Words) -> Markup:
    parts = [
        element("h1", words("page.title", name=subject.forward.name)),
        element("p", words("page.lead")),
        element("button", words("page.theme"), id="theme", type="button"),
    ]
    return element("header", parts)


def _stepper(words: Words) -> Markup:
    box = element("input", type="checkbox", id="overwrite")
    parts = [
        element("button", ["◀ ", words("stepper.back")], id="back", type="button"),
        element("output", words("stepper.start"), id="count"),
        element("button", [words("stepper.next"), " ▶"], id="next", type="button"),
        element("label", [box, words("stepper.overwrite")]),
        element("p", "", id="said", class_="unseen", aria_live="polite"),
    ]
    return element("div", parts, id="stepper", role="toolbar", aria_label=words("stepper.label"))


def _panes(listing: Listing, drawing: Drawing, words: Words) -> Markup:
    colours = element(
        "span",
        [
            element("span", f"■ {words('page.value')}", class_="v value"),
            " ",
            element("span", f"■ {words('page.error')}", class_="v error"),
        ],
        class_="legend-keys",
    )
    title = element("span", words("page.code"), id="code-title")
    code = [element("h2", [title, colours]), listing.rows()]
    fit = element("button", words("page.fit"), id="fit", type="button", aria_pressed="false")
    picture = [
        element("h2", [element("span", words("page.picture"), id="picture-title"), fit]),
        drawing.svg(),
    ]
    panes = [
        element("section", code, id="code", class_="pane", aria_labelledby="code-title"),
        element("section", picture, id="picture", class_="pane", aria_labelledby="picture-title"),
    ]
    return element("div", panes, class_="panes")


def _about(about: About, walk: Walk, words: Words) -> Markup:
    rule = element("math", Markup(mathml(general_rule("x", ["c_1", "c_2"]))), displaystyle="true")
    guide = [element("p", words("page.hint")), element("p", words("page.chain")), _block(rule)]
    guide.append(element("p", words("page.keys"), class_="soft"))
    hint = element("div", guide, id="hint", class_="guide", hidden=True)
    content = [hint, *about.articles(), *walk.articles()]
    label = words("page.about")
    return element("aside", content, id="about", tabindex="0", aria_label=label)


def _block(content: Content) -> Markup:
    return element("div", content, class_="formula")


def _data(walk: Walk, drawing: Drawing, words: Words) -> dict[str, Any]:
    said = {"start": words("stepper.start"), "step": words("stepper.step")}
    return {
        "steps": walk.data(),
        "boxes": drawing.elsewhere(),
        "spoilt": walk.spoilt(),
        "words": said,
    }


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")

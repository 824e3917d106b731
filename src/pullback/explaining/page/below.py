"""What stands below the panes: what it costs, which slopes were taken at kinks, the update rule."""

from __future__ import annotations

from collections.abc import Iterator

from ...views.cost import Amount, Cost, bytes_text, cost, count_text
from ...views.equations import Wishes, equations
from ..source import assigned_lines
from ..subject import Subject
from ..update import samples_axis, update_of
from .arrays import shape_text
from .code import coloured
from .listing import Listing
from .markup import Content, Markup, element, table
from .rewriting import rewriting
from .words import Words

LONGEST_OPEN = 20_000
"""Longer sections (characters of HTML) are closed until they are asked for."""


def cost_of(subject: Subject) -> Cost:
    """What the gradient costs at the shapes of the subject."""
    return cost(subject.gradient, subject.lengths)


def below(listing: Listing, costs: Cost, words: Words) -> Markup:
    """All sections, each can be closed."""
    subject = listing.keys.subject
    parts = [
        _section("below.update", _update(subject, listing), words),
        _section("below.rewriting", rewriting(subject, words), words),
        _section("below.cost", _costs(costs, words), words),
        _section("below.kinks", _kinks(subject, words), words),
    ]
    return element("section", parts, id="more", aria_label=words("below.label"))


def _section(title: str, content: list[Markup], words: Words) -> Markup | None:
    if not content:
        return None
    summary = element("summary", element("h2", words(title)))
    short = sum(map(len, content)) <= LONGEST_OPEN
    return element("details", [summary, *content], open=short)


def _kinks(subject: Subject, words: Words) -> list[Markup]:
    """The slopes taken where a function has none."""
    conventions = subject.gradient.conventions
    if not conventions:
        return []
    told = [element("li", words.translated(each)) for each in conventions]
    return [element("p", words("below.kinks_why")), element("ul", told, class_="uses")]


def _update(subject: Subject, listing: Listing) -> list[Markup]:
    """The update rule as source beside equations."""
    update = None if subject.step is None else update_of(subject.step)
    if update is None:
        return []
    source = update.to_numpy()
    lines, numbers = source.splitlines(), assigned_lines(source)
    rows = []
    axis = samples_axis(update)
    for line in equations(update, Wishes(batch=axis, sums=axis is not None)):
        if line.name not in numbers:
            continue
        text = lines[numbers[line.name] - 1].partition("  #")[0].strip()
        math = element("math", listing.said(line.mathml()), displaystyle="true")
        rows.append(element("div", [element("code", coloured(text)), element("div", math)]))
    return [element("div", rows, class_="update")] if rows else []


# Costs.


def _costs(cost: Cost, words: Words) -> list[Markup]:
    tables = [_stage(cost, stage, words) for stage in cost.stages]
    if cost.jacobians:
        tables += [element("p", words("cost.jacobians")), _jacobians(cost, words)]
    return [element("p", words("cost.convention")), *tables]


def _stage(cost: Cost, stage: str, words: Words) -> Markup:
    head = [words(f"cost.{stage}"), words("cost.shape"), words("cost.operations")]
    head += ["FLOPs", words("cost.read"), words("cost.written")]
    rows: list[list[Content]] = [
        [
            element("code", words("cost.return") if line.name == "return" else line.name),
            line.shape_text,
            element("code", ", ".join(line.operations)),
            *_amount(line.amount),
        ]
        for line in cost.lines
        if line.stage == stage
    ]
    rows.append([words("cost.sum"), "", "", *_amount(cost.stages[stage])])
    return table(head, rows, class_="cost")


def _amount(amount: Amount) -> Iterator[str]:
    yield count_text(amount.flops)
    yield bytes_text(amount.read)
    yield bytes_text(amount.written)


def _jacobians(cost: Cost, words: Words) -> Markup:
    head = ["J", words("cost.shape"), words("cost.bytes_j"), words("cost.flops_j")]
    head += [words("cost.bytes_vjp"), words("cost.flops_vjp")]
    rows = [
        [
            element("code", f"∂{each.output}/∂{each.input}"),
            shape_text(tuple(int(str(dim)) for dim in each.shape)),
            bytes_text(each.bytes),
            count_text(each.flops),
            bytes_text(each.vjp.moved),
            count_text(each.vjp.flops),
        ]
        for each in cost.jacobians
    ]
    return table(head, rows, class_="cost")

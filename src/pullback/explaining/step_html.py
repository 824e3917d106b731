"""Steps of a backward pass for a notebook: static HTML that needs nothing from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..dims import format_shape
from ..views.cost.amounts import bytes_text
from .page.markup import Content, Markup, element, table
from .step import Sent, Step
from .step_text import (
    input_text,
    overwriting_text,
    start_text,
    value_text,
    waiting_lines,
)

if TYPE_CHECKING:
    from .steps import BackwardSteps

_HEAD = ("input", "v J", "shape", "value", "J, never built", "the VJP moves", "arrived")


def steps_html(steps: BackwardSteps) -> str:
    """All steps, each to be folded open; that at the place is open."""
    subject = steps.subject
    folded = [_step(step, step is steps.current) for step in steps]
    told = _pre(overwriting_text(steps.overwriting))
    fold = element("details", [element("summary", "overwritten instead of added?"), told])
    start = element("p", start_text(subject))
    return str(element("div", [start, *folded, fold], class_="pullback-steps"))


def step_html(step: Step) -> str:
    """One step, open."""
    return str(_step(step, is_open=True))


def _step(step: Step, is_open: bool) -> Markup:
    source = element("code", step.source)
    title = element("summary", [f"step {step.number} of {step.count}: ", source])
    where = element("p", str(step.where)) if step.where else None
    shape = format_shape(np.shape(step.cotangent))
    v = element("p", [f"v = d{step.name}, {shape}", _pre(value_text(step.cotangent))])
    right = None
    if step.is_wrong:
        right = element("p", ["wrong, it should be", _pre(_right(step))])
    rows = [_row(sent, step) for sent in step.sends]
    sends = table(_HEAD, rows, style="border-spacing: 1em 0.1em")
    waiting = element("ul", [element("li", line) for line in waiting_lines(step)])
    return element("details", [title, where, v, right, sends, waiting], open=is_open)


def _pre(text: str) -> Markup:
    return element("pre", text, style="font-family: monospace")


def _right(step: Step) -> str:
    return value_text(step.right_cotangent)


def _row(sent: Sent, step: Step) -> list[Content]:
    arrived = sent.arrived
    count = len(arrived.sent) + len(arrived.missing)
    return [
        element("code", input_text(sent, step)),
        [element("code", sent.source), element("div", sent.formula)],
        format_shape(np.shape(sent.value)),
        _pre(value_text(sent.value)),
        f"{format_shape(sent.jacobian_shape)}, {bytes_text(sent.jacobian_bytes)}",
        bytes_text(sent.vjp_bytes),
        f"{len(arrived.sent)} of {count}",
    ]

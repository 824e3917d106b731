"""Steps of a backward pass as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import Any

import numpy as np

from ..dims import format_shape
from ..transforms import Contribution
from ..views.cost.amounts import bytes_text
from ..views.graph.texts import long_summary
from .overwriting import Overwriting
from .step import Sent, Step
from .subject import Subject

SMALL = 12
"""Arrays with no more entries are shown whole."""

SMALLEST = 1e-4
"""With an entry closer to 0 than this, numbers are shown as 1.e-09, which would look like 0."""


def start_text(subject: Subject) -> str:
    """What enters at the outputs before the first step."""
    derivation = subject.derivation
    names = [subject.name(seed.target) for seed in derivation.seeds]
    where = f"at {', '.join(names)}" if names else "at the result"
    if subject.cotangents is None:
        return f"1 enters {where}: the derivative of the loss with respect to itself."
    kind = "Normal random numbers enter" if subject.random_cotangents else "What was given enters"
    return f"{kind} {where}: the result is no single number, so its cotangent is chosen."


def step_text(step: Step) -> str:
    """One step: the equation, v, v J for each input, what is still missing."""
    return "\n".join(_lines(step))


def _lines(step: Step) -> Iterator[str]:
    overwriting = ", overwriting" if step.overwrites else ""
    yield f"step {step.number} of {step.count}{overwriting}: {step.source}"
    if step.where is not None:
        yield f"  {step.where}"
    origin = _senders(step.came_from, step.subject)
    yield f"  v = d{step.name}  {format_shape(np.shape(step.cotangent))}  from {origin}"
    yield indent(value_text(step.cotangent), "      ")
    if step.is_wrong:
        yield indent(f"wrong, it should be\n{value_text(step.right_cotangent)}", "      ")
    if step.line is not None:
        written, _, _ = step.subject.source.splitlines()[step.line - 1].partition("  #")
        yield f"      in the source: {written.strip()}"
    for sent in step.sends:
        yield from _sent_lines(sent, step)
    yield from (f"  {line}" for line in waiting_lines(step))


def _sent_lines(sent: Sent, step: Step) -> Iterator[str]:
    yield f"  v J for {input_text(sent, step)}  {format_shape(np.shape(sent.value))}"
    yield indent(sent.source, "      ")
    yield f"      {sent.formula}"
    yield indent(value_text(sent.value), "      ")
    yield (
        f"      J would be {format_shape(sent.jacobian_shape)}, {bytes_text(sent.jacobian_bytes)};"
        f" the VJP moves {bytes_text(sent.vjp_bytes)}"
    )
    if sent.arrived.is_fork and len(sent.arrived.sent) > 1:
        done = "replaces what had arrived" if step.overwrites else "is added"
        yield f"      it {done}: d{sent.name} is now"
        yield indent(value_text(sent.arrived.total), "      ")


def input_text(sent: Sent, step: Step) -> str:
    """The input's name, with its place where the equation reads it twice: h * h."""
    twice = [other.name for other in step.sends].count(sent.name) > 1
    return f"{sent.name} (input {sent.contribution.position + 1})" if twice else sent.name


def waiting_lines(step: Step) -> Iterator[str]:
    """What has arrived by the end of a step, and from where something is missing."""
    for arrived in step.waiting:
        if arrived.missing:
            state = f"{len(arrived.sent)} of {len(arrived.sent) + len(arrived.missing)} arrived"
            missing = _senders(arrived.missing, step.subject)
            yield f"at {arrived.name}: {state}, missing from {missing}"
    complete = [arrived.name for arrived in step.waiting if arrived.is_complete]
    if complete:
        yield f"complete: {', '.join(complete)}"


def _senders(contributions: Sequence[Contribution], subject: Subject) -> str:
    names = [
        "outside" if c.equation is None else subject.name(c.equation.out) for c in contributions
    ]
    return " + ".join(names)


def overwriting_text(overwriting: Overwriting) -> str:
    """What goes wrong when contributions overwrite each other, and where first."""
    return "\n".join(_overwriting_lines(overwriting))


def _overwriting_lines(overwriting: Overwriting) -> Iterator[str]:
    subject, lost = overwriting.subject, overwriting.first_wrong
    yield "If contributions were overwritten instead of added:"
    if lost is None:
        forks = ", ".join(map(subject.name, overwriting.forks))
        why = f"what is lost at {forks} is 0 here" if forks else "no value is read more than once"
        yield f"  nothing changes: {why}"
        return
    name = subject.name(lost.var)
    sender = _senders([lost.sent], subject)
    yield f"  wrong first at the fork {name}: what {sender} sends replaces what had arrived"
    yield f"  d{name} is then"
    yield indent(value_text(lost.wrong), "      ")
    yield "  instead of"
    yield indent(value_text(lost.right), "      ")
    spoilt = {each.var: each.error for each in overwriting.spoilt}
    for var in subject.wrt:
        yield f"  d{subject.name(var)}: {_error_text(spoilt[var]) if var in spoilt else 'right'}"


def _error_text(error: float) -> str:
    if not np.isfinite(error):
        return "wrong, it should be 0" if error > 0 else "wrong"
    share = "less than 1%" if error < 0.01 else f"{error:.0%}"
    return f"wrong, off by {share} of its largest entry"


def value_text(value: Any) -> str:
    """An array whole where it is small, else its range, mean, norm and zeros."""
    array = np.asarray(value)
    if 0 < array.size <= SMALL and array.ndim <= 2:
        array = array + 0 if array.dtype.kind == "f" else array  # 0 instead of -0
        rounds = not np.any((array != 0) & (np.abs(array) < SMALLEST))
        return np.array2string(array, precision=4, suppress_small=rounds, floatmode="maxprec")
    return long_summary(array)

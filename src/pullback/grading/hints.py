"""The next hint for someone who writes a backward pass: one at a time, and never the answer.

Which hint is next follows from what is there: from the error signals that the lines store so far,
and from the first wrong line. Nothing is remembered from one call to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..program import Equation, Var
from ..transforms.sweep import Contribution
from .facts import PARTIAL, Facts
from .faults import (
    FACTOR,
    MASK_MISSING,
    MASK_SIDE,
    NOT_ADDED,
    NOT_SUMMED,
    OVERWRITTEN,
    SIGN,
    TRANSPOSED,
)
from .point import Point
from .report import WrongLine
from .stored import Stored

QUESTIONS = {
    MASK_SIDE: "Through which entries does an error signal pass back, and where does it stop?",
    MASK_MISSING: "Does an error signal pass back through every entry?",
    SIGN: "In which direction does the loss change when this value grows?",
    TRANSPOSED: "Write the shapes beside it: which index is summed over, which ones stay?",
    NOT_ADDED: "How often is the value used in the forward pass, and what comes back from each?",
    OVERWRITTEN: "What did this variable hold before, and where has that gone?",
    FACTOR: "Differentiate what the loss does with one entry: is there a constant?",
    NOT_SUMMED: "Every sample uses the same entry: what becomes of what comes back from each?",
}
"""What to ask about a line that is wrong in one of these ways."""


def about_line(wrong: WrongLine) -> str:
    """The hint for a wrong line: where to look, and a question."""
    kind = next((k for k in QUESTIONS if wrong.kind.startswith(k)), None)
    question = QUESTIONS[kind] if kind else "What must its shape be, and what does it depend on?"
    return f"look at line {wrong.line}, which stores {wrong.name}. {question}"


def about_lines(suspects: Sequence[tuple[int, str]]) -> str:
    """The hint where the mistake is in one of several lines."""
    numbers = ", ".join(str(number) for number, _ in suspects)
    return f"look at the lines {numbers}. Store each step in a variable of its own, and ask again."


def next_step(point: Point, facts: Facts, stored: Sequence[Stored], wrt: Sequence[Var]) -> str:
    """The hint for a backward pass that is right so far and not complete.

    Args:
        point: Where it was called.
        facts: All derived values.
        stored: What its lines stored.
        wrt: The inputs whose gradients it must return.
    """
    needed = _needed(point, _known_signals(facts, stored), wrt)
    for var in _in_order(point, wrt):
        if var in needed:
            return _about(point, var, _has_part(facts, stored, var))
    names = ", ".join(f"d{point.forward.names[var]}" for var in wrt)
    return f"all error signals are there; return the gradients: {names}."


def _in_order(point: Point, wrt: Sequence[Var]) -> Iterator[Var]:
    """The named values in the order in which their error signals are complete, then inputs."""
    cotangents = {pull.equation.out: None for pull in point.derivation.pulls}
    yield from (var for var in cotangents if var.named)
    yield from (var for var in point.derivation.cotangents if var in wrt)


def _needed(point: Point, there: set[Var], wrt: Sequence[Var]) -> set[Var]:
    """The error signals that are not there and lead to gradients that are not there."""
    needed = {var for var in wrt if var not in there}
    for pull in reversed(point.derivation.pulls):
        out = pull.equation.out
        if out not in there and any(sent.target in needed for sent in pull.contributions):
            needed.add(out)
    return needed


def _known_signals(facts: Facts, stored: Sequence[Stored]) -> set[Var]:
    return {
        var
        for value in stored
        for var, factor in facts.cotangent_factors(value)
        if np.isclose(factor, 1.0)
    }


def _has_part(facts: Facts, stored: Sequence[Stored], var: Var) -> bool:
    parts = [fact for fact in facts.facts if fact.role == PARTIAL and fact.var is var]
    explained = [facts.explain(value) for value in stored]
    return any(e is not None and any(e.fact is part for part in parts) for e in explained)


def _about(point: Point, var: Var, has_part: bool) -> str:
    name, shape = point.forward.names[var], np.shape(point.sweep.values[var])
    uses = point.derivation.children(var)
    begin = f"next is the error signal of {name}, of shape {shape}. "
    if has_part:
        return begin + (
            f"One part of it is there; {name} is used {len(uses)} times, and what comes back from "
            "all uses is added."
        )
    if len(uses) > 1:
        begin += f"{name} is used {len(uses)} times; take what comes back from each, and add. "
    return begin + _about_use(point, uses[0])


def _about_use(point: Point, use: Contribution) -> str:
    equation = use.equation
    if equation is None:
        return "It is the loss itself."
    place = f" ({equation.where})" if equation.where else ""
    out = point.forward.names[equation.out] if equation.out.named else "the result"
    if not equation.primitive.elementwise and len(equation.inputs) == 2:
        return f"Which product with the error signal of {out} has this shape{place}?"
    if point.sweep.branches(use):
        return f"Through which entries does the error signal of {out} pass back{place}?"
    if _is_smaller(point, use, equation):
        return f"It takes part in many entries of {out}: over which axis is summed{place}?"
    return f"How does {out} change when an entry of it grows a little{place}?"


def _is_smaller(point: Point, use: Contribution, equation: Equation) -> bool:
    values = point.sweep.values
    return np.size(values[use.target]) < np.size(values[equation.out])

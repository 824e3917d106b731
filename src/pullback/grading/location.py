"""From a wrong gradient to the line: the backward pass runs once more, line by line."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .grade import Grade
from .recorder import MOST_STORED, Recorder
from .report import WrongLine
from .stored import Stored
from .suspects import Suspects
from .walk import Accusation, Walk


@dataclass(frozen=True)
class Located:
    """Where the mistake is.

    Attributes:
        first: The first wrong line, where one can be shown wrong.
        suspects: Else the lines (number, text) among which the mistake is.
        unseen: Why the lines could not be looked at; empty where they were.
    """

    first: WrongLine | None = None
    suspects: tuple[tuple[int, str], ...] = ()
    unseen: str = ""


def located(grade: Grade, backward: Callable[..., Any]) -> Located:
    """The first wrong line, or the lines among which the mistake is.

    Args:
        grade: A verdict with a wrong gradient.
        backward: The backward pass.
    """
    recorder = Recorder(backward)
    if not recorder.has_source:
        return Located(unseen="its source is not at hand")
    args, kwargs = grade.point.fresh_arguments()
    recorder.run(args, kwargs)
    if recorder.is_too_long:
        return Located(unseen=f"it stores more than {MOST_STORED} values")
    with np.errstate(all="ignore"):
        suspects = Suspects(grade, recorder)
        walk = Walk(suspects)
        accusation = walk.first_wrong()
    if accusation is None:
        return Located(suspects=_lines((*suspects.suspects, *walk.doubtful)))
    return Located(_wrong_line(accusation, _name(accusation, suspects)))


def _name(accusation: Accusation, suspects: Suspects) -> str:
    """The variable that the line stores; dW1 for a gradient that is returned without a name."""
    stored = accusation.stored
    for var, result in suspects.wrong.items():
        if result is stored and stored.name.startswith("return"):
            return f"d{suspects.grade.point.path(var)}"
    return stored.name


def _wrong_line(accusation: Accusation, name: str) -> WrongLine | None:
    statement = accusation.stored.statement
    if statement is None:
        return None
    return WrongLine(
        name=name,
        line=statement.first,
        text=statement.text,
        kind=accusation.kind,
        why=accusation.why,
        file=os.path.basename(statement.file),
    )


def _lines(suspects: tuple[Stored, ...]) -> tuple[tuple[int, str], ...]:
    statements = {s.statement for s in suspects if s.statement is not None}
    ordered = sorted(statements, key=lambda statement: statement.first)
    return tuple((statement.first, statement.text) for statement in ordered)

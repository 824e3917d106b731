"""From a wrong gradient to the line: the backward pass runs once more, line by line."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .grade import Grade
from .recorder import Recorder, TooLongError
from .report import WrongLine
from .statements import StatementsOfFile
from .stored import Stored
from .suspects import Suspects
from .walk import Accusation, Walk

Lines = tuple[tuple[int, str], ...]


def located(grade: Grade, backward: Callable[..., Any]) -> tuple[WrongLine | None, Lines]:
    """The first wrong line, or the lines among which the mistake is.

    Args:
        grade: A verdict with a wrong gradient.
        backward: The backward pass.

    Returns:
        (the line, ()) where one can be shown wrong, else (None, lines); no lines either where
        its source is not at hand or it stores too many values.
    """
    recorder = Recorder(backward)
    if recorder.source is None:
        return None, ()
    args, kwargs = grade.point.fresh_arguments()
    try:
        recorder.run(args, kwargs)
    except TooLongError:
        return None, ()
    with np.errstate(all="ignore"):
        suspects = Suspects(grade, recorder)
        walk = Walk(suspects)
        accusation = walk.first_wrong()
    if accusation is None:
        return None, _lines(recorder.source, (*suspects.suspects, *walk.doubtful))
    return _wrong_line(recorder, accusation), ()


def _wrong_line(recorder: Recorder, accusation: Accusation) -> WrongLine | None:
    stored, source = accusation.stored, recorder.source
    if stored.statement is None or source is None:
        return None
    return WrongLine(
        name=stored.name,
        line=stored.statement.first,
        text=source.text(stored.statement),
        kind=accusation.kind,
        why=accusation.why,
        file=os.path.basename(recorder.file),
    )


def _lines(source: StatementsOfFile, suspects: tuple[Stored, ...]) -> Lines:
    statements = {s.statement for s in suspects if s.statement is not None}
    ordered = sorted(statements, key=lambda statement: statement.first)
    return tuple((statement.first, source.text(statement)) for statement in ordered)

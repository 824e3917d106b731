"""The report with the next hint, for a backward pass that is being written."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UsageError
from ..program import Var
from .facts import Facts
from .grade import Grade, graded
from .hints import about_line, about_lines, next_step
from .kinks import choices
from .location import located
from .point import Point, Wrt
from .recorder import Recorder
from .report import BackwardCheck
from .returns import UnmatchedError
from .tolerance import scales
from .verdict import missing


def coached(point: Point, backward: Callable[..., Any], wrt: Wrt) -> BackwardCheck:
    """The report with one hint: about the first wrong line, or the next step where none is wrong.

    A backward pass that stops with an error, or returns nothing yet, is one that is not complete.
    """
    recorder = Recorder(backward)
    args, kwargs = point.fresh_arguments()
    stopped, grade = "", None
    try:
        grade = graded(point, recorder.run(args, kwargs), wrt)
    except NotImplementedError:
        pass
    except UnmatchedError as error:
        if error.suggestion:
            raise
        stopped = f"{error} "
    except UsageError as error:
        stopped = f"{error} "
    except (Exception, SystemExit) as error:  # of the code that is being written
        stopped = f"it stops with {type(error).__name__}: {error}. "
    if grade is not None:
        return _of_grade(grade, backward)
    wanted = _wanted(point, backward, wrt)
    verdicts = tuple(
        missing(point.path(var), np.zeros(np.shape(point.inputs[var]))) for var in wanted
    )
    with np.errstate(all="ignore"):
        facts = Facts(point, list(choices(point))[:1], scales(point))
        hint = stopped + next_step(point, facts, recorder.stored, wanted)
    return BackwardCheck(verdicts, hint=hint)


def _of_grade(grade: Grade, backward: Callable[..., Any]) -> BackwardCheck:
    verdicts = tuple(grade.verdicts.values())
    if grade.right:
        return BackwardCheck(verdicts, remarks=grade.remarks)
    place = located(grade, backward)
    if place.first is not None:
        hint = about_line(place.first)
    elif place.suspects:
        hint = about_lines(place.suspects)
    else:
        wrong = next(v for v in verdicts if not v.right)
        hint = f"d{wrong.name} is wrong; go through what it is computed from, line by line."
    return BackwardCheck(verdicts, remarks=grade.remarks, hint=hint)


def _wanted(point: Point, backward: Callable[..., Any], wrt: Wrt) -> tuple[Var, ...]:
    """The inputs whose gradients are asked for: by `wrt`, else those that its text speaks of."""
    if wrt is not None:
        return point.wanted(wrt)
    try:
        words = set(re.findall(r"\w+", inspect.getsource(backward)))
    except (OSError, TypeError):
        words = set()
    named = tuple(v for v in point.floating if f"d{point.forward.names[v]}" in words)
    return named or point.floating

"""Grading: a hand-written backward pass against the derived one.

`check_backward` grades a function at hand. Where a backward pass runs elsewhere, `point_at` gives
the arguments and derived gradients, and `graded` judges the arrays that came back.
"""

from .backward import check_backward
from .grade import Grade, graded
from .point import Point, point_at
from .report import BackwardCheck, WrongLine
from .returns import UnmatchedError
from .verdict import GradientVerdict

__all__ = [
    "BackwardCheck",
    "Grade",
    "GradientVerdict",
    "Point",
    "UnmatchedError",
    "WrongLine",
    "check_backward",
    "graded",
    "point_at",
]

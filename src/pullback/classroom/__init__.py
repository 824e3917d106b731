"""A class's hand-written backward passes, graded: strangers' code, run in closed rooms."""

from .exam import FAILED, RIGHT, WRONG, Exam, Marks, exam_of
from .grade import grade
from .inputs import input_sets
from .limits import Limits
from .protection import Protection, protection_of
from .sandbox import Answer, Sandbox
from .submissions import Submission, find_submissions, other_files

__all__ = [
    "FAILED",
    "RIGHT",
    "WRONG",
    "Answer",
    "Exam",
    "Limits",
    "Marks",
    "Protection",
    "Sandbox",
    "Submission",
    "exam_of",
    "find_submissions",
    "grade",
    "input_sets",
    "other_files",
    "protection_of",
]

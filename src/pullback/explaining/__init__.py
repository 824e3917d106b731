"""The backward pass explained: step by step, in the terminal, on a page."""

from .overwriting import Overwriting
from .step import Arrived, Sent, Step
from .steps import BackwardSteps, step_through
from .subject import Subject, subject_at

__all__ = [
    "Arrived",
    "BackwardSteps",
    "Overwriting",
    "Sent",
    "Step",
    "Subject",
    "step_through",
    "subject_at",
]

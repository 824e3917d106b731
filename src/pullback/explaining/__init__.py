"""The backward pass explained: step by step, in the terminal, on a page."""

from .subject import Subject, subject_at

__all__ = ["Subject", "subject_at"]

"""What went wrong, where (the user's own line), and what to do.

Every error that Pullback raises on purpose is a `PullbackError`. Its text is one clear sentence;
where the user's own code is the cause, the line that caused it follows on a second line.
"""

from __future__ import annotations

import linecache
import os
import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache
from types import FrameType
from typing import Any, NoReturn

_PACKAGE_FOLDER = os.path.dirname(os.path.abspath(__file__))
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class PullbackError(Exception):
    """Base of every error that Pullback raises on purpose."""


class TraceError(PullbackError, TypeError):
    """A function did something with a traced value that a program cannot record."""


class ShapeError(PullbackError, ValueError):
    """The shapes of an operation's inputs do not fit together."""


class ProgramError(PullbackError, ValueError):
    """A program is not well formed, or was called with values that do not fit its inputs."""


class UsageError(PullbackError, ValueError):
    """An argument or setting has a value that is not allowed."""


class GradientError(PullbackError, AssertionError):
    """A derived gradient and its numerical check disagree."""


class UndecidedError(GradientError):
    """A gradient can be called neither right nor wrong: it is not finite, or too unsteady."""


class TrainingError(PullbackError, ArithmeticError):
    """Training cannot go on: the loss is no longer a finite number.

    Attributes:
        run: The `Run` up to the step before, with the last good weights.
    """

    run: Any = None


class DataError(PullbackError, ValueError):
    """Data cannot be used as it is: a missing column, text where numbers belong, NaN."""


class StorageError(PullbackError, OSError):
    """A file could not be written or read."""


class MissingExtraError(PullbackError, ImportError):
    """A library of one of Pullback's extras is needed and not installed."""


@dataclass(frozen=True)
class Location:
    """A line of the user's own code."""

    file: str
    line: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.line).strip()
        place = f"{os.path.basename(self.file)}, line {self.line}"
        return f"{place}: {text}" if text else place


def is_internal(frame: FrameType) -> bool:
    """Whether a frame belongs to Pullback, NumPy or Python's own library, not to the user."""
    return _is_internal(frame.f_code.co_filename, frame.f_globals.get("__name__", ""))


@lru_cache(maxsize=4096)
def _is_internal(file: str, module: str) -> bool:
    of_python = file.startswith(_STANDARD_LIBRARY) and not any(x in file for x in _INSTALLED)
    return file.startswith(_PACKAGE_FOLDER) or module.startswith("numpy.") or of_python


def _is_of_command_line(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("pullback.cli.")


def user_location() -> Location | None:
    """The innermost line of the user's own code that is being executed, if there is one.

    What calls the command line is no code of the user's.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame):
        frame = None if _is_of_command_line(frame) else frame.f_back
    return None if frame is None else Location(frame.f_code.co_filename, frame.f_lineno)


def warn_user(message: str) -> None:
    """A warning that shows the user's line, or the caller's where there is none."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and is_internal(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=2 if is_internal(frame) else level)


def at(message: str, where: Location | None) -> str:
    """The message, and under it the user's line when it is known."""
    return message if where is None else f"{message}\n  at {where}"


def refuse(message: str) -> NoReturn:
    """Raise a `TraceError` that shows the user's line."""
    raise TraceError(at(message, user_location()))


def nearest(word: str, allowed: list[str]) -> str:
    """' Did you mean ...?' when one of the allowed words is close, else an empty text."""
    import difflib

    close = difflib.get_close_matches(word, allowed, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def printable(value: object) -> str:
    """A text from a file without what could steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))

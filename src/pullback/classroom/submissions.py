"""The files of a class: one Python file, or one folder, for each student."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError, UsageError

MAIN = "backward.py"
"""The file that counts, where a student's folder holds several."""

_LARGEST, _MOST_FILES = 1 << 20, 50


@dataclass(frozen=True)
class Submission:
    """What one student has handed in.

    Attributes:
        name: Of the student: the name of the file or folder.
        files: Python files by name, the one that counts first.
        failed: Why it cannot be graded; empty when it can.
    """

    name: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    failed: str = ""


def find_submissions(folder: Path, leave_out: Path) -> list[Submission]:
    """What lies in a folder: NAME.py, or NAME with a Python file in it, for each student.

    In a student's own folder the only Python file counts, or backward.py where there are
    several; it can import the others. Links are not followed; hidden files and names that begin
    with an underscore are left out, as are files of other kinds.

    Args:
        folder: Where the submissions lie.
        leave_out: A file that is none, should it lie there too.

    Returns:
        The submissions by name.

    Raises:
        UsageError: When there is no such folder, or no submission in it.
    """
    students = [path for path in _entries(folder, leave_out) if _is_submission(path)]
    if not students:
        raise UsageError(f"{folder} holds no submission: write one NAME.py for each student.")
    names = [path.stem if path.suffix == ".py" else path.name for path in students]
    return [
        _submission(path, name if names.count(name) == 1 else path.name)
        for path, name in zip(students, names, strict=True)
    ]


def other_files(folder: Path, leave_out: Path) -> list[str]:
    """The names in the folder that are no submissions, such as a notebook."""
    return [path.name for path in _entries(folder, leave_out) if not _is_submission(path)]


def _entries(folder: Path, leave_out: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.")
    left_out = os.path.realpath(leave_out)
    return [
        path
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if not path.name.startswith((".", "_")) and os.path.realpath(path) != left_out
    ]


def _is_submission(path: Path) -> bool:
    return path.suffix == ".py" or path.is_dir()


def _submission(path: Path, name: str) -> Submission:
    try:
        if path.is_symlink():
            raise DataError("it is a link, which is not followed")
        if path.is_dir():
            return Submission(name, _files_in(path))
        return Submission(name, {"submission.py": _read(path)})
    except DataError as error:
        return Submission(name, failed=str(error))
    except OSError as error:
        return Submission(name, failed=f"its folder cannot be read: {_reason(error)}")


def _files_in(folder: Path) -> dict[str, bytes]:
    found = sorted(p for p in folder.iterdir() if p.suffix == ".py" and p.name[0] != ".")
    if not 0 < len(found) <= _MOST_FILES:
        raise DataError(f"its folder holds {len(found)} Python files")
    first = found[0] if len(found) == 1 else folder / MAIN
    if first not in found:
        raise DataError(f"its folder holds {len(found)} Python files, none of them {MAIN}")
    return {path.name: _read(path) for path in [first, *(p for p in found if p != first)]}


def _read(path: Path) -> bytes:
    """The bytes of a file that is a file: no link, no pipe that nobody writes to, no device."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise DataError(f"{path.name} is no regular file")
            source = file.read(_LARGEST + 1)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {_reason(error)}") from None
    if len(source) > _LARGEST:
        raise DataError(f"{path.name} is larger than 1 MiB")
    return source


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

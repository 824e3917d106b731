"""A closed room for a function of a stranger's: inputs go in, arrays come out, nothing else."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, printable
from ..trees import flatten
from .arrays import read_arrays
from .inside.exchange import decode, encode
from .limits import Limits
from .process import Ended, run_process

Arguments = tuple[Sequence[Any], Mapping[str, Any]]
"""What a function is called with, by position and by name."""

LAYERS = ("user", "limits", "landlock", "seccomp")
"""What closes the room, in the order in which it is put on; "user" is for root alone."""

_START = "import sys; sys.path.insert(0, sys.argv[1]); from inside.runner import main; "
_ARGUMENTS = (
    *("-I", "-S", "-B", "-X", "utf8", "-c", f"{_START}main(int(sys.argv[2]))"),
    str(Path(__file__).parent),
)
_USERS = range(60706, 61184)  # numbers that no system gives away
_NO_ANSWER = "it handed on something that is no answer"
_TOO_MANY = "it handed on a container of too many values; each gradient must be one array"
_LONGEST_LINE = 1 << 16
_MOST_ARRAYS = 1024
_DEEPEST, _MOST_VALUES = 8, 512  # of a result: to find out whose gradients they are takes time
_SPARE = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What came out of the room.

    Attributes:
        results: What the function returned, one for each set of inputs.
        failed: Why there are none; empty when there are.
    """

    results: tuple[Any, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class Sandbox:
    """How functions of strangers are called.

    Attributes:
        limits: What each may use.
        layers: The layers of `LAYERS` that are put on; each must succeed.
        stop: When set, whatever runs is killed.
    """

    limits: Limits = field(default_factory=Limits)
    layers: Sequence[str] = ()
    stop: threading.Event = field(default_factory=threading.Event)

    def call(self, files: Mapping[str, bytes], function: str, sets: Sequence[Arguments]) -> Answer:
        """Call a function of a file once for each set of inputs, all in one process.

        Args:
            files: The Python files by name; the first defines the function.
            function: Its name.
            sets: Arguments by position and by name: arrays, numbers, nested tuples, lists and
                dicts of them.

        Returns:
            Its results, or one sentence why there are none.

        Raises:
            Stopped: When `stop` was set.
        """
        arrays: list[Any] = []
        trees = [encode((tuple(args), dict(kwargs)), arrays) for args, kwargs in sets]
        request = {"file": next(iter(files)), "function": function, "sets": trees}
        with self._room(request, arrays, files) as room:
            ended = self._run(room, 4 * sum(array.nbytes for array in arrays) + _SPARE)
        return _answer(ended, self.limits, len(sets))

    def try_out(self, port: int) -> tuple[list[str], list[str]]:
        """Try what a submission should not be able to do.

        Args:
            port: Of a server on this machine.

        Returns:
            The layers that could be put on, and what can be done in spite of them.

        Raises:
            DataError: When Python and NumPy do not run within the limits.
        """
        with _folder() as outside:
            file = outside / "private"
            file.write_text("private", encoding="utf-8")
            outside.chmod(0o755)
            file.chmod(0o644)
            trial = {"outside": str(file), "port": port}
            with self._room({"trial": True, **trial}, [], {}) as room:
                ended = self._run(room, _SPARE)
        told, _ = _parsed(ended.answer)
        if "open" not in told:
            raise DataError(_why(ended, self.limits) or str(told.get("failed")))
        return list(told["applied"]), list(told["open"])

    @contextmanager
    def _room(
        self, request: Mapping[str, Any], arrays: Sequence[Any], files: Mapping[str, bytes]
    ) -> Iterator[Path]:
        """A folder with all that the process gets, which it may read and not write."""
        user = secrets.choice(_USERS)
        settings = {
            "layers": list(self.layers),
            "user": user,
            "grader": os.getpid(),
            "site": str(Path(np.__file__).parents[1]),
            "cpu_seconds": self.limits.cpu_seconds,
            "memory_mib": self.limits.memory_mib,
            "arrays": len(arrays),
        }
        with _folder() as room:
            for name in ("inputs", "submission", "home"):
                (room / name).mkdir()
            for name, source in files.items():
                (room / "submission" / name).write_bytes(source)
            for number, array in enumerate(arrays):
                np.save(room / "inputs" / f"{number}.npy", array, allow_pickle=False)
            text = json.dumps({**settings, **request})
            (room / "request.json").write_text(text, encoding="utf-8")
            if "user" in self.layers:
                with suppress(OSError):  # no such user here: the layer cannot be put on either
                    _hand_to(room, user)
            yield room

    def _run(self, room: Path, most_bytes: int) -> Ended:
        most = {"answer": most_bytes, "output": self.limits.output_kib << 10}
        return run_process(_ARGUMENTS, room, self.limits.seconds, most, self.stop)


@contextmanager
def _folder() -> Iterator[Path]:
    """A new folder, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pullback-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hand_to(room: Path, group: int) -> None:
    """Let a group read what lies in a folder; all of it stays the owner's."""
    for path in (room, *room.rglob("*")):
        os.chown(path, -1, group)
        path.chmod(0o750 if path.is_dir() else 0o640)


def _answer(ended: Ended, limits: Limits, sets: int) -> Answer:
    """What a process has handed on, and nothing that is not as it must be."""
    why = _why(ended, limits)
    if why:
        return Answer(failed=why)
    try:
        told, arrays = _parsed(ended.answer)
        if "failed" in told:
            return Answer(failed=printable(told["failed"]).strip()[:500] or _NO_ANSWER)
        trees = told.get("sets")
        if not isinstance(trees, list) or len(trees) != sets:
            raise DataError(_NO_ANSWER)
        results = tuple(decode(tree, arrays, _DEEPEST) for tree in trees)
        if any(len(flatten(result)[0]) > _MOST_VALUES for result in results):
            raise DataError(_TOO_MANY)
        return Answer(results)
    except DataError as error:
        return Answer(failed=str(error))
    except (ValueError, RecursionError):
        return Answer(failed=_NO_ANSWER)


def _parsed(answer: bytes) -> tuple[dict[str, Any], list[Any]]:
    """The line of JSON, and the arrays behind it."""
    line, _, rest = answer.partition(b"\n")
    if len(line) > _LONGEST_LINE:
        raise DataError(_TOO_MANY)
    told = json.loads(line) if line else {}
    if not isinstance(told, dict):
        raise DataError(_NO_ANSWER)
    return told, read_arrays(rest, _MOST_ARRAYS)


def _why(ended: Ended, limits: Limits) -> str:
    """Why a process has no answer; empty when it has ended in good order."""
    if ended.stopped == "too long":
        return f"it ran for more than {limits.seconds:g} s"
    if ended.stopped == "too much output":
        return f"it printed more than {limits.output_kib:,} KiB"
    if ended.stopped:
        return "it handed on more than its inputs could need"
    if ended.code == -signal.SIGXCPU:
        return f"it used more than {limits.cpu_seconds:,} s of CPU time"
    if ended.code == -signal.SIGKILL:
        return "it was killed (SIGKILL), as happens when CPU time or memory runs out"
    if ended.code < 0:
        return f"it crashed ({_signal_name(-ended.code)})"
    if ended.code or not ended.answer:
        return f"it ended without an answer (exit code {ended.code})"
    return ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

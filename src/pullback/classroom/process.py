"""One process with a deadline: what it says is read up to a limit, and it always ends."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 16
_LOOK_EVERY = 0.1  # seconds: how soon a stop is seen

ENVIRONMENT = {
    "HOME": ".",
    "LANG": "C.UTF-8",
    # One thread: BLAS would take memory for each, and may start none.
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
"""All that a submission sees of the environment."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code; minus the number of the signal that ended it.
        answer: What it wrote to its pipe.
        output: What it printed.
        stopped: Why it was killed from outside; empty when it ended by itself.
    """

    code: int
    answer: bytes
    output: bytes
    stopped: str = ""


class Stopped(Exception):  # noqa: N818  # a request, not a mistake
    """The grader itself was asked to stop."""


def run_process(
    arguments: Sequence[str],
    folder: Path,
    seconds: float,
    most: Mapping[str, int],
    stop: threading.Event,
) -> Ended:
    """Run Python without the user's environment, in a session of its own.

    Args:
        arguments: What follows the interpreter; the number of the pipe's end is added.
        folder: Where it starts.
        seconds: Time on the clock.
        most: How many bytes it may write as "answer" and as "output".
        stop: When set, it is killed.

    Raises:
        Stopped: When `stop` was set.
    """
    with _reading_end() as (reading, writing):
        try:
            process = _started([*arguments, str(writing)], folder, writing)
        finally:
            os.close(writing)
        try:
            assert process.stdout is not None
            pipes = {"answer": reading, "output": process.stdout.fileno()}
            said, stopped = _listen(process, pipes, time.monotonic() + seconds, most, stop)
        finally:
            _kill(process)
    return Ended(process.returncode, said["answer"], said["output"], stopped)


def _started(arguments: Sequence[str], folder: Path, pipe: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(pipe,),
        start_new_session=True,
    )


def _listen(
    process: subprocess.Popen[bytes],
    pipes: Mapping[str, int],
    deadline: float,
    most: Mapping[str, int],
    stop: threading.Event,
) -> tuple[dict[str, bytes], str]:
    """What comes out of the pipes until the process ends, and why it must be killed."""
    said = {name: bytearray() for name in pipes}
    stopped = ""
    with selectors.DefaultSelector() as selector:
        for name, pipe in pipes.items():
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ, name)
        while not stopped:
            is_open = bool(selector.get_map())
            if not is_open:  # it may go on without its pipes
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_EVERY)
            ended = process.poll() is not None
            ready = selector.select(_LOOK_EVERY if is_open and not ended else 0)
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                said[key.data] += chunk
                if not chunk:
                    selector.unregister(key.fd)
                if len(said[key.data]) > most[key.data]:
                    stopped = f"too much {key.data}"
            if ended and not ready:  # somebody else may hold the pipes open
                break
            if stop.is_set():
                raise Stopped
            if time.monotonic() > deadline:
                stopped = "too long"
    return {name: bytes(text) for name, text in said.items()}, stopped


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its group, and take it off the list of processes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


@contextmanager
def _reading_end() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe; the end for reading is closed afterwards, the other by the user."""
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {**ENVIRONMENT, **kept}

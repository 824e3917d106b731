"""The worker processes of a benchmark: started when first asked, ended with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..errors import PullbackError
from .peers import OURS

GRACE = 5.0
"""Seconds that a worker has to end by itself."""


class WorkerError(PullbackError):
    """What an engine could not do, in one sentence."""


class Member:
    """A worker process.

    Args:
        engine: What it runs.
        threads: How many threads its libraries may have; 0 leaves the choice to them.
    """

    def __init__(self, engine: str, threads: int) -> None:
        self.engine, self.threads = engine, threads
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # `close` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pullback.benchmarks.worker", engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **environment(threads)},
            # Ctrl-C is for the process that asks; it ends the workers.
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )

    def ask(self, do: str, **arguments: Any) -> Any:
        """The value of one method of `worker.Worker`.

        Raises:
            WorkerError: When the engine fails, or its process ends.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{self.engine}: its process ended{self._last_words()}.")
        told = json.loads(line)
        if "error" in told:
            raise WorkerError(f"{self.engine}: {told['error']}")
        return told["value"]

    def close(self) -> None:
        """End the process."""
        with suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(0 if self._process.poll() is not None else GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def stop(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()
        self.close()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").splitlines()
        return f" ({lines[-1].strip()[:200]})" if lines else ""


class Crew:
    """The workers of a benchmark, one for each engine and number of threads."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, int], Member] = {}

    def member(self, engine: str, threads: int) -> Member:
        """The worker, started when it is asked for the first time."""
        key = engine, threads
        if key not in self._members:
            self._members[key] = Member(engine, threads)
        return self._members[key]

    def dismiss(self, member: Member) -> None:
        """End a worker; the next one asked for starts anew."""
        self._members = {key: m for key, m in self._members.items() if m is not member}
        member.stop()

    def dismiss_all(self) -> None:
        """End all workers. Who has answered waits for the next line and can be ended unharmed."""
        for member in list(self._members.values()):
            self.dismiss(member)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.dismiss_all()


def environment(threads: int) -> Mapping[str, str]:
    """What tells libraries how many threads they may have.

    XLA takes the size of its pool from NPROC, and still cuts products among threads of Eigen.
    """
    if not threads:
        return {}
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
    told = dict.fromkeys(names, count)
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        told["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    return told


def choices(engine: str, cores: int) -> tuple[int, ...]:
    """The numbers of threads to try: 1, 2, 4, ... and all; this project chooses by itself."""
    if engine in OURS:
        return (0,)
    powers = [2**k for k in range(cores.bit_length()) if 2**k < cores]
    return (*powers, cores)

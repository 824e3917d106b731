"""Workers of a benchmark without processes, and with times that a test sets."""

import json
from collections.abc import Callable
from functools import cache

import pytest

from pullback.benchmarks import suite
from pullback.benchmarks.crew import Crew, WorkerError
from pullback.benchmarks.peers import ENGINES
from pullback.benchmarks.worker import Worker, answer

WORKER = Worker("reference")
"""Plays all engines, whose libraries need not be installed."""


@cache
def answer_of(line):
    """The worker's answer; the same question is answered once."""
    return answer(WORKER, line)


class InProcess:
    """A member that answers as its process would; `change` may alter what it tells."""

    def __init__(self, engine, threads, change):
        self.engine, self.threads, self.change = engine, threads, change
        self.stopped = False

    def ask(self, do, **arguments):
        told = json.loads(answer_of(json.dumps({"do": do, **arguments})))
        if "error" in told:
            raise WorkerError(f"{self.engine}: {told['error']}")
        return self.change(self.engine, do, told["value"])

    def stop(self):
        self.stopped = True


class Played(Crew):
    """A crew of such members."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def member(self, engine, threads):
        key = engine, threads
        if key not in self._members:
            self._members[key] = InProcess(engine, threads, self.change)
        return self._members[key]


SECONDS = {"native": 1e-3, "reference": 2e-3, "jax": 3e-3, "scikit-learn": 1e-2, "pytorch": 5e-2}


def told_with_times(engine, do, value):
    """What a worker tells, with the seconds of `SECONDS`."""
    if do in ("round", "memory", "predict_one", "predict_many"):
        return value | {"seconds": SECONDS.get(engine, 1.0)}
    if do == "limit":
        return {
            "flops_per_second": 1e11,
            "bytes_per_second": 1e10,
            "bandwidths": [[1000, 1e11], [10**8, 1e10]],
            "threads": 2,
        }
    return value


@pytest.fixture
def set_times():
    """What played workers tell, to be changed further."""
    return told_with_times


@pytest.fixture
def played(monkeypatch):
    """Let the benchmark take played workers; returns what makes them tell something else."""

    def play(change: Callable = told_with_times, installed=ENGINES) -> Played:
        crew = Played(change)
        monkeypatch.setattr(suite, "Crew", lambda: crew)
        monkeypatch.setattr(suite, "missing", lambda e: [] if e in installed else [f"lib_{e}"])
        return crew

    return play

"""A process of its own for an engine: it answers one line of JSON with one line of JSON.

Engines do not share a process, since the threads of one would disturb the others, and since most
libraries read how many threads they may have when they are loaded.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from .memory import peak_bytes, resident_bytes, restart_peak
from .peers import Engine, engine
from .peers.protocol import Predict, Train
from .workload import Case, Workload

CALLS = 200
"""Calls of a round that predicts one row at a time."""

SHOWN = 256
"""Predicted labels that are compared between engines."""


class Worker:
    """What a process can do for the benchmark; each method is asked for by its name.

    Args:
        name: The engine; it is loaded when it is needed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.trainers: dict[str, tuple[Case, Train]] = {}
        self.predictor: tuple[Case, Predict] | None = None
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None:
            self._engine = engine(self.name)
        return self._engine

    def flavours(self, workload: dict[str, Any]) -> Any:
        """The version of the engine, and the ways it has to do a workload."""
        work = Workload.from_json(workload)
        return {"version": self.engine.version(), "flavours": self.engine.flavours(work)}

    def prepare(self, workload: dict[str, Any], flavour: str) -> Any:
        """Make what trains, and train one epoch: the time includes what is compiled."""
        case = Case.of(Workload.from_json(workload))
        case.params  # noqa: B018  # drawn before the clock starts
        self.trainers = {f: kept for f, kept in self.trainers.items() if _is_of(kept, case)}
        started = time.perf_counter()
        train = self.engine.trainer(case, flavour)
        train(1)
        self.trainers[flavour] = (case, train)
        return {"seconds": time.perf_counter() - started}

    def round(self, flavour: str, least_seconds: float) -> Any:
        """Train from the start again and again for a while: seconds of an epoch, and the loss.

        The first epoch of a run does not count, except of a run that has no other.
        """
        case, train = self.trainers[flavour]
        epochs, times, spent = case.workload.epochs, list[float](), 0.0
        while not times or spent < least_seconds:
            trained = train(epochs)
            times.append(statistics.fmean(trained.seconds[1:] or trained.seconds))
            spent += sum(trained.seconds)
        loss = case.loss(trained.layers)
        return {"seconds": statistics.median(times), "loss": loss, "runs": len(times)}

    def memory(self, workload: dict[str, Any], flavour: str, least_seconds: float) -> Any:
        """Prepare and one round: seconds of an epoch, and bytes above those before it.

        The arrays of the data are there before, and not counted.
        """
        case = Case.of(Workload.from_json(workload))
        case.params  # noqa: B018
        before = resident_bytes()
        restart_peak()
        train = self.engine.trainer(case, flavour)
        train(1)
        self.trainers[flavour] = (case, train)
        told: dict[str, Any] = self.round(flavour, least_seconds)
        peak = peak_bytes()
        return told | {"bytes": None if peak is None or before is None else peak - before}

    def prepare_predict(self, workload: dict[str, Any]) -> Any:
        """Make what predicts, with the initial weights; the labels of some rows."""
        case = Case.of(Workload.from_json(workload))
        started = time.perf_counter()
        predict = self.engine.predictor(case)
        predict(case.X)
        predict(case.X[:1])
        seconds = time.perf_counter() - started
        self.predictor = case, predict
        labels = [int(label) for label in predict(case.X[:SHOWN])]
        return {"seconds": seconds, "labels": labels, "version": self.engine.version()}

    def predict_one(self) -> Any:
        """Seconds of a call for one row: the median of many calls, each with another row."""
        assert self.predictor is not None
        case, predict = self.predictor
        times = []
        for i in range(CALLS):
            row = case.X[i % len(case.X)][None]
            started = time.perf_counter()
            predict(row)
            times.append(time.perf_counter() - started)
        return {"seconds": statistics.median(times)}

    def predict_many(self) -> Any:
        """Seconds of one call for all rows."""
        assert self.predictor is not None
        case, predict = self.predictor
        started = time.perf_counter()
        predict(case.X)
        return {"seconds": time.perf_counter() - started}

    def overhead(self) -> Any:
        """See `overhead.measured`."""
        from .overhead import measured

        return {"version": self.engine.version(), **measured(self.name)}

    def limit(self, seconds: float) -> Any:
        """See `limit.measured`."""
        from .limit import measured

        return measured(seconds)


def _is_of(kept: tuple[Case, Train], case: Case) -> bool:
    return kept[0].workload == case.workload


def answer(worker: Worker, line: str) -> str:
    """The answer to one line: {"value": ...}, or {"error": a sentence}."""
    asked = json.loads(line)
    method: Callable[..., Any] = getattr(worker, asked.pop("do"))
    try:
        return json.dumps({"value": method(**asked)})
    except Exception as error:
        text = " ".join(str(error).split())
        return json.dumps({"error": f"{type(error).__name__}: {text}"[:400]})


def main(name: str) -> None:
    """Answer until the input ends. What libraries print goes to standard error."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(name)
    for line in sys.stdin:
        print(answer(worker, line), file=channel, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

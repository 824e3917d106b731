"""Prediction measured: one row at a time, and very many rows at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from .crew import Crew, Member, WorkerError, choices
from .peers import OURS
from .results import Task, Timed
from .rounds import PAUSE, Effort
from .workload import Workload

WORK = Workload(name="predict", data="images", rows=100_000, widths=(784, 256, 10))
QUICK_WORK = Workload(name="predict", data="images", rows=5_000, widths=(784, 256, 10))

PEERS = ("scikit-learn", "pytorch", "jax", "onnxruntime")

REQUIRED = {
    "predict_one": {"scikit-learn": 20.0, "onnxruntime": 1.0},
    "predict_many": dict.fromkeys(PEERS, 1.0),
}
"""At least equal to the fastest, which means to each."""

ALIKE = 0.99
"""The share of rows that two engines must give the same label; rounding may turn near ties."""


def tasks_of(work: Workload = WORK) -> dict[str, Task]:
    """What is measured, and nothing measured yet: what a worker is asked -> the task."""
    widths = "-".join(map(str, work.widths))
    titles = {
        "predict_one": f"one row by {widths}",
        "predict_many": f"{work.rows:,} rows by {widths}",
    }
    return {
        do: Task(name=do.replace("_", "-"), title=title, unit="call", required=REQUIRED[do])
        for do, title in titles.items()
    }


def measure(
    crew: Crew,
    engines: Sequence[str],
    effort: Effort,
    cores: int,
    work: Workload = WORK,
    on_round: Callable[[str], None] = lambda text: None,
    keep: Callable[[Task], None] = lambda task: None,
) -> None:
    """Two tasks, given to `keep` before their first rounds; arguments as `rounds.measure`."""
    tasks = tasks_of(work)
    for task in tasks.values():
        keep(task)
    members: dict[str, list[Member]] = {}
    told: dict[tuple[str, int], dict[str, object]] = {}
    labels: dict[str, list[int]] = {}
    for engine in [engine for engine in engines if engine in (*OURS, *PEERS)]:
        on_round(f"predict: {engine} is prepared")
        counts = choices(engine, cores)
        if effort.threads is not None and engine not in OURS:
            counts = effort.threads
        try:
            for threads in counts:
                member = crew.member(engine, threads)
                prepared = member.ask("prepare_predict", workload=work.to_json())
                told[engine, threads] = prepared
                labels[engine] = prepared["labels"]
                members.setdefault(engine, []).append(member)
        except WorkerError as error:
            for task in tasks.values():
                (task.problems if engine in OURS else task.notes).append(str(error))
            members.pop(engine, None)
    for do, task in tasks.items():
        best: list[tuple[Timed, Member]] = []
        for engine, candidates in members.items():
            first = {m: m.ask(do)["seconds"] for m in candidates} if len(candidates) > 1 else {}
            member = min(candidates, key=lambda m: first.get(m, 0.0))
            prepared = told[engine, member.threads]
            timed = Timed(
                engine,
                str(prepared["version"]),
                threads=member.threads,
                prepare_seconds=float(str(prepared["seconds"])),
            )
            best.append((timed, member))
            task.engines.append(timed)
        for number in range(effort.rounds):
            on_round(f"{task.name}: round {number + 1} of {effort.rounds}")
            for timed, member in best:
                time.sleep(PAUSE)
                timed.rounds.append(member.ask(do)["seconds"])
        task.problems += unlike(labels)
    for member in [m for some in members.values() for m in some]:
        crew.dismiss(member)  # the rows of all of them together take gigabytes


def unlike(labels: dict[str, list[int]]) -> list[str]:
    """A sentence for each engine whose labels are not those of the first."""
    if not labels:
        return []
    first, *others = labels
    sentences = []
    for engine in others:
        share = float(np.mean(np.equal(labels[engine], labels[first])))
        if share < ALIKE:
            sentences.append(f"{engine} and {first} give {1 - share:.0%} of rows another label.")
    return sentences

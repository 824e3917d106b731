"""A whole benchmark: its parts one after the other; Ctrl-C keeps what was measured."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ..data import read_idx_folder
from ..errors import UsageError, nearest
from . import cold, growth, overhead, predicting, rounds
from .crew import Crew, WorkerError
from .machine import load, machine
from .peers import ENGINES, missing
from .results import Report, Task
from .rounds import Effort
from .workload import Workload
from .workloads import QUICK, TINY, WORKLOADS, quick_form

PARTS: Mapping[str, Callable[[], Mapping[str, Task]]] = {
    "predict": predicting.tasks_of,
    "cold": cold.tasks_of,
    "overhead": overhead.tasks_of,
}
"""What is measured besides training, by names as workloads have them -> its tasks."""

LIMIT_SECONDS = 2.0

OnProgress = Callable[[int, int, str], None]
"""Told (parts done, parts in all, what comes next)."""


def names() -> list[str]:
    """All that may be asked for."""
    return [*WORKLOADS, *PARTS, TINY.name]


def tasks_of(name: str) -> list[Workload | Task]:
    """What a name stands for: each has a title, ratios that are required, and a share."""
    return [*PARTS[name]().values()] if name in PARTS else [_work(name, quick=False)]


def benchmark(
    chosen: Sequence[str] | None = None,
    *,
    quick: bool = False,
    grow: bool = False,
    engines: Sequence[str] | None = None,
    number_of_rounds: int | None = None,
    mnist: str | os.PathLike[str] | None = None,
    on_progress: OnProgress = lambda done, parts, text: None,
) -> Report:
    """Measure this project and its peers on the same work.

    Every engine trains on the same arrays from the same weights for the same number of steps, and
    all must reach the same loss. They take turns, so that the machine's moods fall on all alike.

    Args:
        chosen: Names of workloads and parts (`names()`); all when None, those of the quick form
            when it is quick.
        quick: Whether it only shows how it runs: fewer workloads, rounds and epochs, one thread.
        grow: Whether growth with rows, width, depth and batch size is measured too.
        engines: Who takes part; all that are installed when None.
        number_of_rounds: Of each workload; at least 1.
        mnist: The folder of MNIST's files, whose images are then used; images are drawn when None.
        on_progress: Told how far it is.

    Returns:
        What was found. After Ctrl-C, what was found until then; `interrupted` tells.

    Raises:
        UsageError: When there is no such workload or engine.
        DataError: When the folder has no such files.

    Example:
        >>> from pullback.benchmarks import benchmark
        >>> report = benchmark(["tiny"], quick=True, engines=["reference"])
        >>> [task.name for task in report.tasks]
        ['tiny']
    """
    selected = _selected(chosen, quick)
    effort = rounds.QUICK if quick else Effort()
    if number_of_rounds is not None:
        effort = _with_rounds(effort, number_of_rounds)
    folder = "" if mnist is None else _checked_folder(mnist)
    report = Report(machine(), quick, load_before=load(), images="MNIST" if folder else "drawn")
    able = _able(engines, report)
    cores = int(report.machine["cores"])
    works = [replace(_work(name, quick), folder=folder) for name in selected if name not in PARTS]
    total = sum(len(able) + effort.rounds for _ in works)
    total += ("predict" in selected) * (len(able) + 2 * effort.rounds)
    total += ("cold" in selected) * (effort.rounds + 1)
    total += ("overhead" in selected) * effort.rounds
    total += len(growth.points(quick)) * len(set(able) & set(growth.ENGINES)) if grow else 0
    count = 0

    def on_round(text: str) -> None:
        nonlocal count
        on_progress(min(count, total), total, text)
        count += 1

    arguments: dict[str, Any] = {"on_round": on_round, "keep": report.tasks.append}
    try:
        with Crew() as crew:
            if "native" in able:
                on_progress(0, total, "what the machine can do at most")
                _measure_limit(crew, report, quick)
            for work in works:
                task = rounds.measure(work, crew, able, effort, cores, **arguments)
                if report.limit is not None:
                    task.limit_seconds = work.limit_seconds(report.limit)
            find_cliffs(report)
            if "predict" in selected:
                work = predicting.QUICK_WORK if quick else predicting.WORK
                work = replace(work, folder=folder)
                predicting.measure(crew, able, effort, cores, work, **arguments)
            if "overhead" in selected:
                overhead.measure(crew, able, effort, **arguments)
            if "cold" in selected:
                cold.measure(able, effort, **arguments)
            if grow:
                growth.measure(crew, able, effort, cores, quick, on_round, report.growth.append)
    except KeyboardInterrupt:
        report.interrupted = True
        report.tasks = [task for task in report.tasks if any(t.rounds for t in task.engines)]
    report.load_after = load()
    on_progress(total, total, "done")
    return report


def _selected(chosen: Sequence[str] | None, quick: bool) -> list[str]:
    """Of the names asked for, in the order of the table."""
    for name in chosen or ():
        if name not in names():
            raise UsageError(
                f"There is no workload {name!r}; there are {', '.join(names())}."
                f"{nearest(name, names())}"
            )
    if chosen:
        return [name for name in names() if name in chosen]
    return [*(QUICK if quick else WORKLOADS), *PARTS]


def _checked_folder(folder: str | os.PathLike[str]) -> str:
    """The folder as the processes of the engines find it; its files are read once."""
    read_idx_folder(folder)
    return os.path.abspath(folder)


def _with_rounds(effort: Effort, count: int) -> Effort:
    if count < 1:
        raise UsageError(f"rounds={count!r}: there must be at least 1.")
    return replace(effort, rounds=count)


def _able(engines: Sequence[str] | None, report: Report) -> list[str]:
    """Those that take part and whose libraries are here; the report tells who is left out."""
    for engine in engines or ():
        if engine not in ENGINES:
            raise UsageError(
                f"There is no engine {engine!r}; there are {', '.join(ENGINES)}."
                f"{nearest(engine, list(ENGINES))}"
            )
    able = []
    for engine in ENGINES if engines is None else engines:
        lacking = missing(engine)
        if lacking:
            report.left_out[engine] = f"needs {' and '.join(lacking)}"
        else:
            able.append(engine)
    return able


def _work(name: str, quick: bool) -> Workload:
    work = TINY if name == TINY.name else WORKLOADS[name]
    return quick_form(work) if quick else work


def _measure_limit(crew: Crew, report: Report, quick: bool) -> None:
    """Flops and bytes per second; Numba, which the native engine needs, compiles the loops."""
    member = crew.member("native", 0)
    try:
        report.limit = member.ask("limit", seconds=0.2 if quick else LIMIT_SECONDS)
    except WorkerError as error:
        report.left_out["limit"] = str(error)


CLIFF = 1.3
"""How much faster than its products the time of a width may grow from one to the next."""


def find_cliffs(report: Report) -> None:
    """Add a problem where a network that is little wider takes much longer."""
    widths = [t for t in report.tasks if t.name.startswith("width-") and t.base is not None]
    for before, after in pairwise(widths):
        if before.base is None or after.base is None:
            continue
        grown = after.base.median / before.base.median
        more = after.facts["flops"] / before.facts["flops"]
        if grown > CLIFF * more:
            after.problems.append(
                f"it takes {grown:.2f}x as long as {before.name}, with {more:.2f}x the products."
            )

"""A workload measured: every engine prepared first, then rounds in turn, A B C, A B C, ..."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .crew import Crew, Member, WorkerError, choices
from .peers import OURS
from .results import Task, Timed
from .workload import Workload

PAUSE = 0.02
"""Seconds between two engines, in which threads that wait by spinning go to sleep."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: Of each engine.
        least_seconds: Of a round: short runs are repeated.
        threads: The numbers of threads that peers try; None for 1, 2, 4, ... and all cores.
        all_flavours: Whether peers try all of their ways, else the first.
    """

    rounds: int = 9
    least_seconds: float = 0.5
    threads: tuple[int, ...] | None = None
    all_flavours: bool = True


QUICK = Effort(rounds=2, least_seconds=0.02, threads=(1,), all_flavours=False)
"""Shows how it runs; its numbers are rough."""


@dataclass(frozen=True)
class Runner:
    """An engine in its fastest way, ready for rounds."""

    timed: Timed
    member: Member


def measure(
    work: Workload,
    crew: Crew,
    engines: Sequence[str],
    effort: Effort,
    cores: int,
    on_round: Callable[[str], None] = lambda text: None,
    keep: Callable[[Task], None] = lambda task: None,
) -> Task:
    """Time the engines at one workload.

    Args:
        work: What is done.
        crew: Where the workers come from.
        engines: Who takes part.
        effort: How much is measured.
        cores: How many threads there may be at most.
        on_round: Told what comes next.
        keep: Given the task before the first round, so that an interrupt loses nothing.

    Returns:
        The task, with losses compared.
    """
    task = Task(
        name=work.name,
        title=work.title,
        required=work.required,
        agreement=work.agreement,
        floor=work.floor,
        share=work.share,
        zeros=work.zeros,
        facts=work.to_json() | {"flops": work.flops},
    )
    keep(task)
    runners = []
    for engine in engines:
        if engine in work.without:
            continue
        on_round(f"{work.name}: {engine} is prepared")
        try:
            runner = fastest(work, crew, engine, effort, cores)
        except WorkerError as error:
            told = task.problems if engine in OURS else task.notes
            told.append(f"{error}")
            continue
        if runner is not None:
            runners.append(runner)
            task.engines.append(runner.timed)
    for number in range(effort.rounds):
        on_round(f"{work.name}: round {number + 1} of {effort.rounds}")
        for runner in runners:
            time.sleep(PAUSE)
            timed = runner.timed
            told = runner.member.ask(
                "round", flavour=timed.flavour, least_seconds=effort.least_seconds
            )
            timed.rounds.append(told["seconds"])
            timed.loss = told["loss"]
    task.compare_losses()
    return task


def fastest(work: Workload, crew: Crew, engine: str, effort: Effort, cores: int) -> Runner | None:
    """The engine at its best number of threads and in its best way, by one run of each."""
    best: tuple[float, Runner] | None = None
    told = work.to_json()
    counts = choices(engine, cores)
    if effort.threads is not None and engine not in OURS:
        counts = effort.threads
    for threads in counts:
        member = crew.member(engine, threads)
        able = member.ask("flavours", workload=told)
        flavours = able["flavours"] if effort.all_flavours else able["flavours"][:1]
        for flavour in flavours:
            prepared = member.ask("prepare", workload=told, flavour=flavour)
            timed = Timed(
                engine,
                able["version"],
                threads=threads,
                flavour=flavour,
                prepare_seconds=prepared["seconds"],
            )
            runner = Runner(timed, member)
            if len(counts) * len(flavours) == 1:
                return runner
            seconds = member.ask("round", flavour=flavour, least_seconds=0.0)["seconds"]
            if best is None or seconds < best[0]:
                best = seconds, runner
    return None if best is None else best[1]

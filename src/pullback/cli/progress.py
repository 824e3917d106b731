"""Watching a run: a moving bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ..training import Progress

LINES = 10
SECONDS_BETWEEN_UPDATES = 1 / 15

Watcher = Callable[[Progress], None]


@contextmanager
def watched(console: Console) -> Iterator[Watcher]:
    """What to call after each step; it draws a bar on a terminal and prints lines elsewhere."""
    if not console.is_terminal:
        yield lambda progress: _line(console, progress)
        return
    columns = (
        TextColumn("  epoch {task.fields[epoch]}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[result]}", markup=False),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Bar(*columns, console=console, expand=True) as bar:
        yield _Throttled(bar)


class _Throttled:
    """Draws a bar a few times a second: a step may take microseconds."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar
        self.task = bar.add_task("", epoch="", result="", total=1)
        self.next = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter()
        total = progress.epochs * progress.steps
        done = (progress.epoch - 1) * progress.steps + progress.step
        if now < self.next and done < total:
            return
        self.next = now + SECONDS_BETWEEN_UPDATES
        width = len(str(progress.epochs))
        self.bar.update(
            self.task,
            total=total,
            completed=done,
            epoch=f"{progress.epoch:>{width}}/{progress.epochs}",
            result=_result(progress),
        )


def _line(console: Console, progress: Progress) -> None:
    """One line at the end of an epoch, for at most `LINES` epochs and always for the last."""
    if progress.step < progress.steps or not _is_shown(progress.epoch, progress.epochs):
        return
    width = len(str(progress.epochs))
    console.print(
        f"  epoch {progress.epoch:>{width}} of {progress.epochs}   {_result(progress)}",
        soft_wrap=True,
    )


def _is_shown(epoch: int, epochs: int) -> bool:
    """Whether the epoch is the last of one of `LINES` equal parts of the run."""
    parts = min(LINES, epochs)
    return epoch * parts // epochs > (epoch - 1) * parts // epochs


def _result(progress: Progress) -> str:
    accuracy = "" if progress.accuracy is None else f"   accuracy {progress.accuracy:.4f}"
    return f"loss {progress.loss:.4f}{accuracy}"

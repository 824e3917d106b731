"""Watching a run: a moving bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ..training import Callback, Progress, Training
from .report import readable

LINES = 10
SECONDS_BETWEEN_UPDATES = 1 / 15


class Watcher(Callback):
    """Shows how far a run is.

    Args:
        show: Called with the progress after each step, or after several.
    """

    each_step = False

    def __init__(self, show: Callable[[Progress], None]) -> None:
        self.show = show

    def on_step(self, training: Training, progress: Progress) -> None:
        """Show the step."""
        self.show(progress)

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """Show the iteration of a solver, which has no steps of its own."""
        if training.epoch and not training.step:
            done, accuracy = training.epoch, record.get("accuracy")
            self.show(Progress(done, training.epochs, 1, 1, record["loss"], accuracy))


def watcher_of_nothing() -> Watcher:
    """One that shows nothing, for a look at a run."""
    return Watcher(lambda progress: None)


@contextmanager
def watched(console: Console) -> Iterator[Watcher]:
    """What watches a run; it draws a bar on a terminal and prints lines elsewhere."""
    if not console.is_terminal:
        yield Watcher(lambda progress: _line(console, progress))
        return
    with _bar(console, "  epoch {task.fields[epoch]}", "{task.fields[result]}") as bar:
        yield Watcher(_Throttled(bar))


@contextmanager
def counted(console: Console) -> Iterator[Callable[[int, int], None]]:
    """What to call with (parts done, parts in all); it draws a bar on a terminal only."""
    if not console.is_terminal:
        yield lambda done, parts: None
        return
    with _bar(console, "  part {task.completed:.0f} of {task.total:.0f}") as bar:
        task = bar.add_task("", total=1)
        yield lambda done, parts: bar.update(task, completed=done, total=parts)


def _bar(console: Console, before: str, *after: str) -> Bar:
    return Bar(
        TextColumn(before, markup=False),
        BarColumn(bar_width=None),
        *(TextColumn(text, markup=False) for text in after),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        expand=True,
    )


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
    return f"loss {readable(progress.loss)}{accuracy}"

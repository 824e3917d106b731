"""`pullback bench`: this project and its peers on the same work, side by side."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from ..benchmarks import Report, benchmark, markdown, names, words
from ..benchmarks.suite import OnProgress, tasks_of
from ..errors import PullbackError, StorageError, UsageError
from ..storage import write_atomic
from .console import console_for
from .display import heading
from .named import one_of
from .outcome import STOPPED, EndedEarlyError
from .panels import flag, option
from .work import require

_MEASURED, _KEPT = "What is measured", "Where it goes"


def bench(
    workload: Annotated[
        list[str] | None,
        option(_MEASURED, "NAME", "A workload or part by its name; again for more."),
    ] = None,
    quick: Annotated[
        bool, flag(_MEASURED, "--quick", "So brief that it shows how it runs, not what is true.")
    ] = False,
    growth: Annotated[
        bool, flag(_MEASURED, "--growth", "Also how time and memory grow with the sizes.")
    ] = False,
    rounds: Annotated[int | None, option(_MEASURED, "NUMBER", "Rounds of each workload.")] = None,
    listed: Annotated[
        bool, flag(_MEASURED, "--list", "Only list the workloads and what is required.")
    ] = False,
    mnist: Annotated[
        Path | None,
        option(_MEASURED, "FOLDER", "Use the images of MNIST there; else images are drawn."),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="All numbers.", rich_help_panel=_KEPT),
    ] = None,
    picture: Annotated[
        Path | None, option(_KEPT, "FILE", "Ratios; growth goes beside it, to NAME-growth.")
    ] = None,
    markdown_file: Annotated[
        Path | None,
        typer.Option(
            "--markdown",
            metavar="FILE",
            rich_help_panel=_KEPT,
            help="A page whose tables are written anew.",
        ),
    ] = None,
) -> None:
    """Measure this project and its peers on the same work: times, ratios, what is required.

    Every engine trains on the same arrays from the same weights for the same number of steps, and
    all must reach the same loss. Peers that are not installed are left out; `make bench` installs
    them in an environment of their own.

    \b
    Examples:
      pullback bench --quick
      pullback bench --workload small --workload digits
      pullback bench --json bench.json --picture bench.png
    """
    console = console_for(sys.stdout)
    if listed:
        _list(console)
        return
    chosen = [one_of("--workload", name, names()) for name in workload or []]
    if rounds is not None and rounds < 1:
        raise UsageError(f"--rounds {rounds}: there must be at least 1.")
    _check_files(json_file, picture, markdown_file)
    with _watched(console) as on_progress:
        report = benchmark(
            chosen,
            quick=quick,
            grow=growth,
            number_of_rounds=rounds,
            mnist=mnist,
            on_progress=on_progress,
        )
    _show(console, report)
    _save(console, report, json_file, picture, markdown_file)
    if report.interrupted:
        raise EndedEarlyError("stopped; what was measured until then stands above.", STOPPED)


def _check_files(json_file: Path | None, picture: Path | None, page: Path | None) -> None:
    """Refuse to begin what could not be saved at the end."""
    for option_name, path in (("--json", json_file), ("--picture", picture), ("--markdown", page)):
        if path is not None:
            _refuse_unless_writable(option_name, path)
    if picture is not None:
        require("matplotlib")
    if page is not None:
        markdown.around(page)


def _refuse_unless_writable(option_name: str, path: Path) -> None:
    folder = os.path.dirname(os.path.realpath(path))  # a link is followed when it is written
    if os.path.isdir(path):
        raise UsageError(f"{option_name} {path}: it is a folder; name a file in it.")
    if not os.path.isdir(folder):
        raise UsageError(f"{option_name} {path}: there is no folder {path.parent}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{option_name} {path}: permission to write to its folder is missing.")


def _list(console: Console) -> None:
    heading(console, "WORKLOADS", "pullback bench --workload NAME measures one")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    table.add_column()
    for name in names():
        for i, task in enumerate(tasks_of(name)):
            wanted = [f"{engine} {ratio:g}x" for engine, ratio in task.required.items()]
            wanted += [f"{task.share:.0%} of the limit"] if task.share else []
            table.add_row("" if i else name, task.title, ", ".join(wanted))
    console.print(Padding.indent(table, 2))


@contextmanager
def _watched(console: Console) -> Iterator[OnProgress]:
    """A bar on a terminal; elsewhere a line for each workload."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    bar = Bar(
        TextColumn("  {task.description}", markup=False),
        BarColumn(bar_width=None),
        TimeElapsedColumn(),
        console=console,
        expand=True,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=1)
        yield lambda done, parts, text: bar.update(
            task, completed=done, total=parts, description=text
        )


class _Lines:
    """Prints the beginning of what comes next, where it is another one."""

    def __init__(self, console: Console) -> None:
        self.console, self.before = console, ""

    def __call__(self, done: int, parts: int, text: str) -> None:
        name = text.partition(":")[0]
        if name not in (self.before, "done"):
            self.console.print(f"  measuring: {name}", soft_wrap=True)
        self.before = name


def _show(console: Console, report: Report) -> None:
    heading(console, "MACHINE", words.machine_text(report))
    console.print()
    if report.tasks:
        heading(
            console, "TIMES", "medians of rounds in turn; ratio: how many times as long as ours"
        )
        for task in report.tasks:
            console.print(f"  {task.name}: {task.title}", style="bold", soft_wrap=True)
            _rows(console, words.rows(task))
    heading(console, "SEEN", words.count(report))
    for remark in words.remarks(report):
        console.print(f"  {remark}", soft_wrap=True)


def _rows(console: Console, rows: list[tuple[str, ...]]) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for i, column in enumerate(words.COLUMNS):
        table.add_column(column, justify="left" if i < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row, style="bold red" if row[-1].endswith("NO") else None)
    console.print(Padding.indent(table, 4))
    console.print()


def _save(
    console: Console,
    report: Report,
    json_file: Path | None,
    picture: Path | None,
    page: Path | None,
) -> None:
    """Write all files; one that fails keeps no other from being written."""
    saved, failures = [], []
    for path, write in _files(report, json_file, picture, page):
        try:
            write()
        except PullbackError as error:
            failures.append(str(error))
        else:
            saved.append(path)
    if saved:
        console.print()
        heading(console, "SAVED", ", ".join(map(str, saved)))
    if failures:
        raise StorageError(" ".join(failures))


def _files(
    report: Report, json_file: Path | None, picture: Path | None, page: Path | None
) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Each file, and what writes it."""
    if json_file is not None:
        text = json.dumps(report.to_json(), indent=1) + "\n"
        yield json_file, partial(write_atomic, json_file, text)
    if picture is not None:
        yield from _pictures(report, picture)
    if page is not None:
        yield page, partial(markdown.write, page, report)


def _pictures(report: Report, picture: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    from ..pictures.benchmarks import growth_figure, ratios_figure
    from ..pictures.style import save

    if any(task.base is not None for task in report.tasks):
        yield picture, partial(save, picture, lambda: ratios_figure(report))
    if report.growth:
        beside = picture.with_name(f"{picture.stem}-growth{picture.suffix}")
        yield beside, partial(save, beside, lambda: growth_figure(report.growth))

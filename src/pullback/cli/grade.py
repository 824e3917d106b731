"""`pullback grade FOLDER --against FILE.py`: a class's hand-written backward passes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..classroom import (
    FAILED,
    RIGHT,
    WRONG,
    Exam,
    Limits,
    Marks,
    Protection,
    Sandbox,
    exam_of,
    find_submissions,
    grade,
    input_sets,
    other_files,
    protection_of,
)
from ..classroom.table import to_csv
from ..errors import StorageError, UsageError, printable
from ..storage import write_atomic
from .console import console_for
from .display import heading
from .files import Files
from .inputs import EXAMPLE, example_of, parted
from .progress import counted

_USUAL = Limits()
_STYLES = {RIGHT: "green", WRONG: "yellow", FAILED: "red"}


def grade_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="NAME.py, or a folder NAME, for each student.")
    ],
    against: Annotated[
        str,
        typer.Option(
            metavar="FILE.py[:NAME]", help="The forward pass (forward) and its example_inputs()."
        ),
    ],
    function: Annotated[
        str, typer.Option(metavar="NAME", help="What the submitted function is called.")
    ] = "backward",
    wrt: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Inputs whose gradients are worth a point each, such as W1,W2.",
            show_default="the file's list wrt, else all floating inputs",
        ),
    ] = None,
    sets: Annotated[
        int, typer.Option(help="Sets of inputs; a gradient must be right for all of them.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="What the further sets are made from.")] = 0,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the marks there, as CSV.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write even if the --csv file exists.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(help="Time on the clock for each submission.")
    ] = _USUAL.seconds,
    cpu_seconds: Annotated[
        int, typer.Option(help="Time on the processor for each submission.")
    ] = _USUAL.cpu_seconds,
    memory: Annotated[
        int, typer.Option(metavar="MIB", help="Memory for each; NumPy takes about 200 of it.")
    ] = _USUAL.memory_mib,
    output: Annotated[
        int, typer.Option(metavar="KIB", help="What each may print.")
    ] = _USUAL.output_kib,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Submissions that run at the same time.", show_default="one for each processor"
        ),
    ] = None,
    allow_unprotected: Annotated[
        bool,
        typer.Option("--allow-unprotected", help="Go on where this system cannot close all doors."),
    ] = False,
) -> None:
    """Grade a class: points for each gradient, in a table and as CSV.

    FOLDER holds NAME.py for each student, or a folder NAME with one Python file (or backward.py
    and what it imports). Each defines backward(...) with the arguments of the forward pass and
    returns gradients in any form that pullback check understands. FILE.py has forward(...) and
    example_inputs(), a dict of arguments by name. Where example_inputs takes a seed, the further
    sets of inputs have other seeds; else the rows of each array are permuted.

    Submissions are strangers' code. Each runs in a process of its own, as another user when you
    are root, without network, other files and other processes, with limits; what this system
    cannot close is said before the first one runs.

    \b
    Examples:
      pullback grade submissions --against forward.py --csv marks.csv
      pullback grade submissions --against net.py:loss --wrt W1,W2 --sets 5
    """
    if csv is not None:
        _refuse_unless_writable(csv, force)
    limits = Limits(seconds, cpu_seconds, memory, output)
    jobs = _jobs(jobs)
    exam = _exam(against, wrt, sets, seed)
    submissions = find_submissions(folder, _parted(against)[0])
    console = console_for(sys.stdout)
    protection = _protection(limits, allow_unprotected)
    _announce(console, folder, len(submissions), against, exam, sets)
    left_out = other_files(folder, _parted(against)[0])
    if left_out:
        heading(console, "LEFT OUT", f"no Python files: {printable(', '.join(left_out))}")
        console.print()
    if protection.sentence:
        heading(console, "UNPROTECTED", protection.sentence)
        console.print()
    sandbox = Sandbox(limits, protection.layers)
    with counted(console) as on_progress:
        marks = grade(exam, submissions, sandbox, function, jobs, on_progress)
    _show(console, exam, marks)
    if csv is not None:
        write_atomic(csv, to_csv(marks))
        console.print()
        heading(console, "SAVED", str(csv))


def _refuse_unless_writable(csv: Path, force: bool) -> None:
    """Rather before a class is graded than afterwards."""
    if csv.is_dir():
        raise StorageError(f"--csv {csv}: it is a folder; name a file in it.")
    if not csv.parent.is_dir():
        raise StorageError(f"--csv {csv}: there is no folder {csv.parent}.")
    if csv.exists() and not force:
        raise StorageError(f"{csv} exists already: choose another file or add --force.")


def _jobs(asked: int | None) -> int:
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if asked < 1:
        raise UsageError(f"--jobs {asked}: it must be at least 1.")
    return asked


def _exam(against: str, wrt: str | None, sets: int, seed: int) -> Exam:
    """The exam that a file sets."""
    path, name = _parted(against)
    if sets < 1:
        raise UsageError(f"--sets {sets}: it must be at least 1.")
    files = Files()
    forward = files.member("--against", path, name)
    make = files.member("--against", path, EXAMPLE)
    names = wrt if wrt is not None else files.member("--against", path, "wrt", ())
    names = names.split(",") if isinstance(names, str) else names
    if not isinstance(names, list | tuple):
        raise UsageError(f"wrt of {path} is {printable(names)}: write a list of names.")
    with files.told():
        example = wraps(make)(partial(example_of, path, forward, make))
        several = input_sets(example, sets, seed)
        return exam_of(forward, several, [str(each).strip() for each in names] or None)


def _parted(against: str) -> tuple[Path, str]:
    """The file and the name of the forward pass."""
    try:
        path, names = parted(f"{against}:forward" if against.endswith(".py") else against)
    except UsageError as error:
        raise UsageError(f"--against {error}") from None
    if len(names) > 1:
        raise UsageError(f"--against {against!r}: name one function.")
    return path, names[0]


def _protection(limits: Limits, allow_unprotected: bool) -> Protection:
    protection = protection_of(limits)
    if protection.sentence and not allow_unprotected:
        raise UsageError(
            f"{protection.sentence} Nothing was run; --allow-unprotected goes on all the same."
        )
    return protection


def _announce(
    console: Console, folder: Path, count: int, against: str, exam: Exam, sets: int
) -> None:
    """What is graded against what."""
    points = len(exam.gradients)
    heading(
        console,
        "CLASS",
        f"{folder}: {count} {'submission' if count == 1 else 'submissions'} against {against}, "
        f"{points} {'point' if points == 1 else 'points'} each: {', '.join(exam.gradients)}",
    )
    made = len(exam.sets)
    told = "1 set of inputs" if made == 1 else f"{made} sets of inputs"
    if made < sets:
        told += "; permuted rows give no more, so let example_inputs take a seed"
    console.print(f"  {told}", soft_wrap=True)
    console.print()


def _show(console: Console, exam: Exam, marks: Sequence[Marks]) -> None:
    """A line for each submission, and how many there are of each kind."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("submission", overflow="fold")
    for name in [*exam.gradients, "total"]:
        table.add_column(name, justify="right")
    table.add_column("status", no_wrap=True)
    table.add_column("why", overflow="fold")
    for each in marks:
        points = [str(each.points[name]) for name in exam.gradients]
        total = f"{each.total}/{len(points)}"
        status = Text(each.status, style=_STYLES[each.status])
        table.add_row(printable(each.name), *points, total, status, each.why)
    console.print(Padding.indent(table, 2))
    console.print()
    kinds = {kind: sum(each.status == kind for each in marks) for kind in _STYLES}
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    mean = sum(each.total for each in marks) / len(marks)
    heading(console, "MARKS", f"{told}; {mean:.3g} of {len(exam.gradients)} points on average")

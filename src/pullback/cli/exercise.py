"""`pullback exercise NAME`: a file with a forward pass, to write the backward pass of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..grading.exercises import EXERCISES, exercise_named
from ..storage import write_atomic
from .console import console_for
from .display import heading, lines
from .outcome import DONE, this_command


def exercise(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=f"{', '.join(EXERCISES)}.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.py", help="Write this file.", show_default="NAME.py in this folder"
        ),
    ] = None,
    solution: Annotated[
        bool,
        typer.Option(
            "--solution/--no-solution",
            help="Also write FILE_solution.py, the derived backward pass; without for a handout.",
        ),
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> int:
    """Write an exercise: a forward pass, inputs for it and an empty backward pass.

    The solution stands in a file of its own, FILE_solution.py: do not look before you have
    tried. It is not written by hand but derived, as `pullback explain` shows it.

    \b
    Examples:
      pullback exercise two-layer
      pullback exercise batchnorm --out homework/norm.py --no-solution
    """
    chosen = exercise_named(name)
    file = Path(chosen.file) if out is None else out
    beside = file.with_name(f"{file.stem}_solution.py")
    _refuse(file, [file, beside] if solution else [file], force)
    write_atomic(file, chosen.text().replace(chosen.file, str(file)))
    if solution:
        write_atomic(beside, chosen.solution().replace(chosen.file, file.name))
    console = console_for(sys.stdout)
    heading(console, "WROTE", f"{file}: complete its backward pass")
    if solution:
        heading(console, "WROTE", f"{beside}: the derived one, for afterwards")
    check = " ".join([*this_command(), "check", f"{file}:forward:backward"])
    heading(console, "NEXT")
    lines(console, f"{check}\n{check} --hint")
    return DONE


def _refuse(file: Path, written: list[Path], force: bool) -> None:
    if file.suffix != ".py":
        raise UsageError(f"--out {file}: it must end in .py.")
    if not file.parent.is_dir():
        raise UsageError(f"--out {file}: there is no folder {file.parent}.")
    for each in written:
        if each.is_dir():
            raise UsageError(f"{each} is a folder; name another file with --out.")
        if each.exists() and not force:
            raise UsageError(f"{each} exists; name another with --out, or add --force.")

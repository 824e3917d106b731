"""A folder of `pullback train` as what is explained or checked: its training loss."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

from ..errors import PullbackError, StorageError, UsageError
from ..explaining import Subject
from ..explaining.trained import ROWS, trained_subject
from ..models import load
from ..trees import unflatten
from .command import Command
from .folder import MODEL, settings_of
from .inputs import Call
from .work import work_of


def trained(folder: Path, wrt: list[str] | None, rows: int) -> tuple[Subject, str]:
    """The training loss of a run at its trained parameters, and where its values come from.

    Raises:
        StorageError: When the folder is no run.
        UsageError: When there is no row, or what it was trained on cannot be had again.
    """
    if rows < 1:
        raise UsageError(f"--rows {rows}: it must be at least 1.")
    if not (folder / MODEL).is_file():
        raise StorageError(
            f"{folder}: allowed are FILE.py:NAME and the folder of a run, which has a {MODEL}."
        )
    command = Command.saved(settings_of(folder)["command"], folder)
    with command.files.told(), redirect_stdout(sys.stderr):
        try:
            prepared = work_of(command).prepared
        except PullbackError as error:
            what = "what it was trained on cannot be had again"
            raise UsageError(f"{folder}: {what}: {error}") from None
        subject = trained_subject(prepared, load(folder).params, wrt, rows)
    count = len(subject.value(subject.forward.inputs[0]))
    return subject, f"{count} of the rows it was trained on, and its trained parameters"


def call_of_run(folder: Path) -> Call:
    """The training loss of a run with its arguments."""
    subject, told = trained(folder, None, ROWS)
    leaves = iter([subject.inputs[var] for var in subject.forward.argument_inputs])
    arguments = {
        argument.name: unflatten(
            argument.structure, [next(leaves) for _ in range(argument.structure.size)]
        )
        for argument in subject.forward.arguments
    }
    return Call(subject.forward, arguments, told)

"""The folder of a run: claimed before training, gone again when there is nothing to keep."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import StorageError, TrainingError, UsageError
from ..storage import claim_folder, fresh_folder
from .outcome import FAILED, STOPPED, EndedEarlyError, this_command

RUNS = Path("runs")
MODEL, CHECKPOINT, SETTINGS = "model.safetensors", "checkpoint.safetensors", "settings.json"


@contextmanager
def run_folder(wanted: Path | None) -> Iterator[Path]:
    """A folder to write a run to.

    When the work inside fails before the first checkpoint, no trace of the folder stays. Later,
    it stays, and the error says how to go on.

    Args:
        wanted: The folder, which must be empty or not there; None for runs/0001, runs/0002, ...

    Raises:
        StorageError: When it is in use or cannot be created.
        EndedEarlyError: When the work fails and the folder stays.
    """
    place = RUNS if wanted is None else wanted
    created = [path for path in (place, *place.parents) if not path.exists()]
    folder = fresh_folder(RUNS) if wanted is None else claim_folder(wanted)
    if wanted is None:
        created.insert(0, folder)
    try:
        with resumed_folder(folder):
            yield folder
    except BaseException:
        if not _is_worth_keeping(folder):
            _remove(folder, created)
        raise


@contextmanager
def resumed_folder(folder: Path) -> Iterator[Path]:
    """The folder of a run that goes on; it stays, whatever happens.

    Raises:
        EndedEarlyError: When the work inside fails; it says how to go on.
    """
    with suppress(OSError):
        for unfinished in folder.glob(".*.tmp"):  # a kill leaves the file that it cut short
            unfinished.unlink()
    try:
        yield folder
    except (KeyboardInterrupt, StorageError, TrainingError, UsageError) as error:
        if not _is_worth_keeping(folder):
            raise
        raise _told(folder, error) from error


def settings_of(folder: Path) -> dict[str, Any]:
    """What settings.json of a run folder holds.

    Raises:
        StorageError: When there is none, or it is no settings.json of a run.
    """
    file = folder / SETTINGS
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = f"{SETTINGS} is damaged" if file.is_file() else f"it has no {SETTINGS}"
        raise StorageError(f"{folder} is no run that can go on: {why}.") from error
    if not isinstance(settings, dict) or not isinstance(settings.get("command"), dict):
        raise StorageError(f"{folder} is no run that can go on: {SETTINGS} holds no command.")
    return settings


def how_to_resume(folder: Path) -> str:
    """The words that let a run go on; empty where it cannot."""
    if not (folder / CHECKPOINT).is_file():
        return ""
    return f"resume with: {shlex.join([*this_command(), 'train', '--resume', str(folder)])}"


def _told(folder: Path, error: BaseException) -> EndedEarlyError:
    if isinstance(error, TrainingError):
        return EndedEarlyError(f"{error} The model and its history are in {folder}.", FAILED)
    code = STOPPED if isinstance(error, KeyboardInterrupt) else FAILED
    what = "stopped by Ctrl-C" if code == STOPPED else str(error).removesuffix(".")
    # No full stop: the sentence ends with what can be typed as it stands.
    return EndedEarlyError(f"{what}; {how_to_resume(folder) or f'the model is in {folder}'}", code)


def _is_worth_keeping(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (MODEL, CHECKPOINT))


def _remove(folder: Path, created: list[Path]) -> None:
    """Remove what is in the folder, and the folders that were made for it."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
    for path in created:
        with suppress(OSError):  # another run has put something beside ours
            path.rmdir()

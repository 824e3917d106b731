"""The folder of a run: claimed before training, gone again when there is nothing to keep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..storage import claim_folder, fresh_folder

RUNS = Path("runs")


@contextmanager
def run_folder(wanted: Path | None) -> Iterator[Path]:
    """A folder to write a run to; when the work inside fails, no trace of it stays.

    Args:
        wanted: The folder, which must be empty or not there; None for runs/0001, runs/0002, ...

    Raises:
        StorageError: When it is in use or cannot be created.
    """
    place = RUNS if wanted is None else wanted
    created = [path for path in (place, *place.parents) if not path.exists()]
    folder = fresh_folder(RUNS) if wanted is None else claim_folder(wanted)
    if wanted is None:
        created.insert(0, folder)
    try:
        yield folder
    except BaseException:
        with suppress(OSError):
            for file in folder.iterdir():
                file.unlink()
        for path in created:
            with suppress(OSError):  # another run has put something beside ours
                path.rmdir()
        raise

"""TensorBoard event files of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError, StorageError
from .callbacks import Callback
from .loop import Training

NOT_SHOWN = ("epoch", "seconds")


class TensorBoard(Callback):
    """Writes each epoch's record as scalars that TensorBoard draws.

    Args:
        folder: Where event files go; created when missing. A resumed run adds a file, which tells
            TensorBoard to forget what came after its checkpoint.

    Raises:
        MissingExtraError: When tensorboardX is not installed.

    Example:
        >>> import pullback as pb
        >>> pb.training.TensorBoard("runs/0001/tensorboard")  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                "TensorBoard files need tensorboardX: pip install 'pullback[tensorboard]'."
            ) from error
        self.folder = Path(folder)
        self._writer: Any = None

    def on_begin(self, training: Training) -> None:
        """Open an event file.

        Raises:
            StorageError: When there can be none in the folder.
        """
        from tensorboardX import SummaryWriter

        purged = len(training.history) if training.resumed else None
        try:
            self._writer = SummaryWriter(str(self.folder), purge_step=purged)
        except OSError as error:
            raise StorageError(
                f"No TensorBoard file can be created in {self.folder}: {error.strerror}."
            ) from error

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """Write the record."""
        for name, value in record.items():
            if name not in NOT_SHOWN:
                self._writer.add_scalar(name, value, int(record["epoch"]))

    def on_end(self, training: Training) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

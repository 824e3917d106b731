"""TensorBoard event files of a run."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError, StorageError
from ..storage.atomic import reason_of
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
        StorageError: In a run, when the files cannot be written: no such folder, a full disk.

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
        self._file: Any = None

    def on_begin(self, training: Training) -> None:
        """Open an event file."""
        # Not the library's SummaryWriter: its thread dies of a full disk, and then whoever writes
        # waits for it for ever. And its files of one second have one name.
        from tensorboardX.proto.event_pb2 import SessionLog
        from tensorboardX.record_writer import RecordWriter

        now = time.time_ns()
        name = f"events.out.tfevents.{now // 10**9}.{platform.node()}.{now}"
        with self._told():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = RecordWriter(str(self.folder / name))
            first = len(training.history)  # of the records to come
            self._write(first, file_version="brain.Event:2")
            if training.resumed:
                self._write(first, session_log=SessionLog(status=SessionLog.START))

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """Write the record."""
        from tensorboardX.summary import scalar

        with self._told():
            for name, value in record.items():
                if name not in NOT_SHOWN:
                    self._write(int(record["epoch"]), summary=scalar(name, value))
            self._file.flush()

    def on_end(self, training: Training) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):  # all that could be written has been
                self._file.close()
            self._file = None

    def _write(self, step: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), step=step, **content)
        self._file.write(event.SerializeToString())

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"TensorBoard files cannot be written to {self.folder}: {reason_of(error)}."
            ) from error

"""What happens between two steps: checkpoints, and Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from ..storage.atomic import remove_unfinished
from .checkpoint import checkpoint_file, save_checkpoint
from .loop import Training
from .pieces import SECONDS

BY_USER = "stopped by Ctrl-C"


class Keeper:
    """Writes checkpoints, and turns Ctrl-C into a stop between two steps.

    The first Ctrl-C lets the step at hand finish; a second one interrupts at once.

    Args:
        training: The run.
        file: Where checkpoints go; None for none.
        every: Seconds between two checkpoints, at least 0; 0 writes one after each step.
        identity: What the run is; see `save_checkpoint`.
    """

    def __init__(
        self,
        training: Training,
        file: str | Path | None,
        every: float,
        identity: Mapping[str, Any],
    ) -> None:
        self._training, self._every, self._identity = training, every, identity
        self._file = None if file is None else checkpoint_file("checkpoint", file)
        self._next = 0.0
        self._previous: Any = None

    @property
    def ended(self) -> str:
        """Why the run ended before its last epoch; empty when it did not."""
        return BY_USER if self._training.interrupted else self._training.ended

    @property
    def piece_seconds(self) -> float:
        """How long steps may go on without a look at the clock; 0: not for a single one."""
        return SECONDS if self._file is None else min(SECONDS, self._every)

    def after_step(self) -> None:
        """Write a checkpoint when it is time for one."""
        if self._file is not None and time.monotonic() >= self._next:
            self.save()

    def save(self) -> None:
        """Write a checkpoint, if the run keeps any."""
        if self._file is not None:
            save_checkpoint(self._file, self._training, self._identity)
            self._next = time.monotonic() + self._every

    def __enter__(self) -> Keeper:
        if self._file is not None:
            remove_unfinished(self._file)
        on_main_thread = threading.current_thread() is threading.main_thread()
        if on_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._previous = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._training.interrupted:
            raise KeyboardInterrupt
        self._training.interrupted = True

"""The threads that run compiled code beside the caller's: started once, asleep between calls."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any


class Crew:
    """Helpers for calls that several threads make together.

    They begin with the first call, sleep between calls, and end with `close` (or with the
    process). After a fork the child begins helpers of its own.

    Args:
        helpers: How many threads work beside the caller's, at least 0.
    """

    def __init__(self, helpers: int) -> None:
        self._count = helpers
        self._helpers: list[_Helper] = []
        self._process = 0

    def run(self, work: Callable[[int], Any]) -> Any:
        """What `work(0)` returns on this thread, while the helpers do work(1), work(2), ...

        Raises:
            BaseException: What any of them raised; that of the caller's thread first.
        """
        if not self._count:
            return work(0)
        helpers = self._awake()
        for helper in helpers:
            helper.start(work)
        try:
            result = work(0)
        finally:
            errors = [error for helper in helpers if (error := helper.finished()) is not None]
        if errors:
            raise errors[0]
        return result

    def close(self) -> None:
        """End the helpers."""
        if self._process == os.getpid():
            for helper in self._helpers:
                helper.end()
        self._helpers = []

    def _awake(self) -> list[_Helper]:
        if not self._helpers or self._process != os.getpid():
            self._process = os.getpid()
            self._helpers = [_Helper(number) for number in range(1, self._count + 1)]
        return self._helpers

    def __del__(self) -> None:
        self.close()


class _Helper:
    """A thread that waits for work, does it, and waits again."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._work: Callable[[int], Any] | None = None
        self._error: BaseException | None = None
        self._begin, self._done = threading.Lock(), threading.Lock()
        self._begin.acquire()
        self._done.acquire()
        threading.Thread(target=self._loop, name=f"pullback-{number}", daemon=True).start()

    def start(self, work: Callable[[int], Any]) -> None:
        """Let it work."""
        self._work = work
        self._begin.release()

    def finished(self) -> BaseException | None:
        """Wait until it has done its work: what it raised."""
        self._done.acquire()
        error, self._error = self._error, None
        return error

    def end(self) -> None:
        """Let the thread end."""
        self._work = None
        self._begin.release()

    def _loop(self) -> None:
        while True:
            self._begin.acquire()
            work, self._work = self._work, None
            if work is None:
                return
            try:
                work(self._number)
            except BaseException as error:
                self._error = error
            del work
            self._done.release()

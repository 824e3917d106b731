"""The threads that run compiled code beside the caller's: started once, asleep when idle."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from .barrier import give_up
from .calling import Bound, out_of_bounds
from .crew_code import CODE, DONE, FAILED, LINE, TABLE, crew_code


def other_cores(count: int) -> list[int | None]:
    """Cores for so many helpers, none the caller's, and each another one as far as they reach.

    None where there is no other, or where the system does not tell.
    """
    here = current_core()
    if here is None:
        return [None] * count
    allowed = sorted(os.sched_getaffinity(0))
    others = [core for core in allowed if core > here] + [core for core in allowed if core < here]
    return [others[n % len(others)] if others else None for n in range(count)]


def current_core() -> int | None:
    """The core that this thread is on; None where the system does not tell (only Linux does)."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    try:
        return int(ctypes.CDLL(None).sched_getcpu())
    except AttributeError:
        return None


def begin_on(core: int) -> None:
    """Move this thread to a core; from there on the system may move it as before.

    Left to itself, Linux may let a new thread share the core of the one that started it for 10 or
    20 ms, while another core is idle. A whole run of a small network takes no longer.
    """
    with suppress(OSError):  # a sandbox may forbid it
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})
        os.sched_setaffinity(0, allowed)


class Crew:
    """Helpers for calls that several threads make together.

    They begin with the first call, wait for others in machine code for a moment, then asleep, and
    end with `close` (or with the process). After a fork the child begins helpers of its own.

    Args:
        helpers: How many threads work beside the caller's, at least 0.
        control: Of the barriers at which the threads wait for each other.
    """

    def __init__(self, helpers: int, control: Any) -> None:
        self._count, self._control = helpers, control
        self._helpers: list[_Helper] = []
        self._process = 0

    def run(self, calls: Sequence[Callable[[], Any]]) -> Any:
        """What the first of the calls returns on this thread, while each helper makes another.

        Args:
            calls: One per thread, of machine code (`Bound`) where they are several.

        Raises:
            BaseException: What any of them raised; that of the caller's thread first.
        """
        if not self._count:
            return calls[0]()
        helpers = self._present()
        try:
            self._begin(helpers, calls[1:])
            result = calls[0]()
        except BaseException:
            give_up(self._control)
            raise
        finally:
            errors = [error for helper in helpers if (error := helper.finished()) is not None]
        if errors:
            raise errors[0]
        return result

    def close(self) -> None:
        """End the helpers, as soon as they have nothing to do."""
        if self._process == os.getpid():
            for helper in self._helpers:
                helper.end()
        self._helpers = []

    def _present(self) -> list[_Helper]:
        if not self._helpers or self._process != os.getpid():
            self._process = os.getpid()
            self._lines = np.zeros((self._count + 1, LINE), np.int64)
            homes = other_cores(self._count)
            self._helpers = [
                _Helper(self._lines, n + 1, self._control, home) for n, home in enumerate(homes)
            ]
        return self._helpers

    def _begin(self, helpers: Sequence[_Helper], calls: Sequence[Any]) -> None:
        """Let each helper make its call."""
        for helper, call in zip(helpers, calls, strict=True):
            helper.give(call)
        crew_code().call(self._lines.ctypes.data)
        for helper in helpers:
            helper.wake()

    def __del__(self) -> None:
        self.close()


class _Helper:
    """A thread that waits for a call, makes it, and waits again.

    Args:
        lines: The number of calls stands in the first one, what this helper does in its own.
        number: Of its line, from 1.
        control: Of the barriers.
        home: The core on which it begins; None for any.
    """

    def __init__(self, lines: Any, number: int, control: Any, home: int | None) -> None:
        self._calls, self._own, self._control = lines[0], lines[number], control
        self._addresses = self._calls.ctypes.data, self._own.ctypes.data
        self._error: BaseException | None = None
        self._ended = False
        self._code = crew_code()
        self._asleep = threading.Lock()  # whoever unlocks it wakes the thread
        self._asleep.acquire()
        threading.Thread(
            target=self._loop, args=(home,), name=f"pullback-{number}", daemon=True
        ).start()

    def give(self, call: Bound) -> None:
        """Say what to do when the next call is counted."""
        self._own[CODE], self._own[TABLE] = call.addresses

    def wake(self) -> None:
        """Let it look for a call, in case that it is asleep."""
        if self._asleep.locked():
            with suppress(RuntimeError):  # another thread has just unlocked it
                self._asleep.release()

    def finished(self) -> BaseException | None:
        """Wait until it has done its work: what it raised."""
        self.wake()  # an interrupt may have come before it was woken
        self._code.wait(*self._addresses)
        error, self._error = self._error, None
        return error

    def end(self) -> None:
        """Let the thread end, its work done."""
        self._ended = True
        self.wake()

    @property
    def _is_called(self) -> bool:
        return bool(self._calls[0] != self._own[DONE])

    def _loop(self, home: int | None) -> None:
        if home is not None:
            begin_on(home)
        while True:
            if self._code.attend(*self._addresses) == FAILED:
                self._error = out_of_bounds()
                give_up(self._control)
                self._own[DONE] = self._calls[0]
                continue
            # What comes from here on is seen by the next two looks, or unlocks anew.
            self._asleep.acquire(blocking=False)
            if self._is_called:
                continue
            if self._ended:
                return
            self._asleep.acquire()

"""Threads that work on one call while another one waits for them and answers signals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

__all__ = ["Helpers"]

LOOK = 0.05
"""Seconds after which the waiting thread looks again, whatever has happened."""


class Helpers:
    """Threads that do a share of one call each.

    They keep account themselves of who is at work. `Thread` cannot tell: when a signal's handler
    raises while `start` waits, nobody knows whether the thread began, and before Python 3.13 a
    `join` that is interrupted takes a thread that still works for ended (python/cpython#90882).

    Args:
        work: Does the share of the thread with a number; raises nothing.
    """

    def __init__(self, work: Callable[[int], None]) -> None:
        self._work = work
        # Lists, since appending needs no lock that an interrupt could leave locked.
        self._begun: list[int] = []
        self._ended: list[int] = []
        self._called_off = False
        self._has_ended = threading.Lock()  # whoever unlocks it wakes the thread that waits

    def run(self, numbers: Sequence[int], meanwhile: Callable[[], None]) -> None:
        """Return when the threads of these numbers and what this one does meanwhile have ended."""
        for number in numbers:
            threading.Thread(
                target=self._one, args=(number,), name="pullback-call", daemon=True
            ).start()
        meanwhile()
        self._wait(lambda: len(numbers))

    def call_off(self) -> None:
        """Let nobody begin any more, and return when all who have begun have ended."""
        self._called_off = True
        self._wait(lambda: len(self._begun))

    def _one(self, number: int) -> None:
        self._begun.append(number)  # before the look: who calls off waits for it or is seen by it
        if not self._called_off:
            self._work(number)
        self._ended.append(number)
        with suppress(RuntimeError):  # another thread has unlocked it
            self._has_ended.release()

    def _wait(self, expected: Callable[[], int]) -> None:
        while len(self._ended) < expected():
            self._has_ended.acquire(timeout=LOOK)

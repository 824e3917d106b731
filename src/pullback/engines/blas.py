"""Holding BLAS to one thread, so that products have the same bits on any number of cores."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

_lock = threading.RLock()
_holders: set[object] = set()
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Inside, BLAS runs on one thread; the last holder that leaves gives the threads back.

    The holders are known, since two overlapping limits would otherwise leave the process with
    one thread for ever. A process that is forked meanwhile begins without holders and with all
    threads. Without threadpoolctl (part of `cli`, `fast` and `sklearn`) BLAS keeps its
    threads, and bits may differ between numbers of cores.
    """
    global _limits
    holder = object()
    with _lock:
        if not _holders:
            _limits = _limit()
        _holders.add(holder)
    try:
        yield
    finally:
        with _lock:
            _holders.discard(holder)
            if not _holders:
                _give_back()


def _begin_as_child() -> None:
    """No other thread is left, and what this one does after a fork is work of its own."""
    _holders.clear()
    _give_back()
    _lock.release()


# A fork waits until nobody is setting the number of threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_begin_as_child
    )


def _limit() -> Any:
    try:
        import threadpoolctl  # noqa: F401 (is it there?)
    except ImportError:
        return None
    _take_control()
    return _controller(len(sys.modules)).limit(limits=1, user_api="blas")


def _give_back() -> None:
    global _limits
    if _limits is not None:
        _take_control()
        _limits.restore_original_limits()
        _take_control()
        _limits = None


@lru_cache(maxsize=1)
def _controller(modules: int) -> Any:
    """What knows every BLAS that is loaded; another one comes with another Python module.

    To look through all loaded libraries takes milliseconds, a prediction of one row microseconds.
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _take_control() -> None:
    """Let this thread set the number of threads, or leave it to the next that wants to.

    From 3.8 on, threadpoolctl heeds only the first thread that sets it and lets calls of all
    others do nothing; here the holders are known, and one of them at a time sets it.
    """
    import threadpoolctl

    controller = getattr(threadpoolctl, "OpenBLASController", None)
    clear = getattr(controller, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)

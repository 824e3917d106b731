"""Holding BLAS to one thread, so that products have the same bits on any number of cores."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

_lock = threading.Lock()
_holders = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Inside, BLAS runs on one thread; the last holder that leaves gives the threads back.

    The holders are counted, since two overlapping limits would otherwise leave the process with
    one thread for ever. Without threadpoolctl (part of the extras `cli` and `sklearn`) BLAS
    keeps its threads, and bits may differ between numbers of cores.
    """
    global _holders, _limits
    with _lock:
        if _holders == 0:
            _limits = _limit()
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0 and _limits is not None:
                _take_control()
                _limits.restore_original_limits()
                _take_control()
                _limits = None


def _limit() -> Any:
    try:
        import threadpoolctl  # noqa: F401 (is it there?)
    except ImportError:
        return None
    _take_control()
    return _controller(len(sys.modules)).limit(limits=1, user_api="blas")


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
    others do nothing; here the holders are counted, and one of them at a time sets it.
    """
    import threadpoolctl

    controller = getattr(threadpoolctl, "OpenBLASController", None)
    clear = getattr(controller, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)

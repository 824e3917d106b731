"""Holding BLAS to one thread, so that products have the same bits on any number of cores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        _holders += 1
        if _holders == 1:
            _limits = _limit()
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0 and _limits is not None:
                _limits.restore_original_limits()
                _limits = None


def _limit() -> Any:
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    return threadpool_limits(1, user_api="blas")

"""How many threads there are for compiled code: what the user, the machine and its owner allow."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError

OWN, GENERAL = "PULLBACK_NUM_THREADS", "OMP_NUM_THREADS"

ROOT = Path("/")


def thread_count(most: int | None = None) -> int:
    """How many threads may run at once: at least 1. It decides about time, never about bits.

    The least of: PULLBACK_NUM_THREADS, or OMP_NUM_THREADS where that is not set (of a list such
    as 4,2 the first); the CPUs that the process may use; the CPU time that its container may use
    (cgroup v1 and v2), rounded down; and `most`. One in a worker of joblib, and in a daemonic
    process such as a worker of `multiprocessing.Pool`: these share the machine already.

    Args:
        most: What the work can use; None for any number.

    Raises:
        UsageError: When PULLBACK_NUM_THREADS is no whole number of at least 1.

    Example:
        >>> from pullback.engines.threads import thread_count
        >>> thread_count(most=1)
        1
    """
    limits = [_own(), _available(), _container(), most]
    if _is_worker():
        limits.append(1)
    return max(1, min(limit for limit in limits if limit is not None))


def _own() -> int | None:
    text = os.environ.get(OWN, "").strip()
    if text:
        if not (text.isascii() and text.isdigit() and int(text) >= 1):
            raise UsageError(f"{OWN}={text}: it must be a whole number of at least 1.")
        return int(text)
    first = os.environ.get(GENERAL, "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) >= 1 else None


def _available() -> int:
    """The CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_worker() -> bool:
    process = multiprocessing.current_process()
    return bool(process.daemon) or process.name.startswith("LokyProcess")


def _container() -> int | None:
    """The CPUs whose time the process's cgroup, or one around it, allows; None for no limit."""
    limits = [limit for folder in _folders() if (limit := _quota(folder)) is not None]
    return max(1, math.floor(min(limits) + 1e-9)) if limits else None


def _folders() -> Iterator[Path]:
    """The folders of the process's cgroup and of those around it, in both versions."""
    lines = _text(ROOT / "proc/self/cgroup").splitlines()
    for line in lines:
        _, kinds, path = [*line.split(":", 2), "", ""][:3]
        if kinds and "cpu" not in kinds.split(","):
            continue
        for base in (
            ("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct") if kinds else ("sys/fs/cgroup",)
        ):
            place = Path(path.strip("/"))
            for part in (place, *place.parents):
                yield ROOT / base / part


def _quota(folder: Path) -> float | None:
    """CPUs' worth of time: quota / period; None where the folder sets no limit."""
    words = _text(folder / "cpu.max").split()
    if not words:
        words = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    try:
        quota, period = map(int, words)
    except ValueError:
        return None  # no such file, or "max 100000"
    return quota / period if quota > 0 and period > 0 else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""

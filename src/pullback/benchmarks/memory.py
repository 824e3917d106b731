"""How much memory this process has, as Linux tells it; None elsewhere."""

from __future__ import annotations

from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident_bytes() -> int | None:
    """What is in memory now."""
    return _told("VmRSS")


def peak_bytes() -> int | None:
    """The most that was in memory since `restart_peak`, or since the start where it cannot."""
    return _told("VmHWM")


def restart_peak() -> None:
    """Let the peak begin at what is in memory now, where the system allows it."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def _told(name: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None

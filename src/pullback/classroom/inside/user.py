"""Another user for a submission, when the teacher is root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from .kernel import libc

_NEW_MOUNTS = 0x00020000
_BIND, _ALL_BELOW, _PRIVATE = 0x1000, 0x4000, 0x40000


def become(user: int, needed: Iterable[Path]) -> None:
    """Become a user who owns nothing, without groups and rights.

    Args:
        user: Number of the user and of their group.
        needed: What they must be able to read: Python, NumPy, their own folder.

    Raises:
        OSError: When this is not allowed.
    """
    _open_the_way(list(needed))
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)  # of root it takes the saved numbers too, so there is no way back


def _open_the_way(needed: list[Path]) -> None:
    """Where Python lies in a folder that only root may enter, show this process alone another.

    There the closed folder is empty but for the way to what is needed.
    """
    closed = {gate for path in needed if (gate := _gate(path)) is not None}
    if not closed:
        return
    libc_ = libc()
    if libc_.unshare(_NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "no mounts of its own")
    _mount(b"none", b"/", None, _ALL_BELOW | _PRIVATE)
    for gate in closed:
        within = [path for path in needed if path.is_relative_to(gate)]
        places = [(path, os.open(path, os.O_PATH)) for path in within]
        _mount(b"none", os.fsencode(gate), b"tmpfs", 0, b"mode=755,size=64k")
        for path, place in places:
            path.mkdir(parents=True, exist_ok=True)
            _mount(b"/proc/self/fd/%d" % place, os.fsencode(path), None, _BIND)
            os.close(place)


def _gate(path: Path) -> Path | None:
    """The highest folder on the way to a path that others may not enter."""
    above = [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001]
    return above[0] if above else None


def _mount(
    source: bytes, target: bytes, kind: bytes | None, flags: int, data: bytes | None = None
) -> None:
    if libc().mount(source, target, kind, ctypes.c_ulong(flags), data):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

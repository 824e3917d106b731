"""Machine code on disk: one folder per program, safe against whatever else uses it.

    <folder>/<key>/code          a line of format, the SHA-256 of the rest, the rest
    <folder>/<key>/source.py     the text that it was compiled from, to be read by people
    <folder>/<key>/log           a line for every time it was compiled
    <folder>/<key>.lock          locked by the process that compiles it

The key is a hash of all that the code depends on, so an entry is never out of date; it is only no
longer asked for, and leaves when the folder grows beyond `LARGEST` bytes or when nobody has asked
for it in `OLDEST` days. Nothing here ever stops a run: what cannot be read or written is compiled
in memory, and `state()` says why.

Code from this folder is executed. So it is read only from a folder that belongs to the user and
that nobody else may write to, and only if its digest is right: machine code with one bit changed
does not raise an error, it ends the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # no locks on this system: two processes may compile the same twice
    fcntl = None  # type: ignore[assignment]

__all__ = ["LARGEST", "OLDEST", "claim", "clear", "drop", "folder", "key", "load", "state", "store"]

LARGEST = 200_000_000
"""Bytes that the folder may hold after something was added to it."""

OLDEST = 90
"""Days after which an entry that nobody asked for leaves."""

PATIENCE = 120.0
"""Seconds to wait for another process that compiles the same."""

_FORMAT = b"pullback machine code 1\n"
_problem = ""


def folder() -> Path | None:
    """Where machine code is kept: `$PULLBACK_CACHE_DIR`, or `pullback` in the user's cache folder.

    The user's cache folder is `$XDG_CACHE_HOME` or `~/.cache` on Linux, `~/Library/Caches` on
    macOS, `%LOCALAPPDATA%` on Windows. None if the user has no home.

    Example:
        >>> place = folder()
        >>> place is None or place.is_absolute()
        True
    """
    own = os.environ.get("PULLBACK_CACHE_DIR")
    if own:
        return Path(own).expanduser().absolute()
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        # A relative path counts as not set (XDG Base Directory Specification 0.8).
        given = os.environ.get("XDG_CACHE_HOME", "")
        base = given if os.path.isabs(given) else os.path.join(home, ".cache")
    return Path(base) / "pullback" if os.path.isabs(base) else None


def state() -> str:
    """One line: where machine code is kept, or why it was not kept when that was last tried."""
    if _problem:
        return f"Machine code is not kept: {_problem}"
    return f"Machine code is kept in {folder()}."


def key(*parts: object) -> str:
    """The name of an entry: 64 hexadecimal digits, a hash of the texts of all parts in order."""
    digest = hashlib.sha256()
    for part in parts:
        text = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(text))
        digest.update(text)
    return digest.hexdigest()


def load(name: str) -> bytes | None:
    """What `store` kept under this key; None if that is nothing or damaged. Takes no lock.

    A damaged entry is removed, so that the next `store` begins anew.
    """
    place = _place()
    if place is None:
        return None
    path = place / name / "code"
    try:
        if not _is_private(path.parent) or not _is_private(path):
            return None
        data = path.read_bytes()
    except IsADirectoryError:
        drop(name)
        return None
    except OSError:
        return None
    start = len(_FORMAT) + 65
    digest, payload = data[len(_FORMAT) : start], data[start:]
    if not data.startswith(_FORMAT) or digest != _digest(payload):
        drop(name)
        return None
    # The time of last use; on a file system that is read-only the entry stays as old as it is.
    with contextlib.suppress(OSError):
        os.utime(path)
    return payload


def store(name: str, payload: bytes, source: str = "", remark: str = "") -> bool:
    """Keep bytes under a key; False, and `state()` says why, if they could not be kept.

    Readers see all of them or nothing: they are written under another name, then renamed.
    """
    place = _place(make=True)
    if place is None:
        return False
    entry = place / name
    try:
        entry.mkdir(mode=0o700, exist_ok=True)
        _write(entry / "source.py", source.encode("utf-8", "surrogatepass"))
        _write(entry / "code", _FORMAT + _digest(payload) + payload)
    except OSError as error:
        drop(name)
        return _cannot(f"{entry}: {error.strerror or error}.")
    with contextlib.suppress(OSError), open(entry / "log", "a", encoding="utf-8") as log:
        log.write(f"{remark} (process {os.getpid()})\n")
    _cannot("")
    _prune(place, name)
    return True


def drop(name: str) -> None:
    """Remove an entry. What cannot be removed stays."""
    place = _place()
    if place is not None:
        shutil.rmtree(place / name, ignore_errors=True)


def clear() -> None:
    """Remove every entry of the folder, and nothing else that lies in it."""
    place = _place()
    if place is not None:
        for entry in _entries(place):
            drop(entry.name)
            with contextlib.suppress(OSError):
                entry.with_name(entry.name + ".lock").unlink()


@contextlib.contextmanager
def claim(name: str) -> Iterator[None]:
    """Inside, no other process is inside with the same key.

    Whoever comes second waits, and then finds what the first has stored. The lock is the
    system's (`fcntl` record lock): it goes with the process that holds it, however that ends, and
    is not inherited by a fork. Threads of one process must be kept apart by the caller. If the
    lock cannot be had within `PATIENCE` seconds, or at all, the caller goes on without it.
    """
    place = _place(make=True)
    descriptor = _lock(place / f"{name}.lock") if place is not None and fcntl else None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(path: Path) -> int | None:
    """The descriptor of a file that this process has locked; closing it gives the lock back."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return None
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The file may have been removed, and made again by another, since it was opened.
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except (BlockingIOError, PermissionError, FileNotFoundError):
            pass  # held by another process (POSIX allows EACCES as well as EAGAIN), or removed
        except OSError:
            os.close(descriptor)
            return None  # a file system without locks
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(0.02)
    return None


def _place(make: bool = False) -> Path | None:
    """The folder, if it can be trusted; with `make`, made if it is missing."""
    place = folder()
    if place is None:
        _cannot("the user has no home folder; set PULLBACK_CACHE_DIR to keep it elsewhere.")
        return None
    try:
        if make:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(place):
            _cannot(
                f"{place} belongs to another user or can be written to by others; "
                f"set PULLBACK_CACHE_DIR to a folder of your own."
            )
            return None
    except OSError as error:
        if make:
            _cannot(f"{place}: {error.strerror or error}.")
        return None
    return place


def _is_private(path: Path) -> bool:
    """Whether a file or folder is the user's own, and nobody else can write to it."""
    if not hasattr(os, "getuid"):
        return path.exists()
    found = os.stat(path)
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def _cannot(problem: str) -> bool:
    global _problem
    _problem = problem
    return False


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).hexdigest().encode() + b"\n"


def _write(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _entries(place: Path) -> list[Path]:
    """The folders in the place whose names are keys: never a file that someone put there."""
    try:
        return [path for path in place.iterdir() if _is_key(path.name) and path.is_dir()]
    except OSError:
        return []


def _is_key(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _prune(place: Path, keep: str) -> None:
    """Remove entries that nobody asked for in `OLDEST` days, then the least recently used.

    An entry in use by another process may be removed too: it has been read, and is in memory.
    """
    entries = []
    for entry in _entries(place):
        try:
            size = sum(file.stat().st_size for file in entry.iterdir())
            code = entry / "code"
            used = (code if code.exists() else entry).stat().st_mtime
        except OSError:
            continue
        entries.append((entry.name != keep, -used, size, entry.name))
    total = 0
    for is_other, age, size, name in sorted(entries):
        total += size
        if is_other and (total > LARGEST or time.time() + age > OLDEST * 86_400):
            drop(name)
            with contextlib.suppress(OSError):
                (place / f"{name}.lock").unlink()

"""Files that are there whole or not at all, and folders that nobody else writes to.

A file is written under a temporary name in its own folder, pushed to the disk, and renamed onto
its place. A crash at any moment leaves the old file or the new one, never a part of one.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from pullback.errors import StorageError


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file so that a failure leaves what was there before.

    Args:
        path: the file; its folder must exist. A symbolic link is followed, and a file that is
            replaced keeps its permissions.
        data: bytes as they are, or text, which is written as UTF-8 with its line ends unchanged.

    Raises:
        StorageError: the file could not be written (no such folder, no permission, disk full);
            the old file, if there was one, is unchanged and no temporary file is left.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "note.txt")
        >>> write_atomic(file, "saved")
        >>> file.read_text()
        'saved'
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    # The target of a link is replaced, not the link; in the same folder a rename is atomic.
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        _write_new(temporary, content, _mode_of(target))
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _failure(path, target, error) from error
        raise  # an interrupt: the temporary file is gone, the old one is there
    _sync_folder(target.parent)


def remove_unfinished(path: str | os.PathLike[str]) -> None:
    """Remove what a kill in the middle of `write_atomic` has left beside a file.

    Args:
        path: the file, which need not exist; nobody else may be writing it.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "note.txt")
        >>> file.with_name(".note.txt.00112233aabbccdd.tmp").touch()
        >>> remove_unfinished(file)
        >>> os.listdir(file.parent)
        []
    """
    target = Path(os.path.realpath(path))
    unfinished = re.compile(rf"\.{re.escape(target.name[:100])}\.[0-9a-f]{{16}}\.tmp")
    with suppress(OSError):
        for beside in target.parent.iterdir():
            if unfinished.fullmatch(beside.name):
                beside.unlink()


def fresh_folder(base: str | os.PathLike[str]) -> Path:
    """Create the next numbered folder: base/0001, base/0002, ...

    Two processes that ask at the same time get two folders.

    Args:
        base: the folder to create it in; created when missing.

    Returns:
        The new, empty folder.

    Raises:
        StorageError: the folder could not be created.

    Example:
        >>> import tempfile
        >>> base = tempfile.mkdtemp()
        >>> fresh_folder(base).name, fresh_folder(base).name
        ('0001', '0002')
    """
    base = Path(base)
    try:
        base.mkdir(parents=True, exist_ok=True)
        number = max((int(f.name) for f in base.iterdir() if _is_number(f.name)), default=0) + 1
        while True:
            folder = base / f"{number:04d}"
            # Creating a folder is the one question that only one process can win.
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
            number += 1
    except OSError as error:
        raise StorageError(f"No folder can be created in {base}: {reason_of(error)}.") from error


def claim_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder to write to, or take one that is empty.

    Args:
        path: the folder; its parents are created too.

    Returns:
        The folder.

    Raises:
        StorageError: there are files in it, it is a file, or it could not be created.

    Example:
        >>> import tempfile
        >>> claim_folder(Path(tempfile.mkdtemp(), "run")).name
        'run'
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        in_use = next(folder.iterdir(), None) is not None
    except FileExistsError:
        raise StorageError(f"{folder} is a file, not a folder to write to.") from None
    except OSError as error:
        raise StorageError(f"{folder} cannot be used: {reason_of(error)}.") from error
    if in_use:
        raise StorageError(f"The folder {folder} is already in use: choose a new or an empty one.")
    return folder


def reason_of(error: OSError) -> str:
    """Why a file or folder could not be written, in words that fit into a sentence.

    Example:
        >>> reason_of(OSError(errno.ENOSPC, "No space left on device"))
        'the disk is full'
    """
    words = {
        errno.ENOSPC: "the disk is full",
        errno.EACCES: "permission is missing",
        errno.EISDIR: "it is a folder",
    }
    return words.get(error.errno or 0, (error.strerror or str(error)).lower())


def _write_new(temporary: Path, content: bytes, mode: int | None) -> None:
    with temporary.open("xb") as file:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # a small write to a full disk fails only here or at close


def _mode_of(target: Path) -> int | None:
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last; the new file is in place whether or not this works."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _failure(path: str | os.PathLike[str], target: Path, error: OSError) -> StorageError:
    if not target.parent.is_dir():
        return StorageError(f"{os.fspath(path)} cannot be written: its folder does not exist.")
    kept = "; the old file is unchanged" if target.is_file() else ""
    return StorageError(f"{os.fspath(path)} cannot be written: {reason_of(error)}{kept}.")


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()

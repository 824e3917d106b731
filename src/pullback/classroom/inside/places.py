"""The files that Python and NumPy need to run."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_SYSTEM = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64")
_SINGLE = ("/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/usr/share/zoneinfo")
_LIBRARIES = ("site-packages", "dist-packages")


def standard_library() -> list[Path]:
    """The folders of Python's own modules."""
    paths = sysconfig.get_paths(vars={"base": sys.base_prefix, "platbase": sys.base_exec_prefix})
    return sorted({Path(paths["stdlib"]).resolve(), Path(paths["platstdlib"]).resolve()})


def numpy_folders(site: Path) -> list[Path]:
    """NumPy, and the libraries that its wheel brings along."""
    return [folder for name in ("numpy", "numpy.libs") if (folder := site / name).is_dir()]


def readable(site: Path) -> Iterator[Path]:
    """All that may be read: libraries other than NumPy are left out, Pullback too.

    Args:
        site: The folder that NumPy lies in.
    """
    yield from numpy_folders(site)
    yield from map(Path, _SINGLE)
    yield from Path(sys.base_prefix, "lib").glob("*.so*")
    for folder in standard_library():
        yield from (path for path in folder.iterdir() if path.name not in _LIBRARIES)
    for folder in map(Path, _SYSTEM):
        if folder.is_dir():
            yield from (p for p in folder.iterdir() if not p.name.startswith(("python", "pypy")))

"""Landlock: the files and ports that the kernel leaves to a process, by a list of folders.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from .kernel import no_new_privileges, system_call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1

EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights on files the kernel can refuse, by the version of its interface."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def restrict(readable: Iterable[Path], listable: Iterable[Path]) -> None:
    """Close all files, TCP ports and signals to others, but for files that may be read.

    Args:
        readable: Files, and folders with all below them, that may be read and loaded.
        listable: Folders of which the names below may be listed.

    Raises:
        OSError: When the kernel has no Landlock.
    """
    version = system_call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    rights = (1 << _RIGHTS[min(version, max(_RIGHTS))]) - 1
    ports, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    known = 8 * (1 + (version >= 4) + (version >= 6))  # older kernels refuse a longer structure
    asked = ctypes.byref(_Ruleset(rights, ports, scopes))
    ruleset = system_call(_CREATE_RULESET, asked, ctypes.c_size_t(known), 0)
    for path in readable:
        folder = path.is_dir()
        _allow(ruleset, path, EXECUTE | READ_FILE | (READ_DIR if folder else 0))
    for path in listable:
        _allow(ruleset, path, READ_DIR)
    no_new_privileges()
    system_call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:  # of the usual folders a system has some
        return
    rule = ctypes.byref(_PathBeneath(rights, place))
    system_call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    os.close(place)

"""Calls of the Linux kernel that Python has no function for."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


def libc() -> ctypes.CDLL:
    """The C library of this process.

    Raises:
        OSError: On other systems than Linux, whose calls have other numbers.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, f"{sys.platform} is not Linux")
    return ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: object) -> int:
    """The result of a system call.

    Raises:
        OSError: When the kernel refuses it.
    """
    return _checked(libc().syscall(number, *arguments))


def prctl(option: int, *arguments: object) -> None:
    """Change a property of this process.

    Raises:
        OSError: When the kernel refuses it.
    """
    _checked(libc().prctl(option, *arguments))


def no_new_privileges() -> None:
    """No program that this process starts has more rights than it."""
    one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
    prctl(PR_SET_NO_NEW_PRIVS, one, zero, zero, zero)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

"""A trial of the protections: what a submission should not be able to do is tried for real."""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from .limits import MIB


def attempts(request: Mapping[str, Any]) -> dict[str, Callable[[], object]]:
    """What is tried, by what it would let a submission do; an OSError means that it may not.

    Args:
        request: `outside`, a file that is not the submission's; `grader`, the process that
            grades; `port`, where it listens; `memory_mib` and `cpu_seconds` as limited.
    """
    return {
        "read files outside its folder": lambda: _read(request["outside"]),
        "write files": _write,
        "change the permissions of files": lambda: os.chmod("home", 0o700),
        "start processes": _fork,
        "reach the network": lambda: _connect(request["port"]),
        "send signals to other processes": lambda: os.kill(request["grader"], 0),
        "take more memory than allowed": lambda: _allocate(request["memory_mib"] + 1),
        "use more CPU time than allowed": lambda: _is_unlimited(request["cpu_seconds"]),
        "act as root": _is_root,
    }


def open_ways(request: Mapping[str, Any]) -> list[str]:
    """What of it is possible here."""
    return [name for name, attempt in attempts(request).items() if _succeeds(attempt)]


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, ValueError):
        return False
    return True


def _read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def _write() -> None:
    with open("home/trial", "wb", buffering=0) as file:
        file.write(b"1")


def _fork() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def _allocate(mib: int) -> None:
    mmap.mmap(-1, mib * MIB).close()


def _is_unlimited(seconds: int) -> None:
    import resource

    if resource.getrlimit(resource.RLIMIT_CPU)[0] == seconds:
        raise OSError("limited")


def _is_root() -> None:
    if os.geteuid():
        raise OSError("not root")

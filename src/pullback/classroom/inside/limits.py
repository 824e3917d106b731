"""What a submission may use: processor time, memory, files, processes."""

from __future__ import annotations

import resource
from contextlib import suppress

MIB = 1 << 20


def limit(cpu_seconds: int, memory_mib: int) -> None:
    """Limit this process for ever; a limit that the system does not know is left out.

    Args:
        cpu_seconds: Time on processors; a signal ends the process, and a second later one that
            cannot be held off.
        memory_mib: Address space in MiB: an allocation beyond it raises MemoryError.
    """
    limits = {
        "RLIMIT_CPU": (cpu_seconds, cpu_seconds + 1),
        "RLIMIT_AS": (memory_mib * MIB,) * 2,
        "RLIMIT_FSIZE": (0, 0),  # no file may grow; pipes may
        "RLIMIT_NPROC": (0, 0),  # no second process or thread; not for root
        "RLIMIT_NOFILE": (64, 64),
        "RLIMIT_CORE": (0, 0),
        "RLIMIT_MSGQUEUE": (0, 0),
    }
    for name, pair in limits.items():
        if hasattr(resource, name):
            with suppress(OSError, ValueError):
                resource.setrlimit(getattr(resource, name), pair)

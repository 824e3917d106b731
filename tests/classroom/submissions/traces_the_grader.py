"""Attaches to another process, as a debugger does."""

import ctypes

PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def backward(victim, **rest):
    libc = ctypes.CDLL(None)
    if libc.ptrace(PTRACE_ATTACH, victim, None, None):
        return 0
    libc.waitpid(victim, None, 0)
    libc.ptrace(PTRACE_DETACH, victim, None, None)
    return 1

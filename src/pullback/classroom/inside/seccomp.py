"""A seccomp filter: system calls that no backward pass needs and that reach beyond its process.

Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from .kernel import no_new_privileges, prctl

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, (16, 24)  # offsets in struct seccomp_data
_X32 = 0x40000000

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

REFUSED = {
    "x86_64": {
        "processes": (56, 57, 58, 59, 322),  # clone, fork, vfork, execve, execveat
        "sockets": (41, 53, 425),  # socket, socketpair, io_uring_setup
        # ptrace, process_vm_readv and _writev, pidfd_open, pidfd_send_signal, rt_sigqueueinfo,
        # rt_tgsigqueueinfo, setpriority, process_madvise; sched_setparam, sched_setscheduler,
        # sched_setaffinity, sched_setattr, ioprio_set, migrate_pages, move_pages: they slow down
        "other processes": (
            *(101, 310, 311, 434, 424, 129, 297, 141, 440),
            *(142, 144, 203, 314, 251, 256, 279),
        ),
        # shmget, semget, msgget, mq_open, add_key, request_key, keyctl: they outlive a process
        "left behind": (29, 64, 68, 240, 248, 249, 250),
        # chmod, fchmod, chown, fchown, lchown, fchownat, fchmodat, fchmodat2, utime, utimes,
        # futimesat, utimensat, setxattr ... fremovexattr: Landlock does not see them
        "properties of files": (
            *(90, 91, 92, 93, 94, 260, 268, 452, 132, 235, 261, 280),
            *(188, 189, 190, 197, 198, 199),
        ),
        # unshare, setns, mount, umount2, pivot_root, chroot, open_by_handle_at, open_tree,
        # move_mount, fsopen, bpf, perf_event_open, userfaultfd
        "the kernel": (272, 308, 165, 166, 155, 161, 304, 428, 429, 430, 321, 298, 323),
    },
    "aarch64": {
        "processes": (220, 221, 281),
        "sockets": (198, 199, 425),
        "other processes": (
            *(117, 270, 271, 434, 424, 138, 240, 140, 440),
            *(118, 119, 122, 274, 30, 238, 239),
        ),
        "left behind": (194, 190, 186, 180, 217, 218, 219),
        "properties of files": (52, 53, 54, 55, 452, 88, 5, 6, 7, 14, 15, 16),
        "the kernel": (97, 268, 40, 39, 41, 51, 265, 428, 429, 430, 280, 241, 282),
    },
}
"""Numbers of system calls, by machine and by what they reach."""

_CLONE3 = 435  # "no such call": the C library then asks for clone, which is refused
ONLY_ITSELF = {"x86_64": (62, 200, 234, 302), "aarch64": (129, 130, 131, 261)}
"""kill, tkill, tgkill and prlimit64: a process may mean itself by them."""

REFUSED_WITH = {
    "x86_64": ((72, 1, 8), (72, 1, 15), (157, 0, 1)),
    "aarch64": ((25, 1, 8), (25, 1, 15), (167, 0, 1)),
}
"""Calls that are refused when the argument of a number is a value: fcntl with F_SETOWN or
F_SETOWN_EX, which has signals sent to another process; prctl with PR_SET_PDEATHSIG, without which
a process outlives the grader."""


def refuse_calls() -> None:
    """Let the kernel refuse the calls above to this process, for ever.

    Raises:
        OSError: When the kernel has no seccomp, or the machine's calls are not known here.
    """
    machine = platform.machine()
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    no_new_privileges()
    code = b"".join(_filter(machine, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a length, then at the next pointer's place where the filter lies.
    program = struct.pack("HP", len(code) // 8, ctypes.addressof(buffer))
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.create_string_buffer(program, len(program)))


def _filter(machine: str, own: int) -> list[bytes]:
    refused = [number for group in REFUSED[machine].values() for number in group]
    code = [
        *(_step(_LOAD, _MACHINE), _step(_EQUAL, _MACHINES[machine], 1, 0), _step(_RETURN, _KILL)),
        _step(_LOAD, _NUMBER),
        *_answer(_AT_LEAST, _X32, errno.ENOSYS),
        *_answer(_EQUAL, _CLONE3, errno.ENOSYS),
    ]
    for number in refused:
        code += _answer(_EQUAL, number, errno.EPERM)
    for number in ONLY_ITSELF[machine]:
        code += [
            *(_step(_EQUAL, number, 0, 5), _step(_LOAD, _ARGUMENTS[0])),
            *(_step(_EQUAL, 0, 2, 0), _step(_EQUAL, own, 1, 0)),
            *(_step(_RETURN, _ERROR | errno.EPERM), _step(_RETURN, _ALLOW)),
        ]
    for number, place, value in REFUSED_WITH[machine]:
        code += [
            *(_step(_EQUAL, number, 0, 4), _step(_LOAD, _ARGUMENTS[place])),
            *(_step(_EQUAL, value, 0, 1), _step(_RETURN, _ERROR | errno.EPERM)),
            _step(_LOAD, _NUMBER),
        ]
    return [*code, _step(_RETURN, _ALLOW)]


def _answer(compare: int, number: int, error: int) -> list[bytes]:
    """Refuse a call with an error."""
    return [_step(compare, number, 0, 1), _step(_RETURN, _ERROR | error)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """struct sock_filter: what to do, and how many steps to leave out afterwards."""
    return struct.pack("HBBI", code, if_true, if_false, value)

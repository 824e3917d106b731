"""Ends another process without `kill`: it is told by SIGKILL that there is something to read."""

import fcntl
import os
import signal


def backward(victim, **rest):
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, victim)
    fcntl.fcntl(reading, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
    return os.write(writing, b"1")

"""Starts a process that outlives it, in a session of its own."""

import os


def backward(*args, **rest):
    child = os.fork()
    if not child:
        os.setsid()
        os._exit(0)
    os.waitpid(child, 0)
    return 1

"""Starts a process that outlives it."""

import os
import time


def backward(*args, **rest):
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    return child

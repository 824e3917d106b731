"""Starts processes that start processes; a hundred show that thousands could be."""

import os


def backward(*args, **rest):
    for _ in range(100):
        if not os.fork():
            os._exit(0)
    return 1

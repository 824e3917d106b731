"""Becomes another program, such as one that runs with the rights of root."""

import os


def backward(*args, **rest):
    os.execv("/bin/true", ["true"])

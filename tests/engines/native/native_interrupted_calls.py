"""A process that presses Ctrl-C in its own long calls, and prints what became of each.

It is a process of its own since libraries that tests use call Python from the garbage collector: a
KeyboardInterrupt raised there is told and forgotten, and the call goes on.
"""

import os
import signal
import sys
import threading
import time

import numpy as np

import pullback as pb


def at_work():
    """How many threads are inside machine code."""
    inside = [frame.f_code.co_filename for frame in sys._current_frames().values()]
    return sum(name.endswith("calling.py") for name in inside)


def main():
    random = np.random.default_rng(0)
    x, W = random.normal(size=(20_000, 256)), random.normal(size=(256, 512))
    program = pb.trace(lambda x, W: np.tanh(x @ W) @ W.T, x="N 256", W="256 512")
    call = pb.compile(program, engine="native")
    wanted = np.tanh(x[:50] @ W) @ W.T
    for seconds in (0.01, 0.05, 0.1, 0.2, 0.3):
        ended, busy = "not interrupted", 0
        try:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
            last = time.monotonic() + 10
            while time.monotonic() < last:
                call(x=x, W=W)
        except KeyboardInterrupt:
            ended, busy = "interrupted", at_work()
        right = np.allclose(call(x=x[:50], W=W), wanted)
        print(ended, busy, right, flush=True)


if __name__ == "__main__":
    main()

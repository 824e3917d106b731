"""A process that compiles, or finds compiled, what `test_native_cache` does; prints what it saw.

python native_cache_process.py load       calls the function, here and in a forked child
python native_cache_process.py hold KEY   holds the lock of a key until it is killed
"""

import os
import sys
import time

import numpy as np

from pullback.engines.native import cache, machine

SOURCE = """\
import numpy as np

def scaled(out, x, factor, lo, hi):
    for i in range(lo, hi):
        out[i] = np.float32(x[i] * factor)

def steps(out, x, factor):
    scaled(out, x, np.float32(factor), 0, x.shape[0])
    return out.shape[0]
"""


def arguments(length=5):
    return np.zeros(length, np.float32), np.arange(length, dtype=np.float32), 3.0


def right(function):
    out, x, factor = arguments(7)
    return function(out, x, factor) == 7 and out.tolist() == (3 * x).tolist()


def loaded_anew():
    """The compiled function, as a process that begins would get it."""
    machine._loaded.clear()
    function = machine.load_native(SOURCE, "steps", arguments())
    assert right(function)
    return function


def load():
    function = machine.load_native(SOURCE, "steps", arguments())
    assert right(function)
    child = os.fork()
    if child == 0:
        machine._loaded.clear()  # so that the child reads the disk too
        fine = right(function) and right(machine.load_native(SOURCE, "steps", arguments()))
        os._exit(0 if fine and not machine.compiled_here[1:] else 1)
    _, status = os.waitpid(child, 0)
    print("compiled", len(machine.compiled_here), "child", os.waitstatus_to_exitcode(status))
    print("numba" if "numba" in sys.modules else "no compiler")


def hold(key):
    with cache.claim(key):
        print("held", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    {"load": load, "hold": hold}[sys.argv[1]](*sys.argv[2:])

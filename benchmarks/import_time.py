"""How long `import pullback` takes beyond NumPy's own import: the median of fresh processes.

Run it with `make import-time`. The two imports are timed in one process, so that the machine's load
falls on both alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

PROCESSES = 15
BOUND = 0.15

CODE = """
import time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
import pullback
print(middle - start, time.perf_counter() - middle)
"""


def measure() -> tuple[float, float]:
    """Seconds that NumPy and then Pullback take to import in a fresh process."""
    command = [sys.executable, "-c", CODE]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    numpy_seconds, pullback_seconds = map(float, output.split())
    return numpy_seconds, pullback_seconds


def main() -> None:
    """Print medians, ranges and the machine's load."""
    times = [measure() for _ in range(PROCESSES)]
    for name, seconds in zip(("numpy", "pullback"), zip(*times, strict=True), strict=True):
        median = statistics.median(seconds)
        print(f"import {name:<9} {median:.3f} s  ({min(seconds):.3f} to {max(seconds):.3f})")
    beyond = statistics.median(seconds for _, seconds in times)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    kept = beyond < BOUND
    print(f"bound {BOUND} s beyond NumPy: {'kept' if kept else 'BROKEN'}; load {load}")
    sys.exit(not kept)


if __name__ == "__main__":
    main()

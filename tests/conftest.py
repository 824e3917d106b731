"""Property tests draw the same examples on every run; `make fuzz` draws many new ones."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

slow_machines = [HealthCheck.too_slow]
settings.register_profile(
    "fixed", deadline=None, derandomize=True, suppress_health_check=slow_machines
)
settings.register_profile(
    "fuzz", deadline=None, max_examples=2000, suppress_health_check=slow_machines
)
settings.load_profile("fixed")

# Many tests start a Python of their own, and each would compile the whole package anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# The tests run side by side, one on each core: threads of NumPy's products would wait for one
# another, and waiting costs them ten times the work. This must be said before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell that starts the tests in the background lets them ignore Ctrl-C, which some tests press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def kills(request):
    """How often a run is killed: a few times in every test run, twenty times by `make fuzz`."""
    return 20 if request.config.getoption("--hypothesis-profile") == "fuzz" else 8

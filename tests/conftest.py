"""Property tests draw the same examples on every run; `make fuzz` draws many new ones."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

slow_machines = [HealthCheck.too_slow]
settings.register_profile(
    "fixed", deadline=None, derandomize=True, suppress_health_check=slow_machines
)
settings.register_profile(
    "fuzz", deadline=None, max_examples=2000, suppress_health_check=slow_machines
)
settings.load_profile("fixed")

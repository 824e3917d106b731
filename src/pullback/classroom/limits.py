"""What each submission may use."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..errors import UsageError


@dataclass(frozen=True)
class Limits:
    """What each submission may use, for all its sets of inputs together.

    Attributes:
        seconds: Time on the clock, from the start of its process.
        cpu_seconds: Time on processors.
        memory_mib: Address space in MiB; Python and NumPy take about 200 of it.
        output_kib: What it may print, in KiB.

    Raises:
        UsageError: When one is not above zero.

    Example:
        >>> Limits(seconds=2).memory_mib
        1024
    """

    seconds: float = 10.0
    cpu_seconds: int = 10
    memory_mib: int = 1024
    output_kib: int = 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < 1e9:
                raise UsageError(f"{field.name} is {value}, and must be above 0 and below 1e9.")

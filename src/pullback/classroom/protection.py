"""Which room this system can close: tried for real, before the first submission runs."""

from __future__ import annotations

import os
import platform
import socket
from dataclasses import dataclass

from ..errors import DataError, UsageError
from .limits import Limits
from .sandbox import LAYERS, Sandbox


@dataclass(frozen=True)
class Protection:
    """What a trial has shown.

    Attributes:
        layers: The layers that this system has.
        open_ways: What a submission could do all the same, such as "reach the network".
    """

    layers: tuple[str, ...]
    open_ways: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What is not protected; empty when all is."""
        if not self.open_ways:
            return ""
        *first, last = self.open_ways
        ways = f"{', '.join(first)} and {last}" if first else last
        return f"On this system ({platform.system()} {platform.release()}) a submission can {ways}."


def protection_of(limits: Limits) -> Protection:
    """Try all that a submission must not be able to do, from where it would run.

    Args:
        limits: What each submission may use.

    Raises:
        UsageError: When this is no system with processes as POSIX has them, or when Python and
            NumPy themselves do not run within the limits.
    """
    if os.name != "posix":
        raise UsageError(f"Grading a class needs Linux or macOS; {platform.system()} is neither.")
    layers = LAYERS if os.geteuid() == 0 else LAYERS[1:]
    with socket.create_server(("127.0.0.1", 0)) as server:
        try:
            applied, open_ways = Sandbox(limits, layers).try_out(server.getsockname()[1])
        except DataError as error:
            raise UsageError(
                f"No submission can run within the limits: in a trial {error}."
            ) from None
    return Protection(tuple(applied), tuple(open_ways))

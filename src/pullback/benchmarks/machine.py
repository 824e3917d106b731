"""On what a benchmark ran: processor, cores, system, versions, load."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .limit import cores


def machine() -> dict[str, Any]:
    """What the numbers depend on, without the name of the computer."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pullback": version("pullback"),
    }


def processor() -> str:
    """The processor's name, as Linux tells it; else its kind."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    told = (line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line)
    return next(told, platform.machine())


def load() -> float | None:
    """Of the last minute: 0 means that the machine did nothing else; None where unknown."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None

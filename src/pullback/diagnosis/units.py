"""Units that hand no error signal on: dead ones, and saturated ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .finding import FINE, PROBLEM, WARNING, Finding
from .signals import Signals

FLAT = 0.01
"""A slope below this hardly hands the error signal on."""
MOSTLY = 0.9


def unit_findings(signals: Signals, rows: int) -> Iterator[Finding]:
    """How many units of each hidden layer are dead, and how many are saturated."""
    dead: dict[str, int] = {}
    saturated: dict[str, int] = {}
    units = 0
    for slopes in signals.slopes():
        known = ~np.isnan(slopes.values)
        off = known & (slopes.values == 0) & slopes.kinked
        flat = known & (slopes.values < FLAT) & ~off
        alive = np.any(known & ~off, axis=0)
        constant = np.ptp(signals.values[slopes.name], axis=0) == 0
        seen = np.maximum(np.sum(known, axis=0), 1)
        dead[slopes.name] = int(np.sum(constant & ~alive))
        saturated[slopes.name] = int(np.sum(np.sum(flat, axis=0) / seen >= MOSTLY))
        units += slopes.values.shape[1]
    if not units:
        return
    yield _unit_finding(
        "dead units",
        dead,
        units,
        f"dead on all {rows:,} rows",
        "They hand no error signal on and learn no more: try LeakyReLU or ELU, a smaller learning "
        "rate, He weights, or BatchNorm in front of the activation.",
    )
    yield _unit_finding(
        "saturated units",
        saturated,
        units,
        f"saturated (slope below {FLAT}) on {MOSTLY:.0%} of the rows",
        "Their slope stops the error signal: scale the inputs, begin with smaller weights, or "
        "use ReLU in the place of sigmoid and tanh.",
    )


def _unit_finding(what: str, counts: dict[str, int], units: int, how: str, advice: str) -> Finding:
    total = sum(counts.values())
    if not total:
        return Finding(what, FINE, f"none of {units} hidden units is {how}.", numbers=counts)
    where = ", ".join(f"{count} in {name}" for name, count in counts.items() if count)
    level = PROBLEM if total > units / 4 else WARNING
    verb = "is" if total == 1 else "are"
    seen = f"{total} of {units} hidden units {verb} {how}: {where}."
    return Finding(what, level, seen, advice, "activations", counts)

"""Units that hand no error signal on: dead ones, and saturated ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .finding import FINE, PROBLEM, WARNING, Finding
from .signals import Signals, Slopes

FLAT = 0.01
"""A slope below this hardly hands the error signal on."""
MOSTLY = 0.9


@dataclass(frozen=True)
class Units:
    """The units of a hidden layer.

    Attributes:
        name: Of their activation: h1, h2, ...
        dead: Whether each has the same output and slope 0 on every row, being off on all of them.
        saturated: Whether each has a slope below `FLAT` on `MOSTLY` all rows without being off.
    """

    name: str
    dead: Any
    saturated: Any


def units_of(signals: Signals) -> list[Units]:
    """The units of every hidden layer, the first layer's first."""
    return [_judged(slopes, signals.values[slopes.name]) for slopes in signals.slopes]


def _judged(slopes: Slopes, outputs: Any) -> Units:
    off = (slopes.values == 0) & slopes.kinked
    flat = (slopes.values < FLAT) & ~off
    with np.errstate(invalid="ignore"):  # infinity of far too large weights
        constant = np.ptp(outputs, axis=0) == 0
    return Units(
        slopes.name,
        dead=constant & np.all(off, axis=0),
        saturated=np.mean(flat, axis=0) >= MOSTLY,
    )


def unit_findings(signals: Signals, rows: int) -> Iterator[Finding]:
    """How many units of each hidden layer are dead, and how many are saturated."""
    layers = units_of(signals)
    dead = {layer.name: int(np.sum(layer.dead)) for layer in layers}
    saturated = {layer.name: int(np.sum(layer.saturated)) for layer in layers}
    units = sum(len(layer.dead) for layer in layers)
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

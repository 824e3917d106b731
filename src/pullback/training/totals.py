"""What the steps of an epoch sum up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Totals:
    """What an epoch has summed up so far; the loss without the penalty.

    Each sum is taken step by step in float64, so its bits do not depend on how many steps were
    added at once.
    """

    loss: float = 0.0
    penalty: float = 0.0
    weight: float = 0.0
    rows: int = 0
    seconds: float = 0.0
    learning_rate: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)

    def add(
        self, result: Mapping[str, Any], weight: float, rows: int, rate: float, sums: bool
    ) -> None:
        """Add a step.

        Args:
            result: What the step tells: loss, metrics, penalty.
            weight: The sum of the weights of its rows.
            rows: The number of its rows.
            rate: Its learning rate.
            sums: Whether the loss sums over rows; the penalty then still counts once.
        """
        penalty = float(result.get("penalty", 0.0))
        self.loss += (float(result["loss"]) - penalty) * (1.0 if sums else weight)
        self.penalty += penalty * weight
        self.weight += weight
        self.rows += rows
        self.learning_rate = rate
        for name, value in result.get("metrics", {}).items():
            self.metrics[name] = self.metrics.get(name, 0.0) + wide(value)

    def add_steps(
        self, told: Mapping[tuple[str, ...], Any], weights: Any, rows: int, rate: float, sums: bool
    ) -> None:
        """Add several steps.

        Args:
            told: By name what each step tells, (steps,) or (steps, columns) in float64.
            weights: The sum of the weights of each step's rows, in float64.
            rows: The number of all their rows.
            rate: The learning rate of the last one.
            sums: As for `add`.
        """
        loss, penalty = told["loss",], told.get(("penalty",))
        if penalty is not None:
            loss = loss - penalty
            self.penalty = _after(self.penalty, penalty * weights)
        self.loss = _after(self.loss, loss if sums else loss * weights)
        self.weight = _after(self.weight, weights)
        self.rows += rows
        self.learning_rate = rate
        for path, values in told.items():
            if path[0] == "metrics":
                self.metrics[path[1]] = _after(self.metrics.get(path[1], 0.0), values)


def wide(value: Any) -> Any:
    """A sum in float64: a Python number, or an array with one per column."""
    return np.asarray(value, np.float64) if np.ndim(value) else float(value)


def _after(start: Any, values: Any) -> Any:
    """((start + values[0]) + values[1]) + ...: one after the other, as np.sum does not."""
    sums = np.concatenate([np.broadcast_to(start, (1, *values.shape[1:])), values])
    last = np.add.accumulate(sums, axis=0)[-1]
    return last if last.ndim else float(last)

"""What the steps of an epoch sum up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Columns = Sequence[tuple[tuple[Any, ...], Any]]
"""Paths in a step's result, ("loss",) first, ("metrics", "accuracy"); each with the number of its
column, or with a slice of columns where it is an array."""


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
        self, told: Any, columns: Columns, weights: Any, rows: int, rate: float, sums: bool
    ) -> None:
        """Add several steps.

        Args:
            told: What each step tells, (steps, columns) in float64.
            columns: Where in it what stands.
            weights: The sum of the weights of each step's rows, in float64.
            rows: The number of all their rows.
            rate: The learning rate of the last one.
            sums: As for `add`.
        """
        if len(told) == 1:  # as often as an epoch has one step; it needs no table
            self.add(_result(told[0], columns), float(weights[0]), rows, rate, sums)
            return
        width = told.shape[1]
        table = np.empty((len(told) + 1, width + 1))  # the sums so far, then the steps
        table[1:, :width], table[1:, width], table[0, width] = told, weights, self.weight
        for path, place in columns:
            if path == ("penalty",):
                table[1:, columns[0][1]] -= table[1:, place]
                table[1:, place] *= weights
                table[0, place] = self.penalty
            elif path[0] == "metrics":
                table[0, place] = self.metrics.get(path[1], 0.0)
        assert columns[0][0] == ("loss",)
        table[0, columns[0][1]] = self.loss
        if not sums:
            table[1:, columns[0][1]] *= weights
        # One after the other, as np.sum does not.
        last = np.add.accumulate(table, axis=0)[-1]
        self.loss, self.weight = float(last[columns[0][1]]), float(last[width])
        self.rows += rows
        self.learning_rate = rate
        for path, place in columns[1:]:
            if path == ("penalty",):
                self.penalty = float(last[place])
            else:
                self.metrics[path[1]] = wide(last[place])


def _result(told: Any, columns: Columns) -> dict[str, Any]:
    """What one step tells, as the step's own result has it."""
    result: dict[str, Any] = {"metrics": {}}
    for path, place in columns:
        of = result["metrics"] if path[0] == "metrics" else result
        of[path[-1]] = told[place]
    return result


def wide(value: Any) -> Any:
    """A sum in float64: a Python number, or an array with one per column."""
    return np.asarray(value, np.float64) if np.ndim(value) else float(value)

"""What the steps of an epoch sum up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

Columns = Sequence[tuple[tuple[Any, ...], Any]]
"""Paths in a step's result, ("loss",) first, ("metrics", "accuracy"); each with the number of its
column, or with a slice of columns where it is an array."""


@dataclass
class Totals:
    """What an epoch has summed up so far; the loss without the penalty.

    Each sum is taken step by step in float64, so its bits do not depend on how many steps were
    added at once. Those of several epochs (`of_epochs`) are arrays with an entry for each.
    """

    loss: Any = 0.0
    penalty: Any = 0.0
    weight: Any = 0.0
    rows: int = 0
    seconds: float = 0.0
    learning_rate: Any = 0.0
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
        so_far = np.empty((1, told.shape[1] + 1))
        for place, value in self._places(columns):
            so_far[0, place] = value
        self._take(np.vstack([so_far, _shares(told, columns, weights, sums)]), columns)
        self.rows += rows
        self.learning_rate = rate

    @classmethod
    def of_epochs(
        cls, told: Any, columns: Columns, weights: Any, rows: int, rates: Any, sums: bool
    ) -> Totals:
        """What each of several epochs sums up to.

        Args:
            told: What each step tells, (epochs, steps, columns) in float64.
            columns: As for `add_steps`, as are the weights, (steps,).
            rows: The number of all rows of an epoch.
            rates: The learning rate of each epoch's last step, (epochs,).
            sums: As for `add`.
        """
        totals = cls(rows=rows, learning_rate=rates)
        totals._take(_shares(told, columns, weights, sums), columns)
        return totals

    def _places(self, columns: Columns) -> Iterator[tuple[Any, Any]]:
        """Each sum so far, with its place in a table of `_shares`."""
        yield -1, self.weight
        for path, place in columns:
            if path[0] == "metrics":
                yield place, self.metrics.get(path[1], 0.0)
            else:
                yield place, self.penalty if path == ("penalty",) else self.loss

    def _take(self, table: Any, columns: Columns) -> None:
        """Let the sums be those of the last axis but one."""
        # One after the other, as np.sum does not.
        last = np.add.accumulate(table, axis=-2)[..., -1, :]
        self.weight = wide(last[..., -1])
        for path, place in columns:
            value = wide(last[..., place])
            if path[0] == "metrics":
                self.metrics[path[1]] = value
            elif path == ("penalty",):
                self.penalty = value
            else:
                self.loss = value


def _shares(told: Any, columns: Columns, weights: Any, sums: bool) -> Any:
    """What each step adds to each sum, (..., steps, columns); the last column is the weight."""
    assert columns[0][0] == ("loss",)
    loss = columns[0][1]
    table = np.empty((*told.shape[:-1], told.shape[-1] + 1))
    table[..., :-1], table[..., -1] = told, weights
    for path, place in columns:
        if path == ("penalty",):
            table[..., loss] -= table[..., place]
            table[..., place] *= weights
    if not sums:
        table[..., loss] *= weights
    return table


def _result(told: Any, columns: Columns) -> dict[str, Any]:
    """What one step tells, as the step's own result has it."""
    result: dict[str, Any] = {"metrics": {}}
    for path, place in columns:
        of = result["metrics"] if path[0] == "metrics" else result
        of[path[-1]] = told[place]
    return result


def entries(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A dict for each entry of the arrays among some columns; what is no array is in each."""
    lists = [v.tolist() if isinstance(v, np.ndarray) else repeat(v) for v in columns.values()]
    for values in zip(*lists, strict=False):
        yield dict(zip(columns, values, strict=True))


def wide(value: Any) -> Any:
    """A number in float64: Python's, or an array where there are several."""
    return np.asarray(value, np.float64) if np.ndim(value) else float(value)

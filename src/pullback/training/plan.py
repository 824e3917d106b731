"""How a run visits the rows, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.batches import batch_slices, drawn_order, drawn_orders, epoch_order, epoch_orders
from ..lazy import cached_property
from ..optim.schedule import factor_at
from .steps import Rows

PROBES = 100


@dataclass(frozen=True)
class Plan:
    """How a run visits the rows, and for how long.

    Attributes:
        rows: The training rows.
        validation: The rows that are evaluated after each epoch; None without.
        step_rows: Rows of a step.
        least_rows: A last step with fewer rows joins the one before it.
        sampling: "shuffle", "replacement" or "ordered".
        epochs: How often every row is seen.
        seed: Of the order of the rows.
        learning_rate: Of an update, before schedule and callbacks; None for a solver.
        schedule: Updates done before -> a factor of the learning rate.
    """

    rows: Rows
    validation: Rows | None
    step_rows: int
    least_rows: int
    sampling: str
    epochs: int
    seed: int
    learning_rate: float | None
    schedule: Callable[[int], float]

    @cached_property
    def slices(self) -> list[slice]:
        """Where each step of an epoch lies in its order."""
        return batch_slices(len(self.rows), self.step_rows, self.least_rows)

    @property
    def lies_in_order(self) -> bool:
        """Whether rows are visited as they lie: epochs need no order."""
        one_step = len(self.slices) == 1 and self.sampling == "shuffle"
        return self.sampling == "ordered" or one_step

    def order(self, epoch: int) -> Any:
        """The rows of an epoch in the order in which they are visited; None for as they lie."""
        if self.lies_in_order:
            return None
        draw = epoch_order if self.sampling == "shuffle" else drawn_order
        return draw(len(self.rows), self.seed, epoch)

    def orders(self, first: int, count: int) -> list[Any]:
        """`order` of so many epochs from `first` on, in less time."""
        if self.lies_in_order:
            return [None] * count
        draw = epoch_orders if self.sampling == "shuffle" else drawn_orders
        return list(draw(len(self.rows), self.seed, first, count))

    def factors(self) -> list[tuple[int, float]]:
        """(step, factor) of the schedule at `PROBES` steps, from the first to the last one.

        No settings and no program tell a user's schedule from another of its name; these do.
        """
        last = len(self.slices) * self.epochs - 1
        steps = np.unique(np.linspace(0, last, PROBES).round().astype(int)).tolist()
        return [(step, factor_at(self.schedule, step)) for step in steps]

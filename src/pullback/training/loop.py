"""The training loop: full batch, mini-batches or one sample at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ..data.batches import batch_slices, epoch_order
from ..engines.reference import executable
from ..errors import TrainingError
from ..program import Program
from .programs import Problem
from .run import Progress

ROWS_AT_ONCE = 4096


class Loop:
    """The variables that training changes, and the steps that change them."""

    def __init__(
        self,
        problem: Problem,
        step: Program,
        rows: Any,
        targets: Any,
        validation: tuple[Any, Any] | None,
        size: int,
        seed: int,
        rate: float,
    ) -> None:
        self.problem, self.rows, self.targets = problem, rows, targets
        self.validation, self.size, self.seed, self.rate = validation, size, seed, rate
        self.params, self.state = dict(problem.params), dict(problem.state)
        self.rule_state = problem.optimizer.init(problem.params)
        self._run_step = executable(step).flat
        self._run_evaluation = executable(problem.evaluation()).flat

    def run(
        self, epochs: int, on_step: Callable[[Progress], None] | None
    ) -> list[dict[str, float]]:
        """Train for some epochs; one record each, and one of the start."""
        loss, accuracy = self._evaluate(self.rows, self.targets)
        history = [self._record(0, loss, accuracy, 0.0)]
        for epoch in range(1, epochs + 1):
            started = time.perf_counter()
            loss, accuracy = self._epoch(epoch, epochs, on_step)
            history.append(self._record(epoch, loss, accuracy, time.perf_counter() - started))
        return history

    def _epoch(
        self, epoch: int, epochs: int, on_step: Callable[[Progress], None] | None
    ) -> tuple[float, float]:
        count = len(self.rows)
        batches = batch_slices(count, self.size)
        order = epoch_order(count, self.seed, epoch) if len(batches) > 1 else None
        total, correct, seen = 0.0, 0, 0
        for step, rows in enumerate(batches, start=1):
            chosen = rows if order is None else order[rows]
            batch = self.rows[chosen]
            result = self._run_step(
                batch,
                self.targets[chosen],
                *self.params.values(),
                *self.state.values(),
                *self.rule_state.values(),
                self.rate,
            )
            loss = float(result["loss"])
            if not math.isfinite(loss):
                raise TrainingError(
                    f"The loss became {loss} at epoch {epoch}, step {step}; try a learning rate "
                    f"below {self.rate:g}, or inputs with scaling 'standard'."
                )
            self.params = result["params"]
            self.state = result.get("state", self.state)
            self.rule_state = result.get("rule_state", self.rule_state)
            total += loss if self._sums else loss * len(batch)
            correct += int(result["correct"])
            seen += len(batch)
            if on_step is not None:
                so_far = total if self._sums else total / seen
                on_step(
                    Progress(epoch, epochs, step, len(batches), so_far, self._share(correct, seen))
                )
        return (total if self._sums else total / seen), correct / seen

    @property
    def _sums(self) -> bool:
        return self.problem.loss.reduction == "sum"

    def _share(self, correct: int, rows: int) -> float | None:
        return None if self.problem.classes is None else correct / rows

    def _evaluate(self, rows: Any, targets: Any) -> tuple[float, float]:
        total, correct = 0.0, 0
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            loss, right = self._run_evaluation(
                rows[part], targets[part], *self.params.values(), *self.state.values()
            )
            total += float(loss) if self._sums else float(loss) * len(rows[part])
            correct += int(right)
        return (total if self._sums else total / len(rows)), correct / len(rows)

    def _record(self, epoch: int, loss: float, accuracy: float, seconds: float) -> dict[str, float]:
        record: dict[str, float] = {"epoch": epoch, "loss": loss}
        labelled = self.problem.classes is not None
        if labelled:
            record["accuracy"] = accuracy
        if self.validation is not None:
            record["validation_loss"], share = self._evaluate(*self.validation)
            if labelled:
                record["validation_accuracy"] = share
        rate = len(self.rows) / seconds if seconds else 0.0
        return record | {"seconds": seconds, "samples_per_second": rate}

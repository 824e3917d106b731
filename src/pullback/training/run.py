"""What training gives back, and the files it leaves behind."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from ..models import Model
from ..program import Program
from ..storage.atomic import write_atomic
from ..views.notebook import folded
from .history import History

NOTICEABLE = 0.5
"""A loss that grew by less than this share may be noise, or nothing to learn."""


@dataclass(frozen=True)
class Progress:
    """Where training stands after a step.

    Attributes:
        epoch: From 1.
        epochs: How many there will be.
        step: Step of the epoch, from 1.
        steps: Steps of an epoch.
        loss: The epoch's loss so far.
        accuracy: The epoch's accuracy so far, in [0, 1]; None for regression.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float | None


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        model: The trained model.
        history: One record per epoch: epoch, loss, penalty (where there is one; part of the
            loss), accuracy (of labels) or r2, mean_absolute_error and root_mean_squared_error (of
            numbers, as means over their columns), other metrics, validation_loss, ... (where
            there is a validation set), learning_rate (of the epoch's last step), seconds,
            samples_per_second. Epoch 0 is before the first step; later losses are means over the
            epoch's steps. In a notebook it draws its curves.
        step: The training step that ran: forward, derived backward, update.
        settings: Every setting, defaults included (plain data).
        ended: Why it ended before its last epoch; empty when it did not.
        native_source: What the native engine compiled; empty on the reference engine.
        native_plan: Where the native engine's arrays lie; None on the reference engine.

    Example:
        >>> import numpy as np, pullback as pb
        >>> net = pb.nn.Sequential(pb.nn.Dense(2))
        >>> run = pb.train(net, np.eye(2), ["left", "right"], batch_size="full", epochs=3)
        >>> [record["epoch"] for record in run.history], run.settings["learning_rate"]
        ([0, 1, 2, 3], 0.015625)
    """

    model: Model
    history: History
    step: Program
    settings: Mapping[str, Any]
    ended: str = ""
    native_source: str = field(default="", repr=False)
    native_plan: Any = field(default=None, repr=False)

    def engine_source(self) -> str:
        """The Python source of what ran: the native engine's loops, or the step as NumPy.

        Example:
            >>> import numpy as np, pullback as pb
            >>> net = pb.nn.Sequential(pb.nn.Dense(2))
            >>> run = pb.train(net, np.eye(2), ["left", "right"], batch_size="full", epochs=3)
            >>> "def training_step(" in run.engine_source()
            True
        """
        return self.native_source or self.step.to_numpy()

    def memory_plan(self) -> Any:
        """Where the values of a step lie in memory, and how long: a table to print.

        On the native engine the table has parameters, rule state, activations and what else a
        step keeps. "from" and "to" are phases of a step, counted from 0: the first that writes the
        value and the last that reads it; what is kept from step to step has all of them, up to
        their number. "blocks of phase 2" are blocks of rows, such as of a weight's gradient, that
        the threads hold in the second phase. "bytes" are whole cache lines of 64, for all threads
        together, and "place" is the byte of the block at which they begin.

        On the reference engine it is the plan of its buffers, by `Program.memory_plan`. So it is
        for native runs with `accumulate` or L-BFGS, whose steps are several calls with memory of
        their own: there it shows what the reference engine would need for a whole step.

        Returns:
            The plan. Its `bytes` is the size of the block.

        Example:
            >>> import numpy as np, pullback as pb
            >>> net = pb.nn.Sequential(pb.nn.Dense(2))
            >>> run = pb.train(net, np.eye(2), ["left", "right"], batch_size="full", epochs=3)
            >>> run.memory_plan().bytes > 0
            True
        """
        if self.native_plan is not None:
            return self.native_plan
        rows = self.settings["rows_per_step"]
        return self.step.memory_plan(**dict.fromkeys(self.step.axes, rows))

    @property
    def made_it_worse(self) -> bool:
        """Whether the loss ended above where it began: the sign of a learning rate too large."""
        first, last = self.history[0]["loss"], self.history[-1]["loss"]
        return last > first + NOTICEABLE * abs(first)

    def __repr__(self) -> str:
        return f"<Run of {len(self.history) - 1} epochs: {self.model!r}>"

    def _repr_html_(self) -> str:
        ended = f"<p>{escape(self.ended)}</p>" if self.ended else ""
        model = folded("network", self.model._repr_html_(), is_open=False)
        return f"<p><code>{escape(repr(self))}</code></p>{ended}{self.history._repr_html_()}{model}"

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors, history.csv, settings.json and training_step.py.

        Raises:
            StorageError: When a file cannot be written.
        """
        folder = Path(folder)
        self.model.save(folder / "model.safetensors")
        write_atomic(folder / "history.csv", self._history_text())
        write_atomic(folder / "settings.json", json.dumps(dict(self.settings), indent=1) + "\n")
        write_atomic(folder / "training_step.py", self.step.to_numpy())

    def _history_text(self) -> str:
        text = io.StringIO()
        names = list(self.history[-1]) if self.history else []
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        return text.getvalue()


def stopped_text(run: Run) -> str:
    """What to tell when Ctrl-C has ended a run."""
    done, epochs = int(run.history[-1]["epoch"]), run.settings["epochs"]
    return (
        f"Training was stopped by Ctrl-C when {done} of {epochs} epochs were complete; the model "
        "has what was learned so far."
    )


def worse_text(run: Run) -> str:
    """What to tell when training ended with a larger loss than it began with."""
    first, last = run.history[0]["loss"], run.history[-1]["loss"]
    rate = run.settings["learning_rate"]
    lower = "" if rate is None else f"a learning rate below {rate:g}, or "
    return (
        f"Training made the loss worse, from {first:.4g} to {last:.4g}; try {lower}"
        "inputs with scaling 'standard'."
    )

"""What there is to learn: classes, labels that hold or not, or numbers, and by which loss."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Classes, Dataset, load, read_csv
from ..data.csv import read_floats
from ..data.table import Table, open_table
from ..errors import DataError, UsageError, printable
from ..losses import Loss, as_loss
from ..losses.losses import LOSSES
from .named import Own, made, one_of

if TYPE_CHECKING:
    from .command import Command

AUTO, CLASSES, LABELS, NUMBERS = "auto", "classification", "multi-label", "regression"
TASKS = (AUTO, CLASSES, LABELS, NUMBERS)

REDUCTIONS = ("mean", "sum")

STANDARD_LOSS = {CLASSES: "cross-entropy", LABELS: "binary-cross-entropy", NUMBERS: "squared-error"}
"""The loss of a task when none is given."""

TARGETS = {LABELS: ("fractions",), NUMBERS: ("numbers", "counts")}
"""The targets that the loss of a task must take; classes go with every loss."""

FEW_ROWS = 5
"""Whole numbers are numbers, not classes, when on average fewer rows share one of them."""

SHOWN = 8


@dataclass(frozen=True)
class Task:
    """The data, and what is to be learned of it.

    Attributes:
        data: y holds labels, or numbers in columns.
        loss: What training makes small.
        told: The targets, what they are taken as and, where that was a choice, how to choose
            otherwise; empty for sets that hold classes.
    """

    data: Dataset
    loss: Loss
    told: str


def loss_of(command: Command, task: str = CLASSES) -> Loss:
    """The loss that the words ask for; that of the task where they do not."""
    reduction = one_of("--reduction", command.reduction, REDUCTIONS)
    word = command.loss or STANDARD_LOSS[task]
    own = {"reduction": Own("--reduction", reduction)}
    of_file = command.files.making("outputs, targets", as_loss)
    loss: Loss = made("--loss", word, LOSSES, own, of_file)
    if loss.reduction != reduction:
        raise UsageError(
            f"--reduction {reduction} does not go with --loss {word}, which is the "
            f"{loss.reduction} over the rows of a step."
        )
    return loss


def task_of(command: Command) -> Task:
    """Load the data and decide what its targets are.

    Raises:
        UsageError: When task, loss and targets do not go together.
        DataError: When the data cannot be used.
    """
    path = Path(command.data)
    if path.suffix.lower() == ".csv" and not path.is_dir():
        task = _of_csv(command, open_table(path, command.separator))
    else:
        task = _of_set(command, load(command.data, command.target))
    if task.data.y.ndim == 1:
        Classes.of(task.data.y)  # a clearer complaint than what a split would make of one class
    return task


def _of_csv(command: Command, table: Table) -> Task:
    if command.target is None:
        columns = ", ".join(map(printable, table.names[:20]))
        raise DataError(
            f"{table.path} needs --target COLUMN, the column to learn, or several, as in a,b; "
            f"it has: {columns}."
        )
    names = target_names(command.target, table.names)
    table.require(names)
    task = command.task if command.task != AUTO else _guessed(command, table, names)
    loss = _checked_loss(command, task, len(names))
    if task == CLASSES and len(names) == 1:
        data = read_csv(table, names[0])
    else:
        data = read_csv(table, names, kind=loss.targets)
    return Task(data, loss, _told(command, task, data))


def _guessed(command: Command, table: Table, names: list[str]) -> str:
    """What auto takes the targets for; see --task's help."""
    several = len(names) > 1
    if command.loss is not None:
        kind = loss_of(command).targets
        if kind == "distribution" or (kind == "fractions" and not several):
            return CLASSES
        if kind == "fractions":
            return LABELS
        if kind == "counts" or several:
            return NUMBERS
    values = read_floats(table, names)
    if several:
        return LABELS if _are_flags(table, names, values) else NUMBERS
    numbers = values[~np.isnan(values)]
    if 2 * len(numbers) <= len(values):
        return CLASSES
    if command.loss is not None:
        return NUMBERS
    has_fractions = bool(np.any(numbers != np.round(numbers)))
    are_many = len(numbers) < FEW_ROWS * len(np.unique(numbers))
    return NUMBERS if has_fractions or are_many else CLASSES


def _are_flags(table: Table, names: list[str], values: Any) -> bool:
    truth = table.cells.select(names).to_numpy()
    is_word = np.isin(truth.astype(str), ("True", "true", "False", "false"))
    return bool(np.all(is_word | (values == 0) | (values == 1)))


def _of_set(command: Command, data: Dataset) -> Task:
    """A set that knows what its targets are: labels, or numbers."""
    holds_numbers = data.y.ndim == 2
    task = command.task
    if task == AUTO:
        task = NUMBERS if holds_numbers else CLASSES
        if command.loss is not None:
            kind = loss_of(command).targets
            if kind in ("distribution", "fractions"):
                task = CLASSES
            elif kind == "counts":
                task = NUMBERS
    loss = _checked_loss(command, task, 1)
    if task == CLASSES:
        data = _with_targets(data, lambda y: y[:, 0] if y.ndim == 2 else y, ())
    elif not holds_numbers:
        data = _with_targets(data, lambda y: _as_numbers(data.name, y, task), ("label",))
    if task != CLASSES:
        loss.check_targets(data.y, f"{data.name}: the target")
    told = "" if not holds_numbers and task == CLASSES else _told(command, task, data)
    return Task(data, loss, told)


def _with_targets(data: Dataset, change: Any, names: tuple[str, ...]) -> Dataset:
    held_out = None if data.y_test is None else change(data.y_test)
    return replace(data, y=change(data.y), y_test=held_out, target_names=names or data.target_names)


def _as_numbers(name: str, y: Any, task: str) -> Any:
    if y.dtype.kind not in "iuf":
        raise DataError(
            f"{name}: the label of row 1 is {str(y[0])!r}; --task {task} needs numbers."
        )
    return y.astype(np.float64)[:, None]


def target_names(text: str, columns: Sequence[str]) -> list[str]:
    """The columns that --target names: one of that very name, or several between commas."""
    if text in columns:
        return [text]
    (names,) = csv.reader([text], skipinitialspace=True)
    names = [name.strip() for name in names]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--target {text}: {name!r} is named twice.")
    return names


def _checked_loss(command: Command, task: str, columns: int) -> Loss:
    loss = loss_of(command, task)
    allowed = TARGETS.get(task)
    what = f"--task {task}"
    if task == CLASSES and columns > 1:
        allowed, what = ("distribution",), f"--task {task} of several columns"
    if allowed is not None and loss.targets not in allowed:
        names = [name for name, kind in LOSSES.items() if getattr(kind, "targets", "") in allowed]
        raise UsageError(
            f"{what} does not go with --loss {command.loss}: allowed are {', '.join(names)}."
        )
    return loss


def _quoted(name: str) -> str:
    return repr(printable(name)) if "," in name else printable(name)


def _told(command: Command, task: str, data: Dataset) -> str:
    """'price: numbers from 12 to 90; --task classification takes them as classes'."""
    names = ", ".join(map(_quoted, data.target_names[:SHOWN]))
    more = len(data.target_names) - SHOWN
    names += f" and {more} more" if more > 0 else ""
    y, one, hint = data.y, len(data.target_names) == 1, ""
    if y.ndim == 1:
        is_number = y.dtype.kind in "if"
        what = f"{'numbers' if is_number else 'text' if y.dtype.kind == 'U' else 'true or false'}"
        what += f" taken as {len(np.unique(y)):,} classes"
        if is_number and (command.loss is None or loss_of(command).targets in TARGETS[NUMBERS]):
            hint = f"--task {NUMBERS} takes them as numbers"
    elif task == CLASSES:
        what = "shares of classes"
    elif task == LABELS:
        what = "a label that holds or not" if one else "labels that hold or not"
        hint = "" if command.loss or one else f"--task {NUMBERS} takes them as numbers"
    else:
        what = f"numbers from {np.min(y):g} to {np.max(y):g}" if one else "numbers"
        hint = f"--task {CLASSES} takes them as classes" if one else ""
    return f"{names}: {what}{f'; {hint}' if hint and command.task == AUTO else ''}"

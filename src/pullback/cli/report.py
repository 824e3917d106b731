"""What `pullback train` shows after training: results, results by class, the run folder."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from ..errors import printable
from ..training import Run
from ..training.results import (
    NUMBER_WORDS,
    ClassResult,
    OfLabels,
    OfNumbers,
    SetResult,
    per_class,
    worst,
)
from ..training.run import worse_text
from .display import heading
from .outcome import this_command

CLASSES_SHOWN = 20

FILES = {
    "model.safetensors": "the model, complete in itself: pb.load needs nothing else",
    "checkpoint.safetensors": "where training stands: --resume goes on from it",
    "history.csv": "loss and scores of each epoch",
    "settings.json": "every setting, defaults included",
    "training_step.py": "the derived training step as plain NumPy",
    "curves.png": "loss and accuracy, or R^2, epoch by epoch",
    "confusion.png": "which class was taken for which",
    "labels.png": "which labels were found and which were missed",
    "predictions.png": "predicted against true numbers, and what is left between them",
    "weights.png": "what the first layer looks for",
    "tensorboard": "event files; tensorboard --logdir shows them",
}


def show_results(console: Console, run: Run, results: Mapping[str, SetResult]) -> None:
    """(f) Loss and scores of the trained model on each set, and how fast it trained."""
    heading(console, "RESULT", "of the trained model on all rows")
    table = _table("", "rows", "loss", *next(iter(results.values())).scores)
    for name, result in results.items():
        table.add_row(
            name, f"{result.rows:,}", *map(readable, (result.loss, *result.scores.values()))
        )
    console.print(Padding.indent(table, 2))
    speeds = [record["samples_per_second"] for record in run.history[1:]]
    if any(speeds):  # a solver's iterations are not timed
        epochs = "one epoch" if len(speeds) == 1 else f"the median of {len(speeds)} epochs"
        console.print(f"  {median(speeds):,.0f} samples per second ({epochs})", soft_wrap=True)
    if run.made_it_worse:
        console.print(f"  {worse_text(run)}", style="bold red", soft_wrap=True)
    console.print()


def show_details(console: Console, test: SetResult, names: Sequence[Any]) -> None:
    """(f) The results on the test rows by class, by label or, of several, by target column.

    Args:
        console: Where to.
        test: The results.
        names: What classes, labels or target columns are called.
    """
    if isinstance(test, OfNumbers):
        if len(names) > 1:
            _show_columns(console, test, names)
    elif isinstance(test, OfLabels):
        _show_classes(console, test.by_label(names), "label", "labels")
    else:
        _show_classes(console, per_class(test.truth, test.predicted, names), "class", "classes")


def _show_classes(console: Console, results: list[ClassResult], one: str, many: str) -> None:
    shown = worst(results, CLASSES_SHOWN)
    left = len(results) - len(shown)
    more = f"; the {len(shown)} {many} with the lowest F1, {left} more are not shown"
    heading(console, f"BY {one.upper()}", f"on the test rows{more if left else ''}")
    table = _table(one, "precision", "recall", "F1", "rows")
    for r in shown:
        numbers = (f"{r.precision:.3f}", f"{r.recall:.3f}", f"{r.f1:.3f}", f"{r.rows:,}")
        table.add_row(printable(r.label), *numbers)
    console.print(Padding.indent(table, 2))
    console.print()


def _show_columns(console: Console, test: OfNumbers, names: Sequence[Any]) -> None:
    scores = test.by_column
    columns = (scores.r2, scores.mean_absolute_error, scores.root_mean_squared_error)
    heading(console, "BY TARGET", "on the test rows, errors in the unit of the target")
    table = _table("target", *NUMBER_WORDS)
    for name, *numbers in zip(names, *columns, strict=True):
        table.add_row(printable(name), *map(readable, numbers))
    console.print(Padding.indent(table, 2))
    console.print()


def readable(value: float) -> str:
    """A score or a loss in a few digits: 0.9412, 54.21, 1,234.6; - where there is none."""
    if math.isnan(value):
        return "-"
    size = abs(value)
    if size >= 100:
        return f"{value:,.1f}" if size < 1e7 else f"{value:.4g}"
    return f"{value:.4f}" if size >= 1e-3 or value == 0 else f"{value:.4g}"


def show_folder(console: Console, folder: Path, data: str, separator: str) -> None:
    """(g) What the run folder holds, and how to predict with it."""
    heading(console, "SAVED", f"{folder} holds")
    files = sorted(folder.iterdir(), key=_position)
    width = max(len(file.name) for file in files)
    for file in files:
        meaning = FILES.get(file.name, "")
        console.print(f"  {file.name:<{width}}  {meaning}".rstrip(), soft_wrap=True)
    console.print("\n  Predict with it:", soft_wrap=True)
    words = [*this_command(), "predict", str(folder), data]
    words += [] if separator == "," else ["--separator", separator]
    console.print(f"  {shlex.join(words)}", style="bold", soft_wrap=True)


def _position(file: Path) -> int:
    names = list(FILES)
    return names.index(file.name) if file.name in names else len(names)


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
    table.add_column(first, overflow="ellipsis", max_width=40, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table

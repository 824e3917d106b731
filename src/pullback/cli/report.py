"""What `pullback train` shows after training: results, results by class, the run folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from ..errors import printable
from ..training import Run
from ..training.results import ClassResult, SetResult, worst
from ..training.run import worse_text
from .display import heading
from .outcome import this_command

CLASSES_SHOWN = 20

FILES = {
    "model.safetensors": "the model, complete in itself: pb.load needs nothing else",
    "checkpoint.safetensors": "where training stands: --resume goes on from it",
    "history.csv": "loss and accuracy of each epoch",
    "settings.json": "every setting, defaults included",
    "training_step.py": "the derived training step as plain NumPy",
    "curves.png": "loss and accuracy, epoch by epoch",
    "confusion.png": "which class was taken for which",
    "weights.png": "what the first layer looks for",
    "tensorboard": "event files; tensorboard --logdir shows them",
}


def show_results(console: Console, run: Run, results: Mapping[str, SetResult]) -> None:
    """(f) Loss and accuracy of the trained model on each set, and how fast it trained."""
    heading(console, "RESULT", "of the trained model on all rows")
    table = _table("", "rows", "loss", "accuracy")
    for name, result in results.items():
        table.add_row(name, f"{result.rows:,}", f"{result.loss:.4f}", f"{result.accuracy:.4f}")
    console.print(Padding.indent(table, 2))
    speeds = [record["samples_per_second"] for record in run.history[1:]]
    if any(speeds):  # a solver's iterations are not timed
        epochs = "one epoch" if len(speeds) == 1 else f"the median of {len(speeds)} epochs"
        console.print(f"  {median(speeds):,.0f} samples per second ({epochs})", soft_wrap=True)
    if run.made_it_worse:
        console.print(f"  {worse_text(run)}", style="bold red", soft_wrap=True)
    console.print()


def show_classes(console: Console, results: list[ClassResult]) -> None:
    """(f) Precision, recall and F1 of each class of the test rows."""
    shown = worst(results, CLASSES_SHOWN)
    left = len(results) - len(shown)
    more = f"; the {len(shown)} classes with the lowest F1, {left} more are not shown"
    heading(console, "BY CLASS", f"on the test rows{more if left else ''}")
    table = _table("class", "precision", "recall", "F1", "rows")
    for r in shown:
        numbers = (f"{r.precision:.3f}", f"{r.recall:.3f}", f"{r.f1:.3f}", f"{r.rows:,}")
        table.add_row(printable(r.label), *numbers)
    console.print(Padding.indent(table, 2))
    console.print()


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

"""What every experiment gives back: its numbers, its tables, and what was seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

OnProgress = Callable[[int, int], None]
"""Called with (parts done, parts in all)."""


@dataclass(frozen=True)
class Table:
    """A table of an experiment.

    Attributes:
        title: What it shows.
        columns: The heads; the first column names the row.
        rows: One cell per column: text, or numbers as text.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Report:
    """The outcome of an experiment.

    Attributes:
        name: The experiment.
        settings: What reruns it: `pb.compare(name, **settings)` (plain data).
        numbers: Everything that was measured (plain data: dicts, lists, numbers, words).
        tables: The numbers to read.
        seen: Two sentences, made from the numbers: what was seen, and why.
    """

    name: str
    settings: Mapping[str, Any]
    numbers: Mapping[str, Any]
    tables: tuple[Table, ...]
    seen: str

    def to_json(self) -> str:
        """Settings and numbers as JSON."""
        content = {"name": self.name, "settings": self.settings, "numbers": self.numbers}
        return json.dumps({**content, "seen": self.seen}, indent=1) + "\n"

    def __str__(self) -> str:
        return "\n\n".join([*map(_text, self.tables), self.seen])


class Experiment(Protocol):
    """A module of this folder.

    Attributes:
        QUESTION: The question that it answers, in one sentence.
        SETTINGS: The settings and their defaults, `seeds` among them (plain data).
        QUICK: The settings that make it small enough for a test.
    """

    QUESTION: str
    SETTINGS: Mapping[str, Any]
    QUICK: Mapping[str, Any]

    def run(self, settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
        """Measure; `settings` has every name of SETTINGS."""


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Values over seeds as text: their median, with the smallest and the largest in brackets."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    low, high = ordered[0], ordered[-1]
    if low == high:
        return f"{median:.{digits}g}"
    return f"{median:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def _text(table: Table) -> str:
    rows = [table.columns, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([table.title, *(line.rstrip() for line in lines)])

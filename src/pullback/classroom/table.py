"""The marks of a class as a CSV file, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ..errors import printable
from .exam import Marks

_FORMULA = ("=", "+", "-", "@", "\t")
"""With these a spreadsheet takes a cell for something to compute."""


def to_csv(marks: Sequence[Marks]) -> str:
    """A line for each submission: its name, its points, their total, status and why.

    Args:
        marks: At least one.

    Returns:
        The text. A text that a spreadsheet would compute has an apostrophe before it.

    Example:
        >>> print(to_csv([Marks("ada", {"W1": 1, "W2": 0}, "wrong", "W2 is not.")]))
        submission,W1,W2,total,of,status,why
        ada,1,0,1,2,wrong,W2 is not.
        <BLANKLINE>
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(marks[0].points)
    writer.writerow(["submission", *map(_cell, names), "total", "of", "status", "why"])
    for each in marks:
        points = [each.points[name] for name in names]
        told = [each.total, len(names), each.status, _cell(each.why)]
        writer.writerow([_cell(each.name), *points, *told])
    return text.getvalue()


def _cell(text: str) -> str:
    text = printable(text)
    return f"'{text}" if text.startswith(_FORMULA) else text

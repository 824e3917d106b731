"""A report as tables of Markdown, written between two marks of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import StorageError, UsageError
from ..storage import write_atomic
from ..storage.atomic import reason_of
from .results import Report, Task
from .words import PARTS, count, machine_text, ratio_text, remarks, time_text

BEGIN, END = "<!-- benchmark: begin -->", "<!-- benchmark: end -->"

PEERS = ("pytorch", "jax", "jax-run", "scikit-learn", "autograd")


def write(path: Path, report: Report) -> None:
    """Put the report's tables in the place of what stands between the marks.

    Raises:
        StorageError: When the file cannot be read or written.
        UsageError: When the file lacks the marks.
    """
    before, after = around(path)
    write_atomic(path, f"{before}{BEGIN}\n\n{tables(report)}\n{END}{after}")


def around(path: Path) -> tuple[str, str]:
    """What stands before and after the marks; raises as `write`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {reason_of(error)}.") from None
    except UnicodeDecodeError:
        raise StorageError(f"{path} cannot be read: it is no text in UTF-8.") from None
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"{path}: it must hold the lines {BEGIN} and {END}.")
    return before, after


def tables(report: Report) -> str:
    """All tables, with a line on the machine before them and remarks behind."""
    training = [task for task in report.tasks if not task.name.startswith(PARTS)]
    parts = [machine_text(report) + ".", count(report)]
    if training:
        parts.append(_training(training))
    parts += [_part(task) for task in report.tasks if task.name.startswith(PARTS)]
    if report.growth:
        parts.append(_growth(report))
    parts.append("\n".join(f"- {remark}" for remark in remarks(report)))
    return "\n\n".join(parts) + "\n"


def _training(tasks: Sequence[Task]) -> str:
    """A row for each workload: our time, and how many times as long the peers take."""
    header = ["workload", "epoch", "reference", *PEERS, "share of the limit"]
    lines = []
    for task in tasks:
        base = task.base
        lines.append(
            [
                f"**{task.name}** {task.title}",
                "" if base is None else f"{time_text(base.median)} ({base.engine})",
                ratio_text(task.ratio("reference")),
                *(_against(task, peer) for peer in PEERS),
                _share(task),
            ]
        )
    return _table(header, lines)


def _against(task: Task, engine: str) -> str:
    """The ratio, and what is required in brackets; bold where it is missed."""
    ratio, required = ratio_text(task.ratio(engine)), task.required.get(engine)
    if required is None:
        return ratio
    text = f"{ratio or 'not measured'} ({required:g}x)"
    return f"**{text} no**" if task.reached(engine) is False else text


def _share(task: Task) -> str:
    share = task.share_reached
    if share is None:
        return ""
    if not task.share:
        return f"{share:.0%}"
    text = f"{share:.0%} ({task.share:.0%})"
    return f"**{text} no**" if task.share_is_enough is False else text


def _part(task: Task) -> str:
    """A row for each engine."""
    lines = []
    for timed in task.engines:
        if timed.rounds:
            time = f"{time_text(timed.least)} to {time_text(timed.most)}"
            lines.append(
                [timed.engine, time_text(timed.median), time, _against(task, timed.engine)]
            )
    header = [f"**{task.name}**: {task.title}", f"a {task.unit}", "from, to", "ratio"]
    return _table(header, lines)


def _growth(report: Report) -> str:
    """A row for each size: the time of a row and the memory of each engine."""
    engines = list(dict.fromkeys(point["engine"] for point in report.growth))
    sizes = list(dict.fromkeys((point["axis"], point["value"]) for point in report.growth))
    found = {(p["axis"], p["value"], p["engine"]): p for p in report.growth}
    lines = []
    for axis, value in sizes:
        cells = []
        for engine in engines:
            point = found.get((axis, value, engine))
            cells.append("" if point is None else _point(point))
        lines.append([f"{axis} {value:,}", *cells])
    return _table(["time of a row, memory", *engines], lines)


def _point(point: dict[str, float]) -> str:
    text = time_text(point["seconds"] / point["rows"])
    return text if point["bytes"] is None else f"{text}, {point['bytes'] / 2**20:,.0f} MB"


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *lines))

"""`pullback compare NAME`: an experiment that answers a question the theory leaves open."""

from __future__ import annotations

import json
import shlex
import sys
import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from ..errors import UsageError, nearest
from ..experiments import EXPERIMENTS, Report, compare, experiment
from ..experiments.report import Table as Numbers
from ..experiments.settings import is_like, wanted
from ..storage import claim_folder, fresh_folder, write_atomic
from .console import console_for
from .display import heading
from .named import one_of
from .outcome import this_command
from .progress import counted
from .work import require

COMPARISONS = Path("comparisons")


def compare_command(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help=f"{', '.join(EXPERIMENTS)}; none: list them all."),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="Random starts to repeat it over, such as 0,1,2."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SETTING=VALUE", help="A setting of the experiment, as JSON or a word."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="So small that it shows how it runs, not what is true.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where it is saved: a new or an empty folder.",
            show_default="the next of comparisons/NAME/0001, ...",
        ),
    ] = None,
) -> None:
    """Answer a question by an experiment: tables, pictures, and what was seen.

    \b
    Examples:
      pullback compare
      pullback compare activations
      pullback compare spiral --seeds 0,1,2 --out spiral
    """
    console = console_for(sys.stdout)
    if name is None:
        _list(console)
        return
    one_of("NAME", name, EXPERIMENTS)
    settings = _settings(name, setting or [], seeds)
    require("matplotlib")
    folder = fresh_folder(COMPARISONS / name) if out is None else claim_folder(out)
    try:
        _compare(console, folder, name, quick, settings)
    except BaseException:
        _remove_empty(folder)
        raise


def _compare(
    console: Console, folder: Path, name: str, quick: bool, settings: Mapping[str, Any]
) -> None:
    heading(console, "QUESTION", experiment(name).QUESTION)
    console.print()
    with counted(console) as on_progress:
        report = compare(name, quick=quick, on_progress=on_progress, **settings)
    for table in report.tables:
        _show(console, table)
    heading(console, "SEEN")
    for line in textwrap.wrap(report.seen, console.width - 2):
        console.print(f"  {line}", soft_wrap=True)
    console.print()
    files = _save(folder, report)
    heading(console, "SAVED", f"{folder} holds {', '.join(files)}")
    console.print("\n  Run it again:", soft_wrap=True)
    console.print(f"  {shlex.join(_again(report))}", style="bold", soft_wrap=True)


def _list(console: Console) -> None:
    """The experiments and their questions."""
    heading(console, "EXPERIMENTS", "each answers a question; pullback compare NAME runs it")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name in EXPERIMENTS:
        table.add_row(name, experiment(name).QUESTION)
    console.print(Padding.indent(table, 2))


def _settings(name: str, words: list[str], seeds: str | None) -> dict[str, Any]:
    """What --set and --seeds mean."""
    known = experiment(name).SETTINGS
    settings: dict[str, Any] = {}
    for word in words:
        setting, equals, text = word.partition("=")
        if not equals or setting not in known:
            raise UsageError(
                f"--set {word!r}: write SETTING=VALUE; the settings of {name} are "
                f"{', '.join(known)}.{nearest(setting, list(known))}"
            )
        settings[setting] = _value(text, isinstance(known[setting], list))
        if not is_like(settings[setting], known[setting]):
            raise UsageError(f"--set {word!r}: it {wanted(known[setting])}.")
    if seeds is not None:
        settings["seeds"] = _seeds(seeds)
    return settings


def _value(text: str, is_list: bool) -> Any:
    """JSON, or a plain word; a list may be written with commas alone."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if is_list and not isinstance(value, list):
        return [_value(part, False) for part in text.split(",")]
    return value


def _seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"--seeds {text!r}: write whole numbers with commas, such as 0,1,2.")
    return [int(part) for part in parts]


def _show(console: Console, numbers: Numbers) -> None:
    heading(console, "TABLE", numbers.title)
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False)
    for i, column in enumerate(numbers.columns):
        table.add_column(column, justify="right" if i else "left")
    for row in numbers.rows:
        table.add_row(*row)
    console.print(Padding.indent(table, 2))
    console.print()


def _save(folder: Path, report: Report) -> list[str]:
    """Write pictures, tables, numbers and settings; returns the names of the files."""
    from matplotlib import style

    from ..pictures.experiments import draw
    from ..pictures.style import SETTINGS, save

    write_atomic(folder / "table.txt", f"{report}\n")
    write_atomic(folder / "numbers.json", report.to_json())
    write_atomic(folder / "settings.json", json.dumps(dict(report.settings), indent=1) + "\n")
    with style.context(["default", SETTINGS]):
        for file, figure in draw(report).items():
            save(folder / file, partial(_same, figure))
    return sorted(file.name for file in folder.iterdir())


def _same(figure: Any) -> Any:
    return figure


def _again(report: Report) -> list[str]:
    """The words that run an experiment with the same settings."""
    words = [*this_command(), "compare", report.name]
    usual = experiment(report.name).SETTINGS
    for name, value in report.settings.items():
        if json.dumps(value) != json.dumps(usual[name]):
            words += ["--set", f"{name}={_written(value)}"]
    return words


def _written(value: Any) -> str:
    """A value as `_value` reads it."""
    if isinstance(value, list):
        return ",".join(map(_written, value))
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _remove_empty(folder: Path) -> None:
    """What failed before anything was written leaves no folder."""
    for path in (folder, folder.parent, folder.parent.parent):
        try:
            path.rmdir()
        except OSError:
            return

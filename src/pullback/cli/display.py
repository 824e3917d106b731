"""What `pullback train` shows before training: data, network, derived lines, gradient check."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from ..checking import GradientCheck
from ..data import Dataset
from ..training import Prepared
from .console import printable
from .source import stage_lines

# The 16 colours of the terminal itself, which its owner has chosen to be readable.
CODE_THEME = "ansi_dark"


def heading(console: Console, word: str, text: str = "") -> None:
    """A heading in capitals, and what it says in one line."""
    line = Text(word, style="bold cyan")
    if text:
        line.append(f"  {text}", style="not bold default")
    console.print(line, soft_wrap=True)


def lines(console: Console, text: str) -> None:
    """Lines below a heading."""
    for line in text.splitlines():
        console.print(f"  {line}", soft_wrap=True)


def show_data(console: Console, data: Dataset, prepared: Prepared, own_test: bool) -> None:
    """(a) The data in one line, and how inputs are scaled."""
    assert data.X_test is not None
    assert prepared.classes is not None
    train, test = len(data.X), len(data.X_test)
    shape = data.image_shape
    images = "" if shape is None else f" ({shape[0]} x {shape[1]} images)"
    how = "in a test file of their own" if own_test else "held out to test"
    heading(
        console,
        "DATA",
        f"{printable(data.name)}: {train + test:,} rows, {_count(data.X.shape[1], 'column')}"
        f"{images}, {len(prepared.classes):,} classes; {_count(test, 'row')} {how}",
    )
    lines(console, f"scaling: {_scaling(prepared)}")
    console.print()


def _scaling(prepared: Prepared) -> str:
    if prepared.scale is None:
        return "none, values stay as they are"
    if prepared.scale.mean is None:
        return (
            f"every value is divided by {prepared.scale.scale:g}, the largest of the training rows"
        )
    return "each column is brought to mean 0 and standard deviation 1"


def show_network(console: Console, prepared: Prepared) -> None:
    """(b) Layers and parameters, the loss, the update rule and its learning rate."""
    title, *parameters = str(prepared.model()).splitlines()
    heading(console, "NETWORK", title)
    for line in parameters:
        console.print(line, soft_wrap=True)
    settings, problem = prepared.settings, prepared.problem
    steps = -(-settings["rows"] // settings["rows_per_step"])
    rate, rule = settings["learning_rate"], settings["learning_rate_rule"]
    origin = "as given" if rule == "given" else f"{rule}, the rule when none is given"
    lines(
        console,
        f"loss           {_summary(problem.loss)}\n"
        f"               the {problem.loss.reduction} over the rows of a step\n"
        f"update rule    {settings['optimizer']}, {_summary(problem.optimizer)}\n"
        f"learning rate  {rate:g}: {origin}\n"
        f"steps          {_count(settings['epochs'], 'epoch')} of {_count(steps, 'step')}, "
        f"{_count(settings['rows_per_step'], 'row')} each; seed {settings['seed']}",
    )
    console.print()


def show_derivation(console: Console, prepared: Prepared) -> None:
    """(c) The forward pass as traced, and the backward pass that was derived from it."""
    source = prepared.step.to_numpy()
    heading(console, "FORWARD", "what the network computes for the rows x of a step, as NumPy")
    _code(console, stage_lines(source, "forward"))
    heading(console, "DERIVED", "its backward pass; dW1 is the gradient of the loss for W1")
    kinks = [f"# kink of {convention}" for convention in prepared.step.conventions]
    _code(console, "\n".join([stage_lines(source, "backward"), *kinks]))


def show_check(console: Console, check: GradientCheck, rows: int) -> None:
    """(d) That the derived gradient agrees with differences of the loss."""
    entries = sum(v.checked for v in check.variables if v.by_entry)
    directions = sum(v.checked for v in check.variables if not v.by_entry)
    parts = [_count(entries, "entry", "entries")] if entries else []
    parts += [_count(directions, "random direction")] if directions else []
    error = max(v.worst for v in check.variables)
    heading(
        console,
        "CHECKED",
        f"the derived gradient is right: {' and '.join(parts)}, largest error {error:.1e}",
    )
    lines(
        console,
        f"compared in float64 with differences of the loss, on {_count(rows, 'training row')}",
    )
    for name, count in check.kinks.items():
        lines(console, f"{_count(count, 'value')} of {name} exactly on a kink")
    console.print()


def _code(console: Console, source: str) -> None:
    text = Text(source)
    if console.is_terminal:
        text = Syntax("", "python", theme=CODE_THEME, background_color="default").highlight(source)
        text.rstrip()
    for line in text.split("\n"):
        console.print(Text("  ").append_text(line), soft_wrap=True)
    console.print()


def _summary(described: Any) -> str:
    """The first line of a class's docstring, which says what it computes."""
    document = type(described).__doc__ or str(described)
    return document.splitlines()[0].rstrip(".")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"

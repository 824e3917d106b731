"""What `pullback train` shows before training: data, network, derived lines, gradient check."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from ..checking import GradientCheck
from ..errors import printable
from ..nn.settings import described
from ..training import Prepared
from ..training.settings import Scaling, name_of
from .source import stage_lines
from .work import Work

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


def show_data(console: Console, work: Work) -> None:
    """(a) The data in one line, what is learned of it, what is held out, how it is scaled."""
    data, prepared = work.data, work.prepared
    rows = {name: len(X) for name, (X, _) in work.sets.items()}
    shape = data.image_shape
    images = "" if shape is None else f" ({shape[0]} x {shape[1]} images)"
    how = "in a test file of their own" if work.own_test else "held out to test"
    heading(
        console,
        "DATA",
        f"{printable(data.name)}: {sum(rows.values()):,} rows, "
        f"{_count(data.X.shape[1], 'column')}{images}, {_targets(prepared)}; "
        f"{_count(rows['test'], 'row')} {how}",
    )
    if work.targets:
        lines(console, f"to learn: {work.targets}")
    lines(console, f"scaling: {_scaling(prepared.scale)}")
    if prepared.problem.target_scale is not None:
        told = _scaling(prepared.problem.target_scale)
        lines(console, f"target scaling: {told}, for the loss; predictions are in its unit")
    if "validation" in rows:
        lines(console, f"{_count(rows['validation'], 'row')} held out to validate, epoch by epoch")
    console.print()


def _targets(prepared: Prepared) -> str:
    if prepared.classes is not None:
        return f"{len(prepared.classes):,} classes"
    columns, kind = prepared.problem.targets, prepared.problem.loss.targets
    if kind == "distribution":
        return f"shares of {columns:,} classes"
    return _count(columns, "label") if kind == "fractions" else _count(columns, "target")


def _scaling(scale: Scaling | None) -> str:
    if scale is None:
        return "none, values stay as they are"
    if scale.mean is None:
        return f"every value is divided by {scale.scale:g}, the largest of the training rows"
    return "each column is brought to mean 0 and standard deviation 1"


def show_network(console: Console, prepared: Prepared, rate_is_given: bool) -> None:
    """(b) Layers and parameters, the loss, the update rule, and what else steers the steps."""
    title, *parameters = str(prepared.model()).splitlines()
    heading(console, "NETWORK", title)
    for line in parameters:
        console.print(line, soft_wrap=True)
    problem = prepared.problem
    told = {
        "loss": _loss(problem.loss),
        "penalty": _penalty(problem.penalty),
        "update rule": _rule(problem.optimizer),
        "learning rate": _learning_rate(prepared, rate_is_given),
        "steps": _steps(prepared),
    }
    for name, text in told.items():
        for i, line in enumerate(text.splitlines()):
            lines(console, f"{'' if i else name:<15}{line}")
    console.print()


def _loss(loss: Any) -> str:
    """What the loss of a row is; then the loss with its settings, and how rows are reduced."""
    written = described(loss) if is_dataclass(loss) else name_of(loss)
    return f"{_summary(loss)}\n{written}, the {loss.reduction} over the rows of a step"


def _penalty(penalty: Any) -> str:
    return "" if penalty is None else f"{name_of(penalty)}, on weight matrices"


def _rule(rule: Any) -> str:
    """The rule as it is written; then what it does, and what is wrapped around it does."""
    text, around = str(rule), []
    while hasattr(rule, "rule"):
        around.append(_summary(rule))
        rule = rule.rule
    return "\n".join([f"{text}, {_summary(rule)}", *reversed(around)])


def _learning_rate(prepared: Prepared, is_given: bool) -> str:
    settings = prepared.given
    rate, rule, schedule = (
        settings[name] for name in ("learning_rate", "learning_rate_rule", "schedule")
    )
    if rate is None:
        return str(rule)
    origin = f"{rule}, the rule when none is given"
    if rule == "given":
        origin = "as given" if is_given else "the update rule's own, as none is given"
    times = "" if schedule is None else f"\ntimes {name_of(prepared.plan.schedule)} of the step"
    return f"{rate:g}: {origin}{times}"


def _steps(prepared: Prepared) -> str:
    settings = prepared.given
    if settings["learning_rate"] is None:
        return f"at most {settings['epochs']:,}, of all rows each; seed {settings['seed']}"
    steps, parts = -(-settings["rows"] // settings["rows_per_step"]), settings["accumulate"]
    joined = "" if parts == 1 else f" in batches of {prepared.part_rows:,}"
    drawn = {"shuffle": "", "replacement": ", drawn with replacement", "ordered": ", in order"}
    return (
        f"{_count(settings['epochs'], 'epoch')} of {_count(steps, 'step')}, "
        f"{_count(settings['rows_per_step'], 'row')} each{joined}{drawn[settings['sampling']]}; "
        f"seed {settings['seed']}"
    )


def show_derivation(console: Console, prepared: Prepared) -> None:
    """(c) The forward pass as traced, and the backward pass that was derived from it."""
    source = prepared.step.to_numpy()
    heading(console, "FORWARD", "what the network computes for the rows x of a step, as NumPy")
    code(console, stage_lines(source, "forward"))
    heading(console, "DERIVED", "its backward pass; dW1 is the gradient of the loss for W1")
    kinks = [f"# kink of {convention}" for convention in prepared.step.conventions]
    code(console, "\n".join([stage_lines(source, "backward"), *kinks]))


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


def code(console: Console, source: str) -> None:
    """NumPy source, highlighted on a terminal."""
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

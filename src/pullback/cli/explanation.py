"""What `pullback explain` shows in a terminal and writes to files."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ..dims import format_shape
from ..errors import StorageError, UsageError
from ..explaining import Subject
from ..explaining.source import function_text
from ..explaining.update import samples_axis, update_of
from ..program import Program
from ..storage import write_atomic
from ..views.graph.graph import graph_of
from .display import code, heading, lines

STANDARD_OUTPUT = Path("-")
PICTURES = (".svg", ".dot")


@dataclass(frozen=True)
class Reading:
    """How a backward pass is wanted: the options of the command."""

    columns: bool = False
    rules: bool = False
    batch: str | None = None
    simplifications: bool = False
    language: str = "en"

    @property
    def of_gradient(self) -> dict[str, Any]:
        """What `to_text` and `to_latex` of the gradient take."""
        wished = {"rules": self.rules, "reasons": self.rules}
        return {"columns": self.columns, "batch": self.batch, **wished}

    def of_update(self, update: Program) -> dict[str, Any]:
        """What they take of an update: its gradients are sums over the samples."""
        axis = samples_axis(update)
        return {"columns": self.columns, "batch": axis, "sums": axis is not None}


@dataclass(frozen=True)
class Target:
    """A file to write: "latex", "graph" or "html"."""

    kind: str
    path: Path

    def check(self, force: bool) -> None:
        """Raise before any work when it cannot be written."""
        if self.kind == "latex" and self.path == STANDARD_OUTPUT:
            return
        if self.kind == "graph" and self.path.suffix.lower() not in PICTURES:
            raise UsageError(f"--graph {self.path}: a picture is written as .svg or .dot.")
        if self.path.is_dir():
            raise StorageError(f"--{self.kind} {self.path}: it is a folder.")
        if self.path.exists() and not force:
            raise StorageError(f"{self.path} exists already: choose another file or add --force.")


def write(subject: Subject, targets: list[Target], reading: Reading) -> None:
    """Write each file, and say so on standard error.

    Raises:
        StorageError: When one cannot be written.
    """
    for target in targets:
        text = _TEXTS[target.kind](subject, target, reading)
        if target.path == STANDARD_OUTPUT:
            sys.stdout.write(text)
        else:
            write_atomic(target.path, text)
            print(f"written: {target.path}", file=sys.stderr)


def _latex(subject: Subject, target: Target, reading: Reading) -> str:
    updates = [update.to_latex(**reading.of_update(update)) for update in _update(subject)]
    return "".join([subject.gradient.to_latex(**reading.of_gradient), *updates])


def _graph(subject: Subject, target: Target, reading: Reading) -> str:
    graph = graph_of(subject.gradient, subject.derivation, subject.values)
    return graph.svg() if target.path.suffix.lower() == ".svg" else graph.dot()


def _page(subject: Subject, target: Target, reading: Reading) -> str:
    from ..explaining.page import page_text

    return page_text(subject, reading.language)


_TEXTS = {"latex": _latex, "graph": _graph, "html": _page}


def show(console: Console, subject: Subject, told: str, reading: Reading) -> None:
    """Source, equations, cost and conventions, one below the other."""
    gradient = subject.gradient
    equations = gradient.to_text(**reading.of_gradient)  # may refuse, before anything is shown
    updates = [update.to_text(**reading.of_update(update)) for update in _update(subject)]
    _show_subject(console, subject, told)
    heading(console, "SOURCE", "forward and derived backward as NumPy; dW1 is the gradient for W1")
    code(console, function_text(subject.source))
    heading(console, "EQUATIONS", "the same lines; an error signal has a bar")
    _block(console, equations)
    for update in updates:
        heading(
            console, "UPDATE", "gradients as sums over the batch B, and the parameters' next values"
        )
        _block(console, update)
    if reading.simplifications:
        heading(console, "SIMPLIFIED", "each step with the identity that allows it")
        _block(console, str(gradient.simplifications()))
    heading(console, "COST", "operations and memory; a Jacobian is never built")
    _block(console, str(gradient.cost(**subject.lengths)).partition("\n")[2])
    for convention in gradient.conventions:
        heading(console, "KINK", f"of {convention}")


def _block(console: Console, text: str) -> None:
    """Lines below a heading, and an empty one."""
    for line in text.strip("\n").splitlines():
        console.print(f"  {line}".rstrip(), soft_wrap=True)
    console.print()


def _show_subject(console: Console, subject: Subject, told: str) -> None:
    forward = subject.forward
    shapes = [f"{subject.name(v)} {format_shape(subject.shape(v))}" for v in forward.inputs]
    heading(console, "EXPLAINED", f"{forward.name}: {', '.join(shapes)}")
    lines(console, f"values: {told}")
    lines(console, f"gradient for {', '.join(map(subject.name, subject.wrt))}")
    if subject.random_cotangents:
        lines(console, "the result is no single number: its cotangent is random")
    console.print()


def _update(subject: Subject) -> list[Program]:
    """The update rule, where there is one."""
    update = None if subject.step is None else update_of(subject.step)
    return [] if update is None else [update]

"""`pullback explain WHAT`: the backward pass of a function or a trained network, made readable."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..explaining import BackwardSteps, Subject, subject_at
from ..explaining.notes import notes_subject
from ..explaining.trained import ROWS
from .console import console_for
from .explanation import Reading, Target, show, write
from .files import Files, is_of_file
from .inputs import Drawn, Seed, Shape, Size, call_of, parted
from .named import one_of
from .panels import flag, option
from .stepping import step_through
from .trained import trained

LANGUAGES = ("en", "zh")
TAKEN: dict[str, tuple[str, ...]] = {
    "step": (),
    "latex": ("rules", "columns", "batch"),
    "graph": (),
    "html": ("rules", "simplifications"),
}
"""Which options of reading each kind of output takes; a page has rules and simplifications."""

_WHAT, _SHOWN, _FILES = "What is explained", "What is shown", "Written instead"


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="WHAT",
            help="FILE.py:NAME, a NumPy function of your own; or RUN, a folder that pullback train "
            "has saved. When not given, the two-layer network x @ W1, ReLU, @ W2 with the squared "
            "error.",
        ),
    ] = None,
    wrt: Annotated[
        str | None,
        option(
            _WHAT,
            "NAMES",
            "Arguments that the gradient is for, such as W1,W2.",
            show_default="all floating ones; of a RUN all parameters",
        ),
    ] = None,
    shape: Shape = None,
    size: Size = None,
    seed: Seed = 0,
    rows: Annotated[
        int | None,
        option(_WHAT, "NUMBER", "Training rows of a RUN to look at.", show_default=str(ROWS)),
    ] = None,
    step: Annotated[
        bool,
        flag(
            _SHOWN,
            "--step",
            "Go through the backward pass one equation at a time: Enter next, b back, "
            "o overwrite instead of add, j jump, q quit.",
        ),
    ] = False,
    rules: Annotated[
        bool,
        flag(
            _SHOWN,
            "--rules",
            "Below each equation the general rule, and why its shapes can only be so.",
        ),
    ] = False,
    columns: Annotated[
        bool,
        flag(_SHOWN, "--columns", "Equations with samples as columns: W1 x instead of x W1."),
    ] = False,
    batch: Annotated[
        str | None,
        option(_SHOWN, "AXIS", "The named axis of the samples, written as the set B."),
    ] = None,
    simplifications: Annotated[
        bool,
        flag(
            _SHOWN,
            "--simplifications",
            "Each simplification: before, after, the identity and its condition.",
        ),
    ] = False,
    latex: Annotated[
        str | None,
        option(_FILES, "FILE|-", "The equations as LaTeX; -: print them."),
    ] = None,
    graph: Annotated[
        Path | None,
        option(_FILES, "FILE.svg|.dot", "The picture: values forward, error signals back."),
    ] = None,
    html: Annotated[
        Path | None,
        option(
            _FILES,
            "PAGE",
            "One page for a browser, offline: source beside equations beside picture.",
        ),
    ] = None,
    lang: Annotated[
        str,
        option(_FILES, "|".join(LANGUAGES), "Of the page."),
    ] = "en",
    force: Annotated[
        bool,
        flag(_FILES, "--force", "Write files even if they exist."),
    ] = False,
) -> None:
    """Explain a backward pass: its NumPy source, its equations, what it costs, each step.

    The inputs of FILE.py:NAME come from example_inputs() of the file, a function that returns a
    dict of arguments by name, or are drawn at random: --shape x=64x100 for each argument.

    \b
    Examples:
      pullback explain
      pullback explain --step
      pullback explain --html page.html
      pullback explain net.py:loss --wrt W1,W2 --rules
      pullback explain net.py:loss --shape x=NxD --shape W=DxC --size N=64 --size D=9 --size C=3
      pullback explain runs/0001 --wrt W1 --graph network.svg
      pullback explain --latex -
    """
    one_of("--lang", lang, LANGUAGES)
    targets = _targets(latex, graph, html, force)
    names = None if wrt is None else [name.strip() for name in wrt.split(",")]
    drawn = Drawn(shape or (), size or (), seed)
    if step and targets:
        raise UsageError(f"--step and --{targets[0].kind} do not go together.")
    reading = Reading(columns, rules, batch, simplifications, lang)
    _refuse_idle(reading, ["step"] if step else [target.kind for target in targets])
    subject, told = _subject(what, names, drawn, rows)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where letters with a bar cannot be shown
    console = console_for(sys.stdout)
    if step:
        step_through(console, BackwardSteps(subject), sys.stdin)
    elif targets:
        write(subject, targets, reading)
    else:
        show(console, subject, told, reading)


def _refuse_idle(reading: Reading, kinds: list[str]) -> None:
    """Refuse options that change nothing in what is asked for."""
    if reading.language != LANGUAGES[0] and "html" not in kinds:
        raise UsageError("--lang goes with --html only.")
    for name in ("rules", "columns", "batch", "simplifications"):
        idle = not any(name in TAKEN[kind] for kind in kinds)
        if getattr(reading, name) and kinds and idle:
            raise UsageError(f"--{name} changes nothing in --{kinds[0]}; leave it out.")


def _targets(latex: str | None, graph: Path | None, html: Path | None, force: bool) -> list[Target]:
    """What is to be written where."""
    wanted = {"latex": latex, "graph": graph, "html": html}
    targets = [Target(kind, Path(path)) for kind, path in wanted.items() if path is not None]
    for target in targets:
        target.check(force)
    return targets


def _subject(
    what: str | None, wrt: list[str] | None, drawn: Drawn, rows: int | None
) -> tuple[Subject, str]:
    """What is explained, and where its values come from."""
    of_file = what is not None and is_of_file(what)
    if (drawn.shapes or drawn.sizes) and not of_file:
        raise UsageError("--shape and --size go with FILE.py:NAME only.")
    if rows is not None and (what is None or of_file):
        raise UsageError("--rows goes with a RUN only.")
    if what is None:
        return notes_subject(wrt, drawn.seed), f"standard normal numbers, seed {drawn.seed}"
    if of_file:
        return _function(what, wrt, drawn)
    return trained(Path(what), wrt, ROWS if rows is None else rows)


def _function(what: str, wrt: list[str] | None, drawn: Drawn) -> tuple[Subject, str]:
    path, names = parted(what)
    if len(names) > 1:
        raise UsageError(f"{what}: explain takes FILE.py:NAME; pullback check grades a backward.")
    files = Files()
    # What the file itself prints must not stand in what is shown or piped.
    with files.told(), redirect_stdout(sys.stderr):
        call = call_of(files, path, names[0], drawn)
        subject = subject_at(call.function, (), call.arguments, wrt=wrt, seed=drawn.seed)
        return subject, call.told

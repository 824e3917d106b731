"""`pullback check`: is a derived gradient right, or a backward pass written by hand?"""

from __future__ import annotations

import inspect
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from ..checking import GradientCheck, check_gradients
from ..errors import MissingExtraError, UsageError
from ..grading import BackwardCheck, check_backward
from ..program import Program
from ..storage import write_atomic
from ..tracing.trace import signature_of
from .console import console_for
from .display import heading, lines
from .files import Files
from .inputs import Call, Drawn, Seed, Shape, Size, call_of, parted
from .outcome import BAD_INPUT, DONE, FAILED
from .panels import flag, option
from .trained import call_of_run

FORM = "FILE.py:FUNCTION or FILE.py:FORWARD:BACKWARD"
_RUN = "or RUN, a folder that pullback train has saved"
CODES = {"right": DONE, "wrong": FAILED, "undecided": BAD_INPUT}
PICTURES = (".png", ".svg")

_GRADIENT, _BACKWARD = "Of the derived gradient", "Of a backward pass of your own"


def check(
    what: Annotated[
        str, typer.Argument(metavar="FILE.py:NAME[:BACKWARD]|RUN", help=f"{FORM}; {_RUN}.")
    ],
    wrt: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="The arguments to differentiate by, such as W1,W2."),
    ] = None,
    shape: Shape = None,
    size: Size = None,
    seed: Seed = 0,
    order: Annotated[
        int | None, option(_GRADIENT, "1|2", "2: the derivative of the gradient too.")
    ] = None,
    dtype: Annotated[
        str | None, option(_GRADIENT, "float64|float32", "The precision of the check.")
    ] = None,
    steps: Annotated[
        str | None,
        option(_GRADIENT, "NUMBERS", "Step sizes of --plot, such as 1e-2,1e-4,1e-6."),
    ] = None,
    entries: Annotated[
        int | None,
        option(_GRADIENT, "COUNT", "Up to so many entries (300), each is checked on its own."),
    ] = None,
    rtol: Annotated[
        float | None, option(_GRADIENT, "NUMBER", "Allowed relative difference (1e-6, 1e-3).")
    ] = None,
    plot: Annotated[
        Path | None,
        option(_GRADIENT, "FILE", "Draw the error against the step size: FILE.png or FILE.svg."),
    ] = None,
    hint: Annotated[
        bool,
        flag(_BACKWARD, "--hint", "The next hint instead of the wrong line."),
    ] = False,
) -> int:
    """Check a derived gradient, or grade a backward pass written by hand.

    The inputs are those of the file's example_inputs(), or random ones of given shapes. The exit
    code is 0 when all is right, 1 when something is wrong, 2 when nothing can be said.

    \b
    Examples:
      pullback check net.py:forward
      pullback check net.py:forward --shape x=64x100 --shape W=100x10 --order 2
      pullback check net.py:forward:backward --wrt W1,W2 --hint
      pullback check runs/0001
    """
    of_run = Path(what).is_dir()
    path, names = (Path(what), [""]) if of_run else parted(what)
    if len(names) > 2:
        raise UsageError(f"{what!r}: write {FORM}.")
    given = _given(order=order, dtype=dtype, steps=steps, entries=entries, rtol=rtol, plot=plot)
    is_backward = len(names) == 2
    if is_backward and given:
        raise UsageError(f"--{next(iter(given))}: it belongs to {FORM.split(' or ')[0]}.")
    if hint and not is_backward:
        raise UsageError(f"--hint: it belongs to {FORM.split(' or ')[1]}.")
    _refuse_picture(plot)
    files = Files()
    drawn = Drawn(shape or (), size or (), seed)
    if of_run and (drawn.shapes or drawn.sizes):
        raise UsageError("--shape and --size go with FILE.py:NAME only.")
    call = call_of_run(path) if of_run else call_of(files, path, names[0], drawn)
    wanted = None if wrt is None else [name.strip() for name in wrt.split(",")]
    console = console_for(sys.stdout)
    if is_backward:
        graded = _graded(files, path, names, call, wanted, hint)
        heading(console, "GRADED", f"{what}; inputs: {call.told}")
        lines(console, str(graded))
        return DONE if graded.right else FAILED
    given.pop("plot", None)
    with files.told(), np.errstate(all="ignore"):  # the check itself says what is not finite
        found = _checked(call, wrt=wanted, seed=seed, raises=False, **given)
    _show(console, f"{what} in {np.dtype(found.dtype).name}; inputs: {call.told}", found)
    if plot is not None:
        _draw(plot, found)
        heading(console, "SAVED", f"{plot}: the error against the step size")
    return CODES[found.verdict]


def _given(steps: str | None, **options: Any) -> dict[str, Any]:
    """The options that were given."""
    options["steps"] = None if steps is None else _numbers(steps)
    return {name: value for name, value in options.items() if value is not None}


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--steps {text!r}: write numbers with commas, such as 1e-2,1e-4."
        ) from None


def _refuse_picture(plot: Path | None) -> None:
    """Refuse to begin what could not be drawn at the end."""
    if plot is None:
        return
    if plot.suffix not in PICTURES:
        raise UsageError(f"--plot {plot}: it must end in {' or '.join(PICTURES)}.")
    if not plot.parent.is_dir():
        raise UsageError(f"--plot {plot}: there is no folder {plot.parent}.")
    if plot.suffix == ".png" and find_spec("matplotlib") is None:
        raise MissingExtraError(
            f"--plot {plot} needs matplotlib: pip install 'pullback[cli]'; a .svg file does not."
        )


def _checked(call: Call, **options: Any) -> GradientCheck:
    """The check of a call; arguments go by position, as they may be called like an option."""
    if isinstance(call.function, Program):
        args = [call.arguments[argument.name] for argument in call.function.arguments]
        return check_gradients(call.function, *args, **options)
    bound = signature_of(call.function).bind(**call.arguments)
    clash = next((name for name in bound.kwargs if name in _RESERVED), None)
    if clash is not None:
        raise UsageError(
            f"{clash} is a keyword of the check itself; let the function take it by position."
        )
    return check_gradients(call.function, *bound.args, **bound.kwargs, **options)


_RESERVED = frozenset(inspect.signature(check_gradients).parameters) - {
    "function",
    "args",
    "kwargs",
}


def _graded(
    files: Files, path: Path, names: list[str], call: Call, wrt: list[str] | None, hint: bool
) -> BackwardCheck:
    forward, backward = (files.member("", path, name) for name in names)
    wrt = wrt or list(files.member("", path, "wrt", ())) or None
    with files.told():
        bound = signature_of(forward).bind(**call.arguments)
        return check_backward(forward, backward, *bound.args, wrt=wrt, hint=hint, **bound.kwargs)


def _show(console: Console, what: str, found: GradientCheck) -> None:
    heading(console, "CHECKED", what)
    verdict, *rest = str(found).splitlines()
    console.print(f"  {verdict}", style=_STYLES[found.verdict], soft_wrap=True)
    lines(console, "\n".join(rest))


_STYLES = {"right": "bold green", "wrong": "bold red", "undecided": "bold yellow"}


def _draw(file: Path, found: GradientCheck) -> None:
    if file.suffix == ".svg":
        write_atomic(file, found.to_svg())
        return
    from ..pictures.checks import error_figure
    from ..pictures.style import save

    save(file, partial(error_figure, found))

"""The Typer application: which commands there are, and how usage errors are told."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, cast

import typer

from .. import __version__
from ..errors import UsageError
from .console import is_styled

HELP = """Neural networks that you can read: see the backward pass derived, checked and trained.

\b
Start here:
  pullback explain                         a backward pass, read line by line
  pullback train                           handwritten digits, in seconds
  pullback train data.csv --target COLUMN  your own data
  pullback predict runs/0001 new.csv       use what was trained
  pullback compare                         questions that experiments answer
  pullback check FILE.py:FUNCTION          is the derived gradient right?
"""

COMMANDS = {
    "train": ("train", "Derive, check and train a network; save the run."),
    "predict": ("predict", "Use a saved run: one answer for each row, as CSV."),
    "check": ("check", "Is a derived gradient, or your own backward pass, right?"),
    "compare": ("compare_command", "Answer a question by an experiment."),
    "explain": ("explain", "Show how a backward pass is derived, step by step."),
    "export": ("export", "Take a function and its backward pass away, as plain NumPy."),
    "exercise": ("exercise", "Write an exercise: a backward pass for you to complete."),
    "bench": ("bench", "Measure this project and its peers on the same work."),
    "grade": ("grade_command", "Grade a class's hand-written backward passes."),
}
"""The function of each command, in the module of its name, and what it is for."""

# BadParameter, UsageError, ClickException: the last is what all errors of usage share, whether
# Typer brings its own Click or not.
_UsageMistake = cast("type[Exception]", typer.BadParameter.__mro__[2])


def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"pullback {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
    if version or context.invoked_subcommand is None:
        raise typer.Exit


def _application(words: list[str]) -> typer.Typer:
    """The application with the command that is asked for; with all of them when none is.

    A command is imported when it is used, so that each starts quickly.
    """
    app = typer.Typer(
        name="pullback",
        help=HELP,
        add_completion=False,
        pretty_exceptions_enable=False,
        # Boxes and colours are for terminals; text that is piped or read aloud stays text.
        rich_markup_mode="rich" if is_styled(sys.stdout) else None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_start)
    asked = [word for word in words[:1] if word in COMMANDS]
    for name in asked or COMMANDS:
        function, purpose = COMMANDS[name]
        module = import_module(f".{name}", __package__)
        app.command(name, short_help=purpose)(getattr(module, function))
    return app


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code.

    Raises:
        UsageError: When the arguments are no command's.
    """
    try:
        code = _application(arguments)(arguments, prog_name="pullback", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _UsageMistake as error:
        raise UsageError(_sentence(error)) from None
    return code if isinstance(code, int) else 0


_NUMBERS = {"int_parsing": "a whole number", "float_parsing": "a number"}


def _sentence(error: BaseException) -> str:
    option, cause = getattr(error, "param", None), error.__cause__
    if option is not None and isinstance(cause, ValueError) and hasattr(cause, "errors"):
        (wrong,) = cause.errors()  # a word that is no number; Typer's own text leaves it out
        allowed = _NUMBERS.get(wrong["type"], wrong["msg"])
        return f"{option.opts[0]} {wrong['input']!r}: it must be {allowed}."
    text = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    text = text if text.endswith((".", "?", ")")) else f"{text}."
    return text

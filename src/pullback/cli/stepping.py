"""`pullback explain --step`: through the backward pass with single keys."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console

from ..errors import UsageError
from ..explaining import BackwardSteps
from ..explaining.step_text import overwriting_text
from .keys import END, LEFT, RIGHT, read_key, single_keys

HELP = "Enter next, b back, o overwrite or add, j jump, q quit"
ENTER, LAST = ("\n", "\r"), (END, "\x04")
NEXT, BACK, QUIT = (*ENTER, "n", " ", RIGHT), ("b", LEFT), ("q", *LAST)


def step_through(console: Console, steps: BackwardSteps, keys: TextIO) -> None:
    """Show a step, then go where a key says; without a terminal show all steps."""
    if not len(steps):
        raise UsageError(f"The backward pass of {steps.subject.forward.name} has no steps.")
    if not keys.isatty():
        _show_all(console, steps)
        return
    with single_keys(keys):
        _ask(console, steps)
        while (key := read_key(keys)) not in QUIT:
            if key in NEXT and steps.position == len(steps) - 1:
                return
            moved = _moved(console, steps, key, keys)
            if moved is not None:
                steps = moved
                _ask(console, steps)


def _ask(console: Console, steps: BackwardSteps) -> None:
    _show(console, steps)
    console.print(f"[{HELP}]", style="dim", soft_wrap=True)


def _moved(console: Console, steps: BackwardSteps, key: str, keys: TextIO) -> BackwardSteps | None:
    """The place that a key leads to; None for a key that means nothing."""
    if key in NEXT:
        steps.next()
    elif key in BACK:
        steps.back()
    elif key == "j":
        _jump(console, steps, keys)
    elif key == "o":
        return steps.added() if steps.overwrites else steps.overwritten()
    else:
        return None
    return steps


def _jump(console: Console, steps: BackwardSteps, keys: TextIO) -> None:
    console.print("jump to the value: ", end="", soft_wrap=True)
    name = _typed(console, keys)
    try:
        steps.jump(name)
    except UsageError as error:
        console.print(str(error), soft_wrap=True)


def _typed(console: Console, keys: TextIO) -> str:
    """A word, shown as it is typed."""
    word = ""
    while (key := read_key(keys)) not in (*ENTER, *LAST):
        if key in ("\x7f", "\b"):
            if word:
                console.file.write("\b \b")
            word = word[:-1]
        elif key.isprintable():
            word += key
            console.file.write(key)
        console.file.flush()
    console.print()
    return word.strip()


def _show_all(console: Console, steps: BackwardSteps) -> None:
    for _ in steps:
        _show(console, steps)
        steps.next()
    console.print(overwriting_text(steps.overwriting), soft_wrap=True)


def _show(console: Console, steps: BackwardSteps) -> None:
    console.print(str(steps), soft_wrap=True)
    console.print()

"""Where text goes: colours and a moving bar on a terminal, plain lines everywhere else."""

from __future__ import annotations

import os
import shutil
from typing import Any

from rich.console import Console

PLAIN_WIDTH = 100


def is_styled(stream: Any) -> bool:
    """Whether a stream understands escape codes and its reader wants them.

    NO_COLOR (https://no-color.org) means no escape codes at all here, so no moving bar either.
    """
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and bool(getattr(stream, "isatty", lambda: False)())


def console_for(stream: Any, quiet: bool = False) -> Console:
    """A console that takes text as it is: brackets and colons in names mean nothing."""
    styled = is_styled(stream)
    terminal = bool(getattr(stream, "isatty", lambda: False)())
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if terminal else PLAIN_WIDTH
    return Console(
        file=stream,
        force_terminal=styled,
        no_color=not styled,
        color_system="auto" if styled else None,
        width=None if styled else width,
        quiet=quiet,
        markup=False,
        emoji=False,
        highlight=False,
    )

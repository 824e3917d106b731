"""How a command ends: exit codes, and the sentence when a run folder stays behind."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 130


class EndedEarlyError(Exception):
    """The run has ended before its time, and its folder is worth keeping.

    Args:
        sentence: What happened, and how to go on.
        code: The exit code.
    """

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


def this_command() -> list[str]:
    """How the command line was called, so that a line that is shown can be typed as it stands."""
    called = Path(sys.argv[0])
    if called.stem != "pullback":
        return ["python", "-m", "pullback"]
    return ["pullback"] if shutil.which("pullback") else [str(called)]

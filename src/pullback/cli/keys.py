"""Single keys from a terminal."""

from __future__ import annotations

import codecs
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

END = ""
"""What is read when there is no more to read."""

LEFT, RIGHT = "\x1b[D", "\x1b[C"

HAS_SINGLE_KEYS = sys.platform != "win32"
"""Whether terminals hand on keys at once; elsewhere Enter ends each."""


@contextmanager
def single_keys(stream: TextIO) -> Iterator[None]:
    """Let a terminal hand on each key at once, without showing it; afterwards as it was."""
    if not HAS_SINGLE_KEYS:
        yield
        return
    import termios
    import tty

    number = stream.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def read_key(stream: TextIO) -> str:
    """One key: a character, LEFT or RIGHT, "\\n" for Enter, END at the end of the input."""
    if not HAS_SINGLE_KEYS:
        return stream.readline()[:1]
    number, decoder = stream.fileno(), codecs.getincrementaldecoder("utf-8")("replace")
    key = ""
    while not key:
        byte = os.read(number, 1)
        if not byte:
            return END
        key = decoder.decode(byte)
    while key.startswith("\x1b") and select.select([number], [], [], 0.02)[0]:
        key += os.read(number, 1).decode("ascii", "replace")
        if key[-1].isalpha() or key[-1] == "~":
            break
    return key

"""Program -> machine code: whole epochs as one function that Numba compiles.

A program is lowered to a module of plain Python (explicit loops, one function per loop nest),
which runs as it stands and, compiled, at the speed of the machine.
"""

from ...errors import PullbackError

__all__ = ["NotCompilable"]


class NotCompilable(PullbackError):  # noqa: N818 (a verdict on a program, no failure of a call)
    """A program holds an equation that the native engine has no loops for."""

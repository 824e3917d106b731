"""The command line: `pullback train DATA`, `pullback predict RUN DATA`, `pullback compare NAME`.

Exit codes: 0 done, 1 the run failed, 2 bad input, 130 stopped by Ctrl-C. What goes wrong is one
sentence on standard error; only a bug of ours shows a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ..errors import GradientError, PullbackError, TrainingError
from .outcome import BAD_INPUT, DONE, FAILED, STOPPED, EndedEarlyError

__all__ = ["BAD_INPUT", "DONE", "FAILED", "STOPPED", "main"]

_NEEDED = ("typer", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What follows the word `pullback`; those of the process when None.

    Returns:
        The exit code.
    """
    try:
        from .app import run

        code = run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except EndedEarlyError as kept:
        return _complain(kept.sentence, kept.code)
    except (TrainingError, GradientError) as error:
        return _complain(str(error), FAILED)
    except PullbackError as error:
        return _complain(str(error))
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        return _complain("the command line needs typer and rich: pip install 'pullback[cli]'.")
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        code = STOPPED
    return _complain("stopped, nothing was saved.", STOPPED) if code == STOPPED else code


def _complain(sentence: str, code: int = BAD_INPUT) -> int:
    text = " ".join(sentence.split())
    print(f"pullback: {text}", file=sys.stderr)
    return code


def _reader_left() -> int:
    """Whoever read our output (`| head`) has seen enough: end without a word."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # else Python flushes again at exit
    return FAILED

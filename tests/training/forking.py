"""Children of the test's own process, which must end within seconds."""

import os
import signal
from collections.abc import Callable

SECONDS = 20


def child_says(question: Callable[[], bool]) -> bool:
    """What a child that is forked now says; False also when it fails or hangs."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(SECONDS)
            code = 0 if question() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

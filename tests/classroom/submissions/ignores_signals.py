"""Never returns, whatever signal asks it to end."""

import signal


def backward(*args, **rest):
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass

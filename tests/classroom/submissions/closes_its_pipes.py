"""Never returns, with nothing left that could be read."""

import os
import time


def backward(*args, **rest):
    os.closerange(0, 64)
    time.sleep(1000)

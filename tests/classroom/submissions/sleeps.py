"""Never returns, and uses no processor meanwhile."""

import time


def backward(*args, **rest):
    time.sleep(1000)

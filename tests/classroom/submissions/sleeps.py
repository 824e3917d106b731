"""Never returns, and uses no processor meanwhile."""

import time


def backward(**rest):
    time.sleep(1000)

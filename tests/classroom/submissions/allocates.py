"""Takes all memory."""

import numpy as np


def backward(*args, **rest):
    return np.ones(10**11)

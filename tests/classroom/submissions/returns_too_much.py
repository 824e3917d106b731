"""Returns more than a gradient can hold."""

import numpy as np


def backward(*args, **rest):
    return np.ones(10**6)

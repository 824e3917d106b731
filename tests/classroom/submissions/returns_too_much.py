"""Returns more than a gradient can hold."""

import numpy as np


def backward(**rest):
    return np.ones(10**6)

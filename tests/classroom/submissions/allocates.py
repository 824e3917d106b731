"""Takes all memory."""

import numpy as np


def backward(**rest):
    return np.ones(10**11)

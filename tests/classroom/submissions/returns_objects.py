"""Returns an array of objects, which only a pickle could carry."""

import numpy as np


def backward(*args, **rest):
    return np.array([print], dtype=object)

"""Lets Pullback derive what was to be written by hand."""

import sys


def backward(package, **rest):
    sys.path.insert(0, package)
    import pullback

    return len(pullback.__all__)

"""Cuts off a file of others, which takes no room."""

import os


def backward(open_to_all, **rest):
    os.truncate(open_to_all, 0)
    return 1

"""Reads memory that is not there."""

import ctypes


def backward(*args, **rest):
    ctypes.string_at(0)

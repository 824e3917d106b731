"""Defines another function than the one that was asked for."""


def backwards(*args, **rest):
    return 0

"""Defines another function than the one that was asked for."""


def backwards(**rest):
    return 0

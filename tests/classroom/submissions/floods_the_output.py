"""Prints without end."""


def backward(**rest):
    while True:
        print("0" * 10_000)

"""Prints without end."""


def backward(*args, **rest):
    while True:
        print("0" * 10_000)

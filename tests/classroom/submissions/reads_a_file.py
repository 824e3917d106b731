"""Reads a file that is not its own: the teacher's solution, say."""


def backward(readable, **rest):
    with open(readable, "rb") as file:
        return len(file.read())

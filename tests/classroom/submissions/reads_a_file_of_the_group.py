"""Reads a file that the group of the grader may read."""


def backward(of_the_group, **rest):
    with open(of_the_group, "rb") as file:
        return len(file.read())

"""Overwrites a file of others: the marks of the class, say."""


def backward(open_to_all, **rest):
    with open(open_to_all, "r+b", buffering=0) as file:
        return file.write(b"full marks")

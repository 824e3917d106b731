"""Leaves a file in its working folder: enough of them would fill the disk."""


def backward(*args, **rest):
    with open("left", "wb", buffering=0) as file:
        return file.write(b"left behind")

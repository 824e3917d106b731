"""Takes the teacher's files from the teacher, without opening one."""

import os


def backward(private, **rest):
    os.chmod(private, 0o644)
    return 1

"""Raises an error whose text raises another."""


class Untold(BaseException):
    def __str__(self):
        raise self


def backward(*args, **rest):
    raise Untold

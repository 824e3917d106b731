"""Reads what another process was started with."""


def backward(victim, **rest):
    with open(f"/proc/{victim}/environ", "rb") as file:
        return len(file.read())

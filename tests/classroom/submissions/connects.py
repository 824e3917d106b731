"""Reaches a server: one that knows the answer, or wants to know the question."""

import socket


def backward(port, **rest):
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    return 1

"""Sends a packet without a connection."""

import socket


def backward(port, **rest):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        return connection.sendto(b"the question", ("127.0.0.1", port))

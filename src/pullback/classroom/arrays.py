"""Arrays from a process that nobody trusts: .npy files read without believing them."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from ..errors import DataError

_MAGIC = b"\x93NUMPY\x01\x00"
_LONGEST_HEADER, _MOST_AXES = 512, 32
_LARGEST_SUM = 1 << 20  # entries that an array without entries has when it is summed over an axis
_HEADER = re.compile(
    rb"\{'descr': '([<|](?:b1|[iu][1248]|f[248]))', 'fortran_order': False, "
    rb"'shape': \(((?:\d{1,12}, ?)*(?:\d{1,12})?)\), \} *\n"
)


def read_arrays(data: bytes, most: int) -> list[Any]:
    """The arrays of .npy files that follow each other.

    A header is compared with the one form that NumPy writes for numbers and truth values in the
    order of rows; nothing in it is evaluated, and pickles have no such header. Memory is taken
    only for bytes that are there.

    Args:
        data: The files.
        most: The most arrays that are read.

    Returns:
        The arrays, which cannot be written to.

    Raises:
        DataError: When the bytes are something else.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> np.save(file, np.arange(3.0))
        >>> read_arrays(file.getvalue(), most=1)
        [array([0., 1., 2.])]
    """
    arrays: list[Any] = []
    start = 0
    while start < len(data):
        if len(arrays) == most:
            raise DataError(f"it handed on more than {most} arrays")
        array, start = _read(data, start)
        arrays.append(array)
    return arrays


def _read(data: bytes, start: int) -> tuple[Any, int]:
    """The array at a place, and the place behind it."""
    begin = start + len(_MAGIC) + 2
    length = int.from_bytes(data[begin - 2 : begin], "little")
    if data[start : begin - 2] != _MAGIC or length > _LONGEST_HEADER:
        raise DataError("it handed on something that is no .npy file")
    header = _HEADER.fullmatch(data[begin : begin + length])
    if header is None:
        raise DataError("it handed on a .npy file that holds more than numbers")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(size) for size in re.findall(rb"\d+", header[2]))
    if len(shape) > _MOST_AXES:
        raise DataError("it handed on an array of too many axes")
    count = math.prod(shape)
    if not count and math.prod(size for size in shape if size) > _LARGEST_SUM:
        raise DataError("it handed on an array without entries and with too long axes")
    begin += length
    end = begin + count * dtype.itemsize
    if end > len(data):
        raise DataError("it handed on a .npy file that breaks off")
    flat = np.frombuffer(data, dtype=dtype, count=count, offset=begin)
    return flat.reshape(shape), end

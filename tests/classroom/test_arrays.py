"""Only what NumPy writes for plain numbers is read, and nothing is evaluated."""

import io

import numpy as np
import pytest

from pullback.classroom.arrays import read_arrays
from pullback.errors import DataError


def npy(array, **how) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **how)
    return file.getvalue()


def with_header(text: str) -> bytes:
    header = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def header(descr="<f8", order="False", shape="()") -> bytes:
    return with_header(f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.float32(2.5).reshape(()),
        np.zeros((3, 0, 2), np.float16),
        np.array([True, False]),
        np.array([1, 2], np.uint8),
        np.array([[-1]], np.int64),
        np.ones((1,) * 32),
    ],
)
def test_what_numpy_writes_is_read(array):
    twice = read_arrays(npy(array) * 2, most=2)
    for read in twice:
        assert (read.shape, read.dtype) == (array.shape, array.dtype)
        np.testing.assert_array_equal(read, array)
    assert len(twice) == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"garbage", "no .npy file"),
        (b"\x93NUMPY\x02\x00" + npy(np.ones(1))[8:], "no .npy file"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b" " * 70000, "no .npy file"),
        (npy(np.array([print]), allow_pickle=True), "more than numbers"),
        (npy(np.zeros(2, [("a", "f8")])), "more than numbers"),
        (npy(np.array(["text"])), "more than numbers"),
        (npy(np.ones(2, complex)), "more than numbers"),
        (npy(np.ones(2, np.longdouble)), "more than numbers"),
        (npy(np.ones(2, ">f8")), "more than numbers"),
        (header(descr="<b2"), "more than numbers"),
        (header(descr="<f1"), "more than numbers"),
        (header(order="True", shape="(1, 1)"), "more than numbers"),
        (header(shape="(-1,)"), "more than numbers"),
        (header(shape="(1e3,)"), "more than numbers"),
        (header(shape="(9999999999999,)"), "more than numbers"),
        (header(shape="(__import__('os'),)"), "more than numbers"),
        (header(shape="(999999999999, 999999999999)"), "breaks off"),
        (header(shape="(2,)") + bytes(15), "breaks off"),
        (npy(np.ones(3))[:-1], "breaks off"),
        (header(shape="(0, 2000000)"), "too long axes"),
        (header(shape="(2000, 0, 2000)"), "too long axes"),
        (npy(np.ones(3))[:20], "more than numbers"),
        (header(shape=f"({'1, ' * 33})") + bytes(8), "too many axes"),
    ],
)
def test_all_else_is_refused(data, why):
    with pytest.raises(DataError, match=why):
        read_arrays(data, most=9)


def test_there_is_a_most_of_arrays():
    with pytest.raises(DataError, match="more than 2 arrays"):
        read_arrays(npy(np.ones(1)) * 3, most=2)

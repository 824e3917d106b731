"""IDX files of every kind are read; a file that is not whole is refused before it costs memory."""

import gzip
import math
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pullback.data.idx import read_idx, read_idx_folder
from pullback.errors import DataError

MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(code, *shape):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx(array):
    """The bytes of an IDX file."""
    big = array.astype(array.dtype.newbyteorder(">"))
    return header(CODES[array.dtype.str[1:]], *array.shape) + big.tobytes()


@pytest.fixture
def file(tmp_path):
    """A function that writes a file and gives its path."""

    def write(content, name="data-idx"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@settings(max_examples=60)
@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda dtype: arrays(dtype, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    ),
    zipped=st.booleans(),
)
def test_every_dtype_and_shape(tmp_path_factory, array, zipped):
    path = tmp_path_factory.mktemp("idx") / "any-name"
    path.write_bytes(gzip.compress(idx(array), mtime=0) if zipped else idx(array))
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")
    assert read.shape == array.shape
    assert read.flags.writeable


THREE = idx(np.array([5, 0, 4], dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is truncated: 0 bytes where 4 are needed"),
        (b"\0\0", "is truncated"),
        (THREE[:6], "is truncated"),
        (THREE[:-1], r"is truncated: its header promises the shape \(3,\)"),
        (THREE + b"\0", r"has bytes after the 3 that its shape \(3,\) needs"),
        (b"\x89PNG" + THREE, r"no IDX file: it begins with the bytes 89 50 4e 47"),
        (b"\0\0\x0a\x01" + THREE[4:], "no IDX file"),
        (b"\0\0\x08\x00" + THREE[4:], "no IDX file"),
        (b"\0\x01\x08\x01" + THREE[4:], "no IDX file"),
        (header(8, 2**32 - 1, 2**32 - 1, 2**32 - 1), "more than the file can hold"),
        (gzip.compress(header(8, 2**32 - 1), mtime=0), "more than the file can hold"),
        (gzip.compress(THREE[:-1], mtime=0), "is truncated: 2 bytes where 3 are needed"),
        (gzip.compress(THREE + b"\0", mtime=0), "has bytes after the 3"),
        (gzip.compress(THREE, mtime=0)[:-9], "damaged gzip file"),
        (gzip.compress(THREE, mtime=0)[:-8] + b"\0" * 8, "damaged gzip file"),
        (gzip.compress(THREE, mtime=0)[:10] + b"\xff" * 20, "damaged gzip file"),
        (b"\x1f\x8bxxxxxxxxxxxxx", "damaged gzip file"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(file, content, sentence):
    path = file(content)
    with pytest.raises(DataError, match=sentence) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("zipped", [False, True])
def test_memory_is_taken_for_what_is_there(file, zipped):
    promise = header(8, 100_000_000)
    # The gzip file is long enough to hold the promise by its size, and does not.
    content = gzip.compress(promise + os.urandom(200_000), mtime=0) if zipped else promise
    path = file(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="is truncated"):
            read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


def test_the_limit_is_the_callers(file):
    path = file(THREE)
    assert read_idx(path, limit_bytes=3).tolist() == [5, 0, 4]
    with pytest.raises(DataError, match="holds 3 bytes, above the limit of 2"):
        read_idx(path, limit_bytes=2)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        read_idx(tmp_path / "no")
    with pytest.raises(DataError, match="is a folder"):
        read_idx(tmp_path)


IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) * 10
LABELS = np.array([3, 1, 3, 2], dtype=np.uint8)


def folder_of(tmp_path, **files):
    """A folder whose files are given by name, "_" for "-" and "__" for "."."""
    for name, array in files.items():
        name = name.replace("__", ".").replace("_", "-")
        content = idx(array)
        (tmp_path / name).write_bytes(
            gzip.compress(content, mtime=0) if name.endswith("gz") else content
        )
    return tmp_path


@pytest.mark.parametrize("spelling", ["_idx{}_ubyte", "__idx{}_ubyte", "_idx{}_ubyte__gz"])
def test_a_folder(tmp_path, spelling):
    three, one = spelling.format(3), spelling.format(1)
    files = {f"train_images{three}": IMAGES, f"train_labels{one}": LABELS}
    data = read_idx_folder(folder_of(tmp_path, **files))
    assert data.name == tmp_path.name
    assert data.X.dtype == np.float32
    assert data.X.tolist() == IMAGES.reshape(4, 6).tolist()
    assert data.y.dtype == np.int64
    assert data.y.tolist() == [3, 1, 3, 2]
    assert data.image_shape == (2, 3)
    assert data.feature_names[4] == "pixel_1_1"
    assert data.X_test is None
    held_out = {f"t10k_images{three}": IMAGES[:2], f"t10k_labels{one}": LABELS[:2]}
    data = read_idx_folder(folder_of(tmp_path, **held_out))
    assert data.X_test.tolist() == IMAGES[:2].reshape(2, 6).tolist()
    assert data.y_test.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "has no train-images-idx3-ubyte and train-labels-idx1-ubyte"),
        ({"train_images_idx3_ubyte": IMAGES}, "images but no train-labels-idx1-ubyte"),
        ({"train_labels_idx1_ubyte": LABELS}, "labels but no train-images-idx3-ubyte"),
        (
            {"train_images_idx3_ubyte": IMAGES, "train_labels_idx1_ubyte": LABELS[:3]},
            "4 train images but 3 labels",
        ),
        (
            {"train_images_idx3_ubyte": LABELS, "train_labels_idx1_ubyte": LABELS},
            r"must hold images \(n, rows, columns\)",
        ),
        (
            {"train_images_idx3_ubyte": IMAGES, "train_labels_idx1_ubyte": IMAGES},
            "must hold one integer label",
        ),
        (
            {
                "train_images_idx3_ubyte": np.full((4, 2, 3), np.nan, np.float32),
                "train_labels_idx1_ubyte": LABELS,
            },
            "holds NaN or infinite values",
        ),
        (
            {
                "train_images_idx3_ubyte": IMAGES,
                "train_labels_idx1_ubyte": LABELS,
                "t10k_images_idx3_ubyte": IMAGES.reshape(4, 3, 2),
                "t10k_labels_idx1_ubyte": LABELS,
            },
            r"shape \(2, 3\), held-out images \(3, 2\)",
        ),
        (
            {
                "train_images_idx3_ubyte": IMAGES,
                "train_labels_idx1_ubyte": LABELS,
                "t10k_images_idx3_ubyte": IMAGES,
            },
            "images but no t10k-labels-idx1-ubyte",
        ),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(tmp_path, files, sentence):
    with pytest.raises(DataError, match=sentence):
        read_idx_folder(folder_of(tmp_path, **files))


@pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST files are not beside this checkout")
def test_the_real_mnist():
    data = read_idx_folder(MNIST)
    assert (data.X.shape, data.X_test.shape) == ((60000, 784), (10000, 784))
    assert data.image_shape == (28, 28)
    assert (data.X.min(), data.X.max()) == (0.0, 255.0)
    assert data.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert math.isclose(float(data.X.mean(dtype=np.float64)) / 255, 0.1306604762738429)

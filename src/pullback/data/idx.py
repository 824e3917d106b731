"""IDX files, the format of MNIST: a header with the sizes, then the numbers, big-endian.

Source of the format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits",
section "The IDX file format". The magic number is two zero bytes, a byte for the type and a byte
for the number of dimensions; each size is a big-endian 32-bit integer.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pullback.data.dataset import Dataset
from pullback.errors import DataError

Stream: TypeAlias = IO[bytes] | gzip.GzipFile

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_LIMIT = 1032  # no DEFLATE stream unpacks to more than 1032 times its size (zlib manual)
_CHUNK = 1 << 20
_MAX_DIMENSIONS = 64  # NumPy's own limit
_GIB = 2**30


def read_idx(path: str | os.PathLike[str], *, limit_bytes: int = 4 * _GIB) -> NDArray[Any]:
    """Read one IDX file, gzipped or not (told by its first bytes, not by its name).

    Args:
        path: the file.
        limit_bytes: the most bytes the array may take.

    Returns:
        An array of the header's shape in native byte order: uint8, int8, int16, int32, float32 or
        float64.

    Raises:
        DataError: the file is missing, no IDX file, truncated, has bytes after its numbers, or its
            header promises more than the file can hold or than `limit_bytes`.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "labels-idx1-ubyte")
        >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
        >>> read_idx(file)
        array([5, 0, 4], dtype=uint8)

    Source: the IDX file format, see the head of this module.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            zipped = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if not zipped:
                return _read(raw, path, size, limit_bytes)
            with gzip.GzipFile(fileobj=raw) as stream:
                return _read(stream, path, size * _DEFLATE_LIMIT, limit_bytes)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, not an IDX file.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a damaged gzip file: {error}.") from error
    except OSError as error:
        raise DataError(f"{path} could not be read: {error.strerror or error}.") from error


def read_idx_folder(path: str | os.PathLike[str]) -> Dataset:
    """Read a folder of images and labels that is laid out as MNIST is.

    The files are `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and perhaps the held-out
    pair `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`; each may end in `.gz` and may be
    spelled with a dot (`train-images.idx3-ubyte`). An unpacked file goes before a gzipped one.

    Returns:
        X float32 of shape (n, rows * columns) with the values as stored (0..255 for bytes), y
        int64, image_shape (rows, columns); X_test and y_test where the t10k files are.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not fit each other.

    Example:
        >>> read_idx_folder("no/such/folder")
        Traceback (most recent call last):
        pullback.errors.DataError: There is no folder no/such/folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    train = _read_pair(folder, "train")
    if train is None:
        raise DataError(
            f"{folder} has no train-images-idx3-ubyte and train-labels-idx1-ubyte "
            "(each may end in .gz)."
        )
    images, labels = train
    test = _read_pair(folder, "t10k")
    if test is not None and test[0].shape[1:] != images.shape[1:]:
        raise DataError(
            f"{folder}: training images have the shape {images.shape[1:]}, "
            f"held-out images {test[0].shape[1:]}."
        )
    rows, columns = images.shape[1:]
    return Dataset(
        name=folder.resolve().name,
        X=_flat(images),
        y=labels,
        feature_names=tuple(f"pixel_{r}_{c}" for r in range(rows) for c in range(columns)),
        image_shape=(rows, columns),
        X_test=None if test is None else _flat(test[0]),
        y_test=None if test is None else test[1],
    )


def _read(stream: Stream, path: Path, most: int, limit_bytes: int) -> NDArray[Any]:
    """Read header and numbers from a stream that can give at most `most` bytes."""
    magic = _exactly(stream, 4, path)
    if magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= magic[3] <= _MAX_DIMENSIONS:
        raise DataError(f"{path} is no IDX file: it begins with the bytes {magic.hex(' ')}.")
    dtype, dimensions = np.dtype(_DTYPES[magic[2]]), magic[3]
    shape = struct.unpack(f">{dimensions}I", _exactly(stream, 4 * dimensions, path))
    promised = math.prod(shape) * dtype.itemsize
    header = 4 + 4 * dimensions
    # Compared before anything is allocated: a header of 16 bytes can promise any size.
    if header + promised > most:
        raise DataError(
            f"{path} is truncated: its header promises the shape {shape}, {promised} bytes of "
            f"numbers, which is more than the file can hold."
        )
    if promised > limit_bytes:
        raise DataError(f"{path} holds {promised} bytes, above the limit of {limit_bytes}.")
    numbers = _exactly(stream, promised, path)
    if stream.read(1):
        raise DataError(f"{path} has bytes after the {promised} that its shape {shape} needs.")
    array = np.frombuffer(numbers, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _exactly(stream: Stream, count: int, path: Path) -> bytearray:
    """Read `count` bytes, in pieces: one read of `count` would allocate it all at once."""
    data = bytearray()
    while len(data) < count:
        piece = stream.read(min(_CHUNK, count - len(data)))
        if not piece:
            raise DataError(f"{path} is truncated: {len(data)} bytes where {count} are needed.")
        data += piece
    return data


def _find(folder: Path, part: str, kind: str) -> Path | None:
    for joint in ("-", "."):
        for ending in ("", ".gz"):
            file = folder / f"{part}{joint}{kind}-ubyte{ending}"
            if file.is_file():
                return file
    return None


def _read_pair(folder: Path, part: str) -> tuple[NDArray[Any], NDArray[np.int64]] | None:
    image_file = _find(folder, f"{part}-images", "idx3")
    label_file = _find(folder, f"{part}-labels", "idx1")
    if image_file is None and label_file is None:
        return None
    if image_file is None:
        raise DataError(f"{folder} has labels but no {part}-images-idx3-ubyte.")
    if label_file is None:
        raise DataError(f"{folder} has images but no {part}-labels-idx1-ubyte.")
    images, labels = read_idx(image_file), read_idx(label_file)
    if not np.isfinite(images).all():
        raise DataError(f"{image_file} holds NaN or infinite values.")
    if images.ndim != 3 or 0 in images.shape:
        raise DataError(f"{image_file} must hold images (n, rows, columns), not {images.shape}.")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{label_file} must hold one integer label for each image.")
    if len(images) != len(labels):
        raise DataError(f"{folder}: {len(images)} {part} images but {len(labels)} labels.")
    return images, labels.astype(np.int64)


def _flat(images: NDArray[Any]) -> NDArray[np.float32]:
    return images.reshape(len(images), -1).astype(np.float32)

"""Named arrays in one safetensors file: data only, nothing in it can run.

Source of the format: https://huggingface.co/docs/safetensors, "Format": eight bytes with the length
of the header (little-endian), the header as JSON, then the numbers.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.errors import MissingExtraError, StorageError
from pullback.storage.atomic import write_atomic

_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64"),
)
_RESERVED = "__metadata__"


def save_tensors(
    path: str | os.PathLike[str], tensors: dict[str, NDArray[Any]], metadata: dict[str, str]
) -> None:
    """Write named arrays and texts to one file; the same contents give the same bytes.

    Args:
        path: the file; written whole or not at all (see `write_atomic`).
        tensors: arrays of any shape, of bool, (u)int8 to 64, float16 to 64 or complex64.
        metadata: texts by name, such as the architecture as JSON.

    Raises:
        StorageError: an array's dtype or a name is not allowed, or the file could not be written.
        MissingExtraError: safetensors is not installed.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "model.safetensors")
        >>> save_tensors(file, {"W1": np.ones((2, 3), np.float32)}, {"made": "today"})
        >>> tensors, metadata = load_tensors(file)
        >>> tensors["W1"].shape, metadata
        ((2, 3), {'made': 'today'})
    """
    _import_safetensors()
    from safetensors.numpy import save

    for name, text in metadata.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise StorageError(f"The metadata {name!r} must be a text, not {type(text).__name__}.")
    plain = {name: _plain(name, tensor) for name, tensor in tensors.items()}
    write_atomic(path, _with_metadata(save(plain), metadata))


def load_tensors(
    path: str | os.PathLike[str],
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read a file that `save_tensors` wrote, or any other safetensors file.

    Returns:
        The arrays by name, each a writable copy of its own, and the metadata.

    Raises:
        StorageError: the file is missing, damaged, no safetensors file, or holds a dtype that
            NumPy does not have (bfloat16).
        MissingExtraError: safetensors is not installed.

    Example:
        >>> load_tensors("no/such/file")
        Traceback (most recent call last):
        pullback.errors.StorageError: There is no file no/such/file.
    """
    safetensors = _import_safetensors()
    path = Path(path)
    if path.is_dir():
        raise StorageError(f"{path} is a folder, not a safetensors file.")
    try:
        with path.open("rb") as file:
            start = file.read(9)
        _check_start(path, start)
        with safetensors.safe_open(path, framework="numpy") as opened:
            names = list(opened.keys())
            tensors = {name: opened.get_tensor(name) for name in names}
            return tensors, dict(opened.metadata() or {})
    except FileNotFoundError:
        raise StorageError(f"There is no file {path}.") from None
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} could not be read: {error.strerror or error}.") from error
    except safetensors.SafetensorError as error:
        raise StorageError(f"{path} is a damaged safetensors file: {error}.") from error
    except (TypeError, KeyError, AttributeError) as error:
        raise StorageError(f"{path} holds a dtype that NumPy does not have ({error}).") from error


def _import_safetensors() -> Any:
    try:
        import safetensors
    except ImportError as error:
        raise MissingExtraError(
            "Saving and loading models needs safetensors: pip install 'pullback[files]'."
        ) from error
    return safetensors


def _plain(name: str, tensor: NDArray[Any]) -> NDArray[Any]:
    """The tensor in row order: the library writes the memory of a view as if it were that."""
    if not isinstance(name, str) or name in ("", _RESERVED):
        raise StorageError(f"A tensor cannot be called {name!r}.")
    if isinstance(tensor, np.ma.MaskedArray):
        raise StorageError(f"The tensor {name!r} is a masked array: fill in its masked entries.")
    array: NDArray[Any] = np.asarray(tensor)
    if array.dtype.name not in _DTYPES:
        raise StorageError(
            f"The tensor {name!r} has the dtype {array.dtype}: allowed are {', '.join(_DTYPES)}."
        )
    return np.asarray(array, order="C")


def _with_metadata(file: bytes, metadata: dict[str, str]) -> bytes:
    """The same file with metadata in its header.

    The library would write them in an order left to chance, so that no two files were equal, and
    its header for no tensors and no metadata is no JSON (seen in safetensors 0.8.0).
    """
    (length,) = struct.unpack("<Q", file[:8])
    header = json.loads(file[8 : 8 + length])
    header = {_RESERVED: dict(sorted(metadata.items())), **header}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of eight bytes
    return struct.pack("<Q", len(text)) + text + file[8 + length :]


def _check_start(path: Path, start: bytes) -> None:
    if not start:
        raise StorageError(f"{path} is empty, not a safetensors file.")
    if len(start) < 9 or start[8:] != b"{":
        raise StorageError(f"{path} is no safetensors file: it begins with {start[:8].hex(' ')}.")

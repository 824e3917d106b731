"""Data sets: labels, readers, built-in sets, batches."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pullback.data.batches import batch_slices, epoch_order
from pullback.data.builtin import BUILTIN, load_builtin
from pullback.data.csv import column_names, read_csv, read_features
from pullback.data.dataset import Dataset, split
from pullback.data.idx import read_idx, read_idx_folder
from pullback.data.labels import Classes
from pullback.errors import DataError, nearest

__all__ = [
    "BUILTIN",
    "Classes",
    "Dataset",
    "batch_slices",
    "column_names",
    "epoch_order",
    "load",
    "load_builtin",
    "read_csv",
    "read_features",
    "read_idx",
    "read_idx_folder",
    "split",
]


def load(
    source: str | os.PathLike[str],
    target: str | Sequence[str] | None = None,
    *,
    separator: str = ",",
    kind: str | None = None,
) -> Dataset:
    """Load a data set from wherever it is.

    Args:
        source: the name of a built-in data set (a file of that name is reached as "./digits"), a
            file that ends in .csv, or a folder of IDX files.
        target: the column to learn, or several; needed for a CSV file, allowed for nothing else.
        separator: the character between the cells of a CSV file.
        kind: what the target columns of a CSV file hold: labels when None, else "numbers",
            "counts", "fractions" or "distribution"; see `read_csv`.

    Returns:
        The data set; a held-out set is there only where the source has one (see `split`).

    Raises:
        DataError: the source is none of these, or cannot be used (see `read_csv`,
            `read_idx_folder`).
        MissingExtraError: the library that reads it is not installed.

    Example:
        >>> load("digits").image_shape
        (8, 8)
    """
    name, path = os.fspath(source), Path(source)
    if path.suffix.lower() == ".csv" and not path.is_dir():
        if target is None:
            columns = ", ".join(column_names(path, separator=separator)[:20])
            raise DataError(f"{path} needs a target, the column to learn; it has: {columns}.")
        return read_csv(path, target, separator=separator, kind=kind)
    if (target is not None or kind is not None) and (name in BUILTIN or path.is_dir()):
        raise DataError(f"A target column goes with a CSV file only; {name} has its own labels.")
    if name in BUILTIN:
        return load_builtin(name)
    if path.is_dir():
        return read_idx_folder(path)
    found = "is a file of another kind" if path.exists() else "does not exist"
    raise DataError(
        f"{name!r} cannot be loaded, it {found}: allowed are {', '.join(BUILTIN)}, a .csv file "
        f"with a target column, or a folder of IDX files.{nearest(name, list(BUILTIN))}"
    )

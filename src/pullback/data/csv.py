"""CSV files as data sets: features are numbers, targets labels or numbers.

Numbers are made column by column from the cells as text, so that a bad cell can be shown with its
place.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pullback.data.dataset import Dataset
from pullback.data.table import Table, cell_problem, open_table
from pullback.errors import DataError
from pullback.losses.targets import allowed_targets, check_targets, first_wrong

if TYPE_CHECKING:
    import polars as pl

Source = str | os.PathLike[str] | Table

_DIGITS = r"^[+-]?[0-9]+$"
# An integer label has no leading zeros: 007 and 7 would otherwise become one class.
_INTEGER = r"^[+-]?(0|[1-9][0-9]*)$"
_TRUTH = {"True": True, "true": True, "False": False, "false": False}


def read_csv(
    path: Source, target: str | Sequence[str], *, separator: str = ",", kind: str | None = None
) -> Dataset:
    """Read a CSV file with a header line: columns to learn, all others numbers.

    Args:
        path: a UTF-8 file, with or without a byte-order mark, or one that is open (`open_table`).
            Blanks around a cell do not count.
        target: the column to learn, or several where a kind is given.
        separator: the character between cells.
        kind: None for labels. They become int64 when all are integers (those with leading zeros
            or beyond 64 bits stay strings), else float64 when all are numbers, else bool when all
            are True/False or true/false, else strings. Else what numbers they are, as
            `pb.losses.Loss.targets` says: "numbers", "counts", "fractions" (true and false count
            as 1 and 0) or "distribution".

    Returns:
        X float32 of shape (rows, columns) in the order of the file, rounded to float32; y labels
        of shape (rows,) or float64 of shape (rows, targets); the names from the header.

    Raises:
        DataError: no such file or column, nothing in it, a cell that is empty, no number, NaN,
            infinite or beyond float32, or that the kind does not allow (with its line, counted
            from 1, and column), a row with too few or too many cells, a repeated or empty column
            name, bytes that are not UTF-8.
        MissingExtraError: Polars is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "pets.csv")
        >>> _ = file.write_text("weight,kind\\n4.5,cat\\n30,dog\\n")
        >>> pets = read_csv(file, target="kind")
        >>> pets.X.tolist(), pets.y.tolist(), pets.feature_names
        ([[4.5], [30.0]], ['cat', 'dog'], ('weight',))
    """
    table = _table(path, separator)
    targets = [target] if isinstance(target, str) else list(target)
    table.require(targets)
    features = [name for name in table.names if name not in targets]
    if not features:
        what = f"column {targets[0]!r}" if len(targets) == 1 else "columns"
        raise DataError(f"{table.path} has only the target {what}, no features.")
    table.check_rows(table.names)
    return Dataset(
        name=table.path.stem,
        X=_numbers(table, features),
        y=_labels(table, *targets) if kind is None else read_targets(table, targets, kind),
        feature_names=tuple(features),
        target_names=tuple(targets),
    )


def read_targets(table: Table, names: Sequence[str], kind: str, gaps: bool = False) -> Any:
    """Columns of numbers to learn, or to compare predictions with.

    Args:
        table: an open file.
        names: its columns, in the order wanted.
        kind: as for `read_csv`, not None.
        gaps: whether a cell may be empty, which gives NaN.

    Returns:
        float64 array of shape (rows, len(names)).

    Raises:
        DataError: a column is missing, or a cell holds what the kind does not allow.
    """
    import polars as pl

    table.require(names)
    if not gaps:
        table.check_rows(names)
    texts = table.cells.select(names)
    if kind == "fractions":
        texts = texts.select(pl.all().replace({text: str(int(_TRUTH[text])) for text in _TRUTH}))
    values = _floats(texts)
    is_empty = texts.select(pl.all().fill_null("").eq("")).to_numpy()
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(values.astype(np.float32)) & ~(is_empty & gaps)
    if bad.any():
        row, column = (int(place) for place in np.argwhere(bad)[0])
        problem = cell_problem(texts.item(row, column))
        allowed = "" if is_empty[row, column] else f"; allowed are {allowed_targets(kind)}"
        raise table.fault(row, names[column], f"{problem}{allowed}")
    place = first_wrong(kind, np.where(is_empty, 0.0, values))
    if place is not None:
        row, column = place
        problem = f"{texts.item(row, column)} is not allowed; allowed are {allowed_targets(kind)}"
        raise table.fault(row, names[column], problem)
    if not is_empty.any():
        check_targets(kind, values, f"{table.path}, the target columns")
    return values


def read_floats(table: Table, names: Sequence[str]) -> NDArray[np.float64]:
    """Columns as float64 of shape (rows, len(names)); NaN where a cell is no number."""
    table.require(names)
    return _floats(table.cells.select(names))


def read_features(
    path: Source, feature_names: tuple[str, ...], *, separator: str = ","
) -> NDArray[np.float32]:
    """Read the columns that a model was trained on, by their names.

    The columns may stand in any order, and further ones (such as the target) are not looked at.

    Args:
        path: a CSV file as for `read_csv`.
        feature_names: the columns to read, in the order wanted.
        separator: the character between cells.

    Returns:
        float32 array of shape (rows, len(feature_names)).

    Raises:
        DataError: columns are missing (names them), or the file is one that `read_csv` refuses.
        MissingExtraError: Polars is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "new.csv")
        >>> _ = file.write_text("b,note,a\\n2,x,1\\n")
        >>> read_features(file, ("a", "b")).tolist()
        [[1.0, 2.0]]
    """
    table = _table(path, separator)
    names = list(feature_names)
    table.require(names)
    table.check_rows(names)
    return _numbers(table, names)


def column_names(path: Source, *, separator: str = ",") -> tuple[str, ...]:
    """The column names in the header of a CSV file.

    Raises:
        DataError: the file is one that `read_csv` refuses.
        MissingExtraError: Polars is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "pets.csv")
        >>> _ = file.write_text("weight,kind\\n4.5,cat\\n")
        >>> column_names(file)
        ('weight', 'kind')
    """
    return tuple(_table(path, separator).names)


def _table(path: Source, separator: str) -> Table:
    return path if isinstance(path, Table) else open_table(path, separator)


def _floats(texts: pl.DataFrame) -> NDArray[np.float64]:
    import polars as pl

    return np.array(texts.cast(pl.Float64, strict=False).to_numpy(), dtype=np.float64, order="C")


def _numbers(table: Table, names: list[str]) -> NDArray[np.float32]:
    import polars as pl

    texts = table.cells.select(names)
    numbers = texts.cast(pl.Float64, strict=False).cast(pl.Float32)
    X = np.array(numbers.to_numpy(), dtype=np.float32, order="C")
    bad = np.argwhere(~np.isfinite(X))  # what is no number has become NaN; row by row
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise table.fault(row, names[column], cell_problem(texts.item(row, column)))
    return X


def _labels(table: Table, target: str) -> NDArray[Any]:
    import polars as pl

    texts = table.cells.get_column(target)
    empty = texts.eq("").arg_true()  # cells of blanks; those of nothing were refused before
    if len(empty):
        raise table.fault(empty[0], target, cell_problem(""))
    if texts.str.contains(_DIGITS).all():
        integers = texts.cast(pl.Int64, strict=False)
        if texts.str.contains(_INTEGER).all() and not integers.null_count():
            return np.array(integers.to_numpy())
        return _as_strings(texts)  # as floats, two labels beyond 64 bits could become one
    floats = texts.cast(pl.Float64, strict=False)
    if not floats.null_count():
        values = np.array(floats.to_numpy())
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise table.fault(int(bad[0]), target, cell_problem(texts[int(bad[0])]))
        return values
    if texts.is_in(list(_TRUTH)).all():
        return np.array([_TRUTH[text] for text in texts], dtype=np.bool_)
    return _as_strings(texts)


def _as_strings(texts: pl.Series) -> NDArray[np.str_]:
    return np.array(texts.to_list(), dtype=np.str_)

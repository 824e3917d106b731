"""CSV files as data sets, with errors that name the line and the column.

Polars reads every cell as text; numbers are made column by column, so that a bad cell can be shown
with its place. Where Polars does not tell what is wrong (a short row, an open quote), the file is
walked once more with the standard library's reader, which knows the lines.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pullback.data.dataset import Dataset
from pullback.errors import DataError, MissingExtraError, nearest

if TYPE_CHECKING:
    import polars as pl

_BOM = b"\xef\xbb\xbf"
_SHOWN = 20  # columns that a message lists before it says how many more there are
_DIGITS = r"^[+-]?[0-9]+$"
# An integer label has no leading zeros: 007 and 7 would otherwise become one class.
_INTEGER = r"^[+-]?(0|[1-9][0-9]*)$"
_TRUTH = {"True": True, "true": True, "False": False, "false": False}


def read_csv(path: str | os.PathLike[str], target: str, *, separator: str = ",") -> Dataset:
    """Read a CSV file with a header line: one column of labels, all others numbers.

    Args:
        path: a UTF-8 file, with or without a byte-order mark. Blanks around a cell do not count.
        target: the column of labels. Its values become int64 when all are integers (those with
            leading zeros or beyond 64 bits stay strings), else float64 when all are numbers, else
            bool when all are True/False or true/false, else strings.
        separator: the character between cells.

    Returns:
        X float32 of shape (rows, columns - 1) in the order of the file, y of shape (rows,),
        feature_names from the header. Features are rounded to float32.

    Raises:
        DataError: no such file or column, nothing in it, a cell that is empty, no number, NaN,
            infinite or beyond float32 (with its line, counted from 1, and column), a row with too
            few or too many cells, a repeated or empty column name, bytes that are not UTF-8.
        MissingExtraError: Polars is not installed.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "pets.csv")
        >>> _ = file.write_text("weight,kind\\n4.5,cat\\n30,dog\\n")
        >>> pets = read_csv(file, target="kind")
        >>> pets.X.tolist(), pets.y.tolist(), pets.feature_names
        ([[4.5], [30.0]], ['cat', 'dog'], ('weight',))
    """
    table = _open(path, separator)
    table.require([target])
    features = [name for name in table.names if name != target]
    if not features:
        raise DataError(f"{table.path} has only the target column {target!r}, no features.")
    table.check_rows(table.names)
    return Dataset(
        name=Path(path).stem,
        X=_numbers(table, features),
        y=_labels(table, target),
        feature_names=tuple(features),
    )


def read_features(
    path: str | os.PathLike[str], feature_names: tuple[str, ...], *, separator: str = ","
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
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "new.csv")
        >>> _ = file.write_text("b,note,a\\n2,x,1\\n")
        >>> read_features(file, ("a", "b")).tolist()
        [[1.0, 2.0]]
    """
    table = _open(path, separator)
    names = list(feature_names)
    table.require(names)
    table.check_rows(names)
    return _numbers(table, names)


def column_names(path: str | os.PathLike[str], *, separator: str = ",") -> tuple[str, ...]:
    """The column names in the header of a CSV file.

    Raises:
        DataError: the file is one that `read_csv` refuses.
        MissingExtraError: Polars is not installed.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp(), "pets.csv")
        >>> _ = file.write_text("weight,kind\\n4.5,cat\\n")
        >>> column_names(file)
        ('weight', 'kind')
    """
    return tuple(_open(path, separator).names)


@dataclass(frozen=True)
class _Table:
    """A file as text: its column names, its cells (null: empty or not there), its bytes."""

    path: Path
    separator: str
    data: bytes
    names: list[str]
    cells: pl.DataFrame

    def require(self, wanted: list[str]) -> None:
        missing = [name for name in wanted if name not in self.names]
        if not missing:
            return
        shown = ", ".join(map(repr, missing[:_SHOWN])) + _more(missing)
        word = "column" if len(missing) == 1 else "columns"
        listed = ", ".join(self.names[:_SHOWN]) + _more(self.names)
        hint = _separator_hint(self.names, self.separator) or nearest(missing[0], self.names)
        raise DataError(f"{self.path} has no {word} {shown}; its columns are: {listed}.{hint}")

    def check_rows(self, used: list[str]) -> None:
        """Refuse short rows, blank lines, and empty cells in the columns used."""
        if any(self.cells.null_count().row(0)):
            _explain(self.path, self.data, self.separator, used)

    def fault(self, row: int, name: str, problem: str) -> DataError:
        lines = (line for line, _ in _walk(self.path, self.data, self.separator))
        line = next((line for number, line in enumerate(lines) if number == row + 1), row + 2)
        return _cell_error(self.path, line, name, problem)


def _open(path: str | os.PathLike[str], separator: str) -> _Table:
    try:
        import polars as pl
    except ImportError as error:
        raise MissingExtraError(
            "Reading CSV files needs polars: pip install 'pullback[cli]'."
        ) from error
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n':
        raise DataError(f"The separator must be one ASCII character, not {separator!r}.")
    path = Path(path)
    data = _read_bytes(path)
    try:
        cells = pl.read_csv(data, has_header=False, infer_schema=False, separator=separator)
    except pl.exceptions.PolarsError as error:
        _explain(path, data, separator, [])
        raise DataError(f"{path} is no CSV file that can be read: {error}.") from error
    names = [(name or "").strip() for name in cells.row(0)]
    _check_names(path, names)
    if len(cells) == 1:
        raise DataError(f"{path} has a header but no rows.")
    cells = cells.slice(1).rename(dict(zip(cells.columns, names, strict=True)))
    return _Table(path, separator, data, names, cells.with_columns(pl.all().str.strip_chars()))


def _read_bytes(path: Path) -> bytes:
    """The file's bytes: UTF-8 made sure of, without byte-order mark and blank lines at the end."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, not a CSV file.") from None
    except OSError as error:
        raise DataError(f"{path} could not be read: {error.strerror or error}.") from error
    data = data.removeprefix(_BOM)
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")  # line ends of the old Macintosh
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: the byte 0x{data[error.start]:02x} is not UTF-8, the only "
            "encoding that is read (with or without a byte-order mark); save the file as UTF-8."
        ) from None
    if not data.strip():
        raise DataError(f"{path} is empty.")
    # One line end after the last row: without it Polars lets a last cell too many pass.
    return data.rstrip(b"\r\n") + b"\n"


def _check_names(path: Path, names: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}, line 1: column {number} has no name.")
        first = names.index(name) + 1
        if first != number:
            raise DataError(
                f"{path}, line 1: the columns {first} and {number} are both called {name!r}."
            )


def _numbers(table: _Table, names: list[str]) -> NDArray[np.float32]:
    import polars as pl

    texts = table.cells.select(names)
    numbers = texts.cast(pl.Float64, strict=False).cast(pl.Float32)
    X = np.array(numbers.to_numpy(), dtype=np.float32, order="C")
    bad = np.argwhere(~np.isfinite(X))  # what is no number has become NaN; row by row
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise table.fault(row, names[column], _problem(texts.item(row, column)))
    return X


def _labels(table: _Table, target: str) -> NDArray[Any]:
    import polars as pl

    texts = table.cells.get_column(target)
    empty = texts.eq("").arg_true()  # cells of blanks; those of nothing were refused before
    if len(empty):
        raise table.fault(empty[0], target, _problem(""))
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
            raise table.fault(int(bad[0]), target, _problem(texts[int(bad[0])]))
        return values
    if texts.is_in(list(_TRUTH)).all():
        return np.array([_TRUTH[text] for text in texts], dtype=np.bool_)
    return _as_strings(texts)


def _as_strings(texts: pl.Series) -> NDArray[np.str_]:
    return np.array(texts.to_list(), dtype=np.str_)


def _problem(text: str | None) -> str:
    """What is wrong with a cell that gave no finite float32."""
    if not text:
        return "the cell is empty"
    word = text.lower().lstrip("+-")
    if word == "nan":
        return f"{text!r} is not allowed, every cell needs a number"
    if word in ("inf", "infinity"):
        return f"{text!r} is not allowed, numbers must be finite"
    try:
        float(text.replace("_", "x"))
    except ValueError:
        return f"text where numbers belong: {text!r}"
    return f"{text} is beyond the range of float32"


def _cell_error(path: Path, line: int, name: str, problem: str) -> DataError:
    return DataError(f"{path}, line {line}, column {name!r}: {problem}.")


def _walk(path: Path, data: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line it starts on; a quoted cell may span lines."""
    text = io.StringIO(data.decode("utf-8"), newline="")
    reader = csv.reader(text, delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {line}: the row cannot be cut into cells ({error}); "
            "is a quotation mark not closed?"
        ) from None


def _explain(path: Path, data: bytes, separator: str, used: list[str]) -> None:
    """Raise for the first row that is blank, has another width, or an empty cell in `used`."""
    rows = _walk(path, data, separator)
    names = [name.strip() for name in next(rows)[1]]
    if not names:
        raise DataError(f"{path}, line 1 is blank: it must hold the column names.")
    columns = [(names.index(name), name) for name in used]
    for line, cells in rows:
        if not cells:
            raise DataError(f"{path}, line {line} is blank: remove it or fill in its cells.")
        if len(cells) != len(names):
            raise DataError(
                f"{path}, line {line} has {len(cells)} cells, but the header names "
                f"{len(names)} columns.{_separator_hint(names, separator)}"
            )
        for index, name in sorted(columns):
            if not cells[index].strip():
                raise _cell_error(path, line, name, _problem(""))


def _more(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""


def _separator_hint(names: list[str], separator: str) -> str:
    """' Is the separator ...?' when the header was not cut and holds another usual separator."""
    for other in (",", ";", "\t", "|"):
        if len(names) == 1 and other != separator and other in names[0]:
            return f" Is the separator {other!r} instead of {separator!r}?"
    return ""

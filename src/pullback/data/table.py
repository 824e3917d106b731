"""A CSV file as text, with errors that name the line and the column.

Polars reads every cell as text. Where it does not tell what is wrong (a short row, an open quote),
the file is walked once more with the standard library's reader, which knows the lines.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pullback.errors import DataError, MissingExtraError, nearest

if TYPE_CHECKING:
    import polars as pl

_BOM = b"\xef\xbb\xbf"
_SHOWN = 20  # columns that a message lists before it says how many more there are


@dataclass(frozen=True)
class Table:
    """A file as text: its column names, its cells (null: empty or not there), its bytes."""

    path: Path
    separator: str
    data: bytes
    names: list[str]
    cells: pl.DataFrame

    def require(self, wanted: Sequence[str]) -> None:
        """Refuse a file that lacks one of these columns."""
        missing = [name for name in wanted if name not in self.names]
        if not missing:
            return
        shown = ", ".join(map(repr, missing[:_SHOWN])) + _more(missing)
        word = "column" if len(missing) == 1 else "columns"
        listed = ", ".join(self.names[:_SHOWN]) + _more(self.names)
        hint = _separator_hint(self.names, self.separator) or nearest(missing[0], self.names)
        raise DataError(f"{self.path} has no {word} {shown}; its columns are: {listed}.{hint}")

    def check_rows(self, used: Sequence[str]) -> None:
        """Refuse short rows, blank lines, and empty cells in the columns used."""
        if any(self.cells.null_count().row(0)):
            _explain(self.path, self.data, self.separator, used)

    def fault(self, row: int, name: str, problem: str) -> DataError:
        """What is wrong with a cell, told with its line; rows are counted from 0."""
        lines = (line for line, _ in _walk(self.path, self.data, self.separator))
        line = next((line for number, line in enumerate(lines) if number == row + 1), row + 2)
        return _cell_error(self.path, line, name, problem)


def open_table(path: str | os.PathLike[str], separator: str = ",") -> Table:
    """Read a CSV file as text.

    Args:
        path: a UTF-8 file with a header line, with or without a byte-order mark.
        separator: the character between cells.

    Raises:
        DataError: the file cannot be read, is empty, has no rows, or a row too many cells.
        MissingExtraError: Polars is not installed.
    """
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
    return Table(path, separator, data, names, cells.with_columns(pl.all().str.strip_chars()))


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


def cell_problem(text: str | None) -> str:
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


def _explain(path: Path, data: bytes, separator: str, used: Sequence[str]) -> None:
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
                raise _cell_error(path, line, name, cell_problem(""))


def _more(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""


def _separator_hint(names: list[str], separator: str) -> str:
    """' Is the separator ...?' when the header was not cut and holds another usual separator."""
    for other in (",", ";", "\t", "|"):
        if len(names) == 1 and other != separator and other in names[0]:
            return f" Is the separator {other!r} instead of {separator!r}?"
    return ""

"""Labels of any kind as class indices, and back.

A classifier computes with 0, 1, 2, ...; its user has "setosa", 7, True or 0.5. `Classes` learns
the sorted distinct labels once and translates both ways. It refuses what would be changed without
a word: masked arrays, dates, mixed kinds, missing values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pullback.errors import DataError

Array: TypeAlias = NDArray[Any]
Kind: TypeAlias = Literal["bool", "int", "float", "str"]

_KINDS: dict[str, Kind] = {
    "b": "bool",
    "i": "int",
    "u": "int",
    "f": "float",
    "U": "str",
    "T": "str",
}
_ALLOWED = "allowed are ints, strings, bools or floats, all of one kind"
# How a label is written to JSON, and read back.
_WRITE: dict[Kind, Callable[[Any], object]] = {
    "bool": bool,
    "int": str,
    "float": lambda value: float(value).hex(),
    "str": str,
}
_READ: dict[Kind, Callable[[Any], Any]] = {
    "bool": bool,
    "int": int,
    "float": float.fromhex,
    "str": str,
}
_SHOWN = 12  # labels that a message lists before it says how many more there are


@dataclass(frozen=True, eq=False)
class Classes:
    """The distinct labels of a classification, sorted; made by `Classes.of` or `from_json`.

    Attributes:
        labels: array of shape (C,), C >= 2, read-only, of the dtype that the labels came in.

    Example:
        >>> classes = Classes.of(["cat", "dog", "cat"])
        >>> classes.encode(["dog", "cat"])
        array([1, 0])
        >>> classes.decode([0, 1]).tolist()
        ['cat', 'dog']
    """

    labels: Array

    def __post_init__(self) -> None:
        self.labels.flags.writeable = False

    @staticmethod
    def of(y: object) -> Classes:
        """Learn the sorted distinct labels of a column.

        Args:
            y: labels of one kind (ints, strings, bools or floats), shape (n,): an array, a list,
                or whatever NumPy can view as an array. An object array may hold one such kind.

        Returns:
            The classes; their labels keep the dtype of `y`.

        Raises:
            DataError: `y` is empty, not 1-D, a masked array, dates, of mixed kinds, holds NaN or
                None, or has one distinct label only.

        Example:
            >>> Classes.of([30, 10, 20, 10]).labels
            array([10, 20, 30])
        """
        column, _ = _column(y)
        labels = np.unique(column)
        if len(labels) < 2:
            raise DataError(
                f"All {len(column)} labels are {_show(labels[0])}: "
                "a classifier needs at least two classes."
            )
        return Classes(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Classes):
            return NotImplemented
        same_dtype = self.labels.dtype == other.labels.dtype
        return same_dtype and np.array_equal(self.labels, other.labels)

    def __hash__(self) -> int:
        return hash(tuple(self.labels.tolist()))

    @property
    def kind(self) -> Kind:
        """The kind of the labels: "bool", "int", "float" or "str"."""
        return _column(self.labels)[1]

    def encode(self, y: object) -> NDArray[np.int64]:
        """The index of each label.

        Args:
            y: labels of the same kind, shape (n,), n >= 1; their width may differ (int8, int64).

        Returns:
            int64 array of shape (n,), each in [0, C): `labels[index]` is the label.

        Raises:
            DataError: a label is none of the classes (names it, its row and the allowed ones), or
                `y` is a column that `of` would refuse.

        Example:
            >>> Classes.of([False, True]).encode([True, True, False])
            array([1, 1, 0])
        """
        column, kind = _column(y)
        if kind != self.kind:
            raise DataError(f"The labels are of kind {kind}, but the classes are {self._listed()}.")
        labels, column = _comparable(self.labels, column)
        indices = np.searchsorted(labels, column)
        indices[indices == len(labels)] = 0  # beyond the last label: any index shows the mismatch
        unknown = np.flatnonzero(labels[indices] != column)
        if unknown.size:
            row = int(unknown[0])
            raise DataError(
                f"The label {_show(column[row])} in row {row} (counted from 0) "
                f"is none of the classes {self._listed()}."
            )
        return indices.astype(np.int64)

    def decode(self, indices: object) -> Array:
        """The label of each index.

        Args:
            indices: integers in [0, C), any shape.

        Returns:
            Array of that shape with the dtype of the labels.

        Raises:
            DataError: an index is no integer or outside [0, C).

        Example:
            >>> Classes.of([0.5, 1.5]).decode([1, 0])
            array([1.5, 0.5])
        """
        places = np.asarray(indices)
        if places.dtype.kind not in "iu":
            raise DataError(f"Class indices must be integers, not {places.dtype}.")
        # Without this check -1 would quietly be the last class.
        wrong = places[(places < 0) | (places >= len(self))]
        if wrong.size:
            raise DataError(f"The class index {wrong[0]} is outside 0..{len(self) - 1}.")
        decoded: Array = np.asarray(self.labels[places], dtype=self.labels.dtype)
        return decoded

    def to_json(self) -> dict[str, object]:
        """The classes as plain data that JSON keeps exactly.

        Ints are decimal texts (many readers of JSON round beyond 2**53), floats are hexadecimal
        texts (`float.hex`), strings and bools are themselves.

        Returns:
            {"dtype": ..., "kind": ..., "labels": [...]}.

        Example:
            >>> Classes.of([1, 2]).to_json()
            {'dtype': '<i8', 'kind': 'int', 'labels': ['1', '2']}
        """
        write = _WRITE[self.kind]
        dtype = self.labels.dtype
        name = {"O": "object", "T": "text"}.get(dtype.kind, dtype.str)
        values = [write(value) for value in self.labels.tolist()]
        return {"dtype": name, "kind": self.kind, "labels": values}

    @staticmethod
    def from_json(data: object) -> Classes:
        """The classes that `to_json` wrote; the data is checked, so it may come from any file.

        Raises:
            DataError: the data is not of the form that `to_json` writes.

        Example:
            >>> Classes.from_json(Classes.of([1, 2]).to_json()) == Classes.of([1, 2])
            True
        """
        try:
            labels = _read_json(data)
            classes = Classes.of(labels)
        except (DataError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"The stored classes are damaged: {error}") from error
        if not np.array_equal(classes.labels, labels):
            raise DataError("The stored classes are damaged: they are not sorted and distinct.")
        return classes

    def _listed(self) -> str:
        shown = ", ".join(_show(label) for label in self.labels[:_SHOWN])
        more = len(self) - _SHOWN
        return f"{shown} and {more} more" if more > 0 else shown


def _column(y: object) -> tuple[Array, Kind]:
    """`y` as a 1-D array that holds one allowed kind and nothing missing, and that kind."""
    if isinstance(y, np.ma.MaskedArray):
        raise DataError(
            "The labels are a masked array, whose masked rows have no class: "
            "drop these rows and pass labels.compressed()."
        )
    if isinstance(y, Sequence) and not isinstance(y, (str, bytes)) and not hasattr(y, "__array__"):
        values = list(y)
        return _from_list(values, _kind_of_values(values))
    array: Array = np.asarray(y)
    if array.ndim == 0:
        raise DataError(f"Labels must be a 1-D array or a list, not a single {type(y).__name__}.")
    if array.ndim != 1:
        raise DataError(f"Labels must be 1-D, one a row; these have the shape {array.shape}.")
    if array.dtype.kind in "OT":
        return array, _kind_of_values(array.tolist())
    return array, _kind_of_array(array)


def _kind_of_array(array: Array) -> Kind:
    kind = _KINDS.get(array.dtype.kind)
    if kind is None or array.dtype == np.longdouble != np.float64:
        raise DataError(f"Labels cannot be of dtype {array.dtype}: {_ALLOWED}.")
    if not len(array):
        raise DataError("There are no labels: the column is empty.")
    if kind == "float" and np.isnan(array).any():
        row = int(np.isnan(array).argmax())
        raise DataError(f"The label in row {row} (counted from 0) is NaN: every row needs a class.")
    return kind


def _kind_of_values(values: list[Any]) -> Kind:
    if not values:
        raise DataError("There are no labels: the column is empty.")
    by_type = {type_: _kind_of_type(type_) for type_ in set(map(type, values))}
    for row, value in enumerate(values):
        kind = by_type[type(value)]
        if value is None or (kind == "float" and value != value):
            shown = "None" if value is None else "NaN"
            place = f"The label in row {row} (counted from 0)"
            raise DataError(f"{place} is {shown}: every row needs a class.")
        if kind is None:
            name = type(value).__name__
            raise DataError(f"The label in row {row} (counted from 0) is a {name}: {_ALLOWED}.")
        first = by_type[type(values[0])]
        if kind != first:
            raise DataError(
                f"The labels mix kinds: row 0 holds {_show(values[0])} ({first}), "
                f"row {row} holds {_show(value)} ({kind}); {_ALLOWED}."
            )
    kind = by_type[type(values[0])]
    assert kind is not None  # the loop above has seen every value
    return kind


def _kind_of_type(type_: type) -> Kind | None:
    if issubclass(type_, (np.timedelta64, np.longdouble)):  # the first is a NumPy integer by type
        return None
    if issubclass(type_, (bool, np.bool_)):
        return "bool"
    if issubclass(type_, (int, np.integer)):
        return "int"
    if issubclass(type_, (float, np.floating)):
        return "float"
    return "str" if issubclass(type_, str) else None


def _from_list(values: list[Any], kind: Kind) -> tuple[Array, Kind]:
    array: Array = np.asarray(values)
    if kind == "int" and array.dtype.kind not in "iu":  # NumPy would hand out rounded floats
        if min(values) < 0 or max(values) >= 2**64:
            raise DataError("The integer labels do not fit in 64 bits: pass them as strings.")
        array = np.array(values, dtype=np.uint64)
    if kind == "str" and any(value.endswith("\0") for value in values):
        raise DataError("A label ends in a NUL character, which NumPy's strings cannot keep.")
    return array, kind


def _comparable(labels: Array, column: Array) -> tuple[Array, Array]:
    """Both in a dtype that compares exactly; int64 with uint64 would be compared as float64."""
    kinds = labels.dtype.kind + column.dtype.kind
    exact = "O" not in kinds and "T" not in kinds
    if exact and np.result_type(labels, column).kind in kinds:
        return labels, column
    return labels.astype(object), column.astype(object)


def _read_json(data: object) -> Array:
    if not isinstance(data, dict) or set(data) != {"dtype", "kind", "labels"}:
        raise DataError("they need the entries dtype, kind and labels.")
    kind, name, texts = data["kind"], data["dtype"], data["labels"]
    stored = bool if kind == "bool" else str
    if not isinstance(texts, list) or not all(type(text) is stored for text in texts):
        raise DataError(f"labels of kind {kind} must be a list of {stored.__name__} values.")
    values = [_READ[kind](text) for text in texts]
    with np.errstate(over="ignore"):  # what does not fit is found by the comparison below
        labels: Array = np.array(values, dtype=_read_dtype(name, kind, values))
    if labels.tolist() != values:
        raise DataError(f"its labels do not fit in {name}.")
    return labels


def _read_dtype(name: str, kind: Kind, values: list[Any]) -> Any:
    if name == "object":
        return np.dtype(object)
    if name == "text" and kind == "str":
        return np.dtypes.StringDType()
    if not re.fullmatch(r"[<>|][biufU]\d{1,9}", name) or _KINDS[name[1]] != kind:
        raise DataError(f"the dtype {name!r} does not go with the kind {kind}.")
    if kind == "str":
        # The width is a claim of the file: memory is taken for what the file really holds.
        longest = max((len(value) for value in values), default=1)
        name = f"{name[:2]}{min(int(name[2:]), max(longest, 256))}"
    return np.dtype(name)


def _show(value: object) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)

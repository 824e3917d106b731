"""Values as data: JSON that says how they are nested, and arrays beside it.

A tree is one of {"array": number}, {"plain": value}, {"tuple": trees}, {"list": trees} and
{"dict": [[key, tree], ...]}.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Tree = dict[str, Any]

DEEPEST = 20
"""How many containers may be nested."""

_PLAIN = (bool, int, float, str, type(None))


def encode(value: Any, arrays: list[Any]) -> Tree:
    """The tree of a value; its arrays are added to a list, and the tree has their numbers.

    Raises:
        TypeError: For what is no array, number, text or None, nor a tuple, list or dict of them.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        arrays.append(_plain_array(value))
        return {"array": len(arrays) - 1}
    if isinstance(value, _PLAIN):
        return {"plain": value}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a dict whose keys are not all names")
        return {"dict": [[key, encode(item, arrays)] for key, item in value.items()]}
    if isinstance(value, (tuple, list)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode(item, arrays) for item in value]}
    raise TypeError(f"a value of type {type(value).__name__}")


def decode(tree: Any, arrays: list[Any], depth: int = DEEPEST) -> Any:
    """The value of a tree; an array without axes becomes a number of its dtype.

    Raises:
        ValueError: When it is no tree, is nested too deeply, or there is no array of a number in
            it.
    """
    if not depth:
        raise ValueError("nested too deeply")
    match tree:
        case {"array": int(number)} if 0 <= number < len(arrays):
            return arrays[number][()]
        case {"plain": bool() | int() | float() | str() | None as value}:
            return value
        case {"tuple": list(items)}:
            return tuple(decode(item, arrays, depth - 1) for item in items)
        case {"list": list(items)}:
            return [decode(item, arrays, depth - 1) for item in items]
        case {"dict": list(items)} if all(_is_item(item) for item in items):
            return {key: decode(item, arrays, depth - 1) for key, item in items}
        case _:
            raise ValueError("no tree of values")


def _is_item(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)


def _plain_array(value: Any) -> Any:
    """The array, in memory as a .npy file has it: in the order of rows, the lowest byte first."""
    array = np.array(value, order="C", subok=False)
    if array.dtype.kind not in "biufU" or array.dtype == np.longdouble:
        raise TypeError(f"an array of {array.dtype}")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)

"""What a name in a running function stands for, followed through containers and attributes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .statements import Key, Reference
from .stored import Path, Stored

DEEPEST = 4
MOST_LEAVES = 2000


@dataclass(frozen=True)
class Found:
    """A stored value that a statement reads; not surely where it reads a container as a whole."""

    stored: Stored
    surely: bool


StoredAt = Callable[[Path, Any], Stored | None]


def leaves_of(variables: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every array and floating number that variables hold, also inside containers and objects."""
    count = 0
    for name, value in list(variables.items()):
        for path, leaf in _leaves((name,), value, DEEPEST):
            count += 1
            if count > MOST_LEAVES:
                return
            yield path, leaf


def _leaves(path: Path, value: Any, depth: int) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "fiub":
            yield path, value
    elif isinstance(value, float | np.floating):
        yield path, value
    elif depth:
        for key, inner in _inside(value):
            yield from _leaves((*path, key), inner, depth - 1)


def _inside(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from (
            (key, inner) for key, inner in list(value.items()) if isinstance(key, str | int)
        )
    elif isinstance(value, list | tuple):
        yield from enumerate(list(value))
    elif not isinstance(value, type | ModuleType | FunctionType) and hasattr(value, "__dict__"):
        yield from ((f".{name}", inner) for name, inner in list(vars(value).items()))


def resolved(
    reference: Reference, names: Mapping[str, Any], stored_at: StoredAt
) -> Iterator[Found]:
    """The stored values that a reference reads.

    Args:
        reference: A name with what follows it.
        names: The variables of the running function and of its module.
        stored_at: (path, object) -> what was last stored there.
    """
    if reference.name not in names:
        return
    value = names[reference.name]
    path: Path = (reference.name,)
    for step in reference.steps:
        if isinstance(value, np.ndarray):
            break
        key, value = _followed(value, step, names)
        if key is None:
            break
        path = (*path, key)
    yield from _found(reference, path, value, stored_at)


def _found(reference: Reference, path: Path, value: Any, stored_at: StoredAt) -> Iterator[Found]:
    if reference.written and not isinstance(value, np.ndarray):
        return
    if isinstance(value, FunctionType):
        value = {str(k): _cell(cell) for k, cell in enumerate(value.__closure__ or ())}
    leaves = list(_leaves(path, value, DEEPEST))
    for leaf_path, leaf in leaves[:MOST_LEAVES]:
        stored = stored_at(leaf_path, leaf)
        if stored is not None:
            yield Found(stored, len(leaves) == 1)


def _followed(value: Any, step: Key, names: Mapping[str, Any]) -> tuple[str | int | None, Any]:
    """The key of a step and what lies behind it; no key where that is not known."""
    if isinstance(step, str):
        own = getattr(value, "__dict__", {})
        known = not isinstance(value, ModuleType) and step in own
        return (f".{step}", own[step]) if known else (None, None if _is_module(value) else value)
    try:
        key = _index(step, names)
        return key, value[key]
    except (TypeError, ValueError, LookupError):
        return None, value


def _is_module(value: Any) -> bool:
    return isinstance(value, ModuleType)


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _index(node: ast.expr, names: Mapping[str, Any]) -> str | int:
    """The value of a simple index: constants, variables, sums and differences, f-strings."""
    value = _simple(node, names)
    if isinstance(value, str | int):
        return value
    raise ValueError


def _simple(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_simple(node.operand, names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        left, right = _simple(node.left, names), _simple(node.right, names)
        if not isinstance(left, str | int) or not isinstance(right, str | int):
            raise ValueError
        return left + right if isinstance(node.op, ast.Add) else left - right  # type: ignore
    if isinstance(node, ast.JoinedStr):
        return "".join(str(_simple(part, names)) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _simple(node.value, names)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "str":
        return str(_simple(node.args[0], names))
    raise ValueError

"""Nested tuples, lists and dicts of arrays, taken apart into leaves and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .errors import ProgramError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Structure:
    """The shape of a container without its leaves: kind is leaf, tuple, list or dict."""

    kind: str = "leaf"
    keys: tuple[str | int, ...] = ()
    children: tuple[Structure, ...] = ()
    named_tuple: Any = field(default=None, compare=False)
    """The class of a tuple whose entries have names."""

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return 1 if self.kind == "leaf" else sum(child.size for child in self.children)

    def paths(self, prefix: Path = ()) -> Iterator[Path]:
        """The path of each leaf, in order: ("layers", 0, "W")."""
        if self.kind == "leaf":
            yield prefix
        for key, child in zip(self.keys, self.children, strict=True):
            yield from child.paths((*prefix, key))

    def to_json(self) -> Any:
        """As plain data: "*" for a leaf, else [kind, keys, children]."""
        if self.kind == "leaf":
            return "*"
        return [self.kind, list(self.keys), [child.to_json() for child in self.children]]

    @classmethod
    def from_json(cls, data: Any) -> Structure:
        """The inverse of `to_json`; raises `ProgramError` on anything else."""
        if data == "*":
            return cls()
        match data:
            case [("tuple" | "list" | "dict") as kind, list(keys), list(children)] if len(
                keys
            ) == len(children) and all(type(key) in (str, int) for key in keys):
                return cls(kind, tuple(keys), tuple(cls.from_json(child) for child in children))
        raise ProgramError(f"{data!r} does not describe a tuple, list or dict of arrays.")


LEAF = Structure()


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a container in order, and its structure. Dict keys keep their order."""
    if isinstance(tree, dict):
        keys: tuple[Any, ...] = tuple(tree)
        parts = [flatten(tree[key]) for key in keys]
        kind = "dict"
    elif isinstance(tree, tuple | list):
        keys = tuple(range(len(tree)))
        parts = [flatten(item) for item in tree]
        kind = "tuple" if isinstance(tree, tuple) else "list"
    else:
        return [tree], LEAF
    leaves = [leaf for part, _ in parts for leaf in part]
    children = tuple(structure for _, structure in parts)
    return leaves, Structure(kind, keys, children, type(tree) if hasattr(tree, "_fields") else None)


def leaves_in(structure: Structure, tree: Any) -> list[Any] | None:
    """The leaves of a container in a structure's order; None when it has another structure.

    The keys of a dict may come in any order.
    """
    if structure.kind == "leaf":
        return None if isinstance(tree, dict | tuple | list) else [tree]
    kind: Any = {"dict": dict, "tuple": tuple, "list": list}[structure.kind]
    if not isinstance(tree, kind) or len(tree) != len(structure.keys):
        return None
    leaves: list[Any] = []
    for key, child in zip(structure.keys, structure.children, strict=True):
        if isinstance(tree, dict) and key not in tree:
            return None
        part = leaves_in(child, tree[key])
        if part is None:
            return None
        leaves += part
    return leaves


def unflatten(structure: Structure, leaves: list[Any]) -> Any:
    """The container with this structure and these leaves."""
    remaining = iter(leaves)

    def build(node: Structure) -> Any:
        if node.kind == "leaf":
            return next(remaining)
        children = [build(child) for child in node.children]
        if node.kind == "dict":
            return dict(zip(node.keys, children, strict=True))
        if node.named_tuple is not None:
            return node.named_tuple(*children)
        return tuple(children) if node.kind == "tuple" else children

    return build(structure)


def format_path(root: str, path: Path) -> str:
    """A leaf as code would reach it: params['W1'], layers[0]."""
    return root + "".join(f"[{key!r}]" for key in path)

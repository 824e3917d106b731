"""The statements of a source file by line: what each reads, and which part of it makes what."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

READ_SHAPE_ONLY = {"zeros_like", "ones_like", "empty_like", "full_like", "shape", "len", "ndim"}
"""Functions whose first argument only tells them a shape."""

SHAPE_ATTRIBUTES = {"shape", "ndim", "size", "dtype"}
GROWING_METHODS = {"append", "insert", "extend", "update", "setdefault"}
"""Methods that add to a container without reading what it holds."""

Key = ast.expr | str
"""A step of a reference: an index, or the name of an attribute."""


@dataclass(frozen=True)
class Reference:
    """A value that a statement reads: a name, and the indices and attributes behind it.

    Attributes:
        name: The variable.
        steps: What follows it: cache['h'] has one step, x has none.
        written: Whether only a part of it is written to: an array is read along, a list is not.
    """

    name: str
    steps: tuple[Key, ...] = ()
    written: bool = False


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement, or the head of a compound one; several where they share a line.

    Attributes:
        first: Its first line.
        last: Its last line.
        nodes: Its syntax.
        text: It as it is written, on one line.
        file: The file.
    """

    first: int
    last: int
    nodes: tuple[ast.stmt, ...]
    text: str = ""
    file: str = ""

    def reads(self) -> list[Reference]:
        """All that it reads."""
        return [found for node in self.nodes for found in _reads_of(node)]

    def part_for(self, path: tuple[str | int, ...]) -> ast.expr | None:
        """The expression that makes one value, where a part of the statement makes only that.

        Args:
            path: The variable that the value is stored to, and keys into it; for a return, "return"
                and keys into what is returned.

        Returns:
            None where the whole statement makes it.
        """
        if len(self.nodes) != 1:
            return None
        for target, value in _pairs(self.nodes[0]):
            if _is_target(target, path):
                is_part = isinstance(target, ast.Subscript)
                part, rest = _part(value, path[2:] if is_part else path[1:])
                if part is not value or not rest:
                    return part
        return None

    @property
    def assigns(self) -> bool:
        """Whether it gives names to values: a = b, or return a."""
        return len(self.nodes) == 1 and isinstance(self.nodes[0], ast.Assign | ast.Return)

    def target_names(self) -> set[str]:
        """The variables that it stores to or writes into."""
        return {name for node in self.nodes for target in _targets(node) for name in _roots(target)}

    @property
    def is_one_line(self) -> bool:
        """Whether each time its line begins, it is executed once more."""
        return self.first == self.last and len(self.nodes) == 1


class StatementsOfFile:
    """The statements of a file by line."""

    def __init__(self, text: str, file: str) -> None:
        lines = text.splitlines()
        self._at: dict[int, Statement] = {}
        covering: dict[int, list[ast.stmt]] = {}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.stmt):
                for line in _own_lines(node):
                    covering.setdefault(line, []).append(node)
        merged: dict[tuple[ast.stmt, ...], Statement] = {}
        for line, nodes in covering.items():
            key = tuple(nodes)
            first = min(node.lineno for node in nodes)
            last = max(_own_lines(node)[-1] for node in nodes)
            shown = " ".join(each.strip() for each in lines[first - 1 : last])
            self._at[line] = merged.setdefault(key, Statement(first, last, key, shown, file))

    def at(self, line: int) -> Statement | None:
        """The statement that a line belongs to."""
        return self._at.get(line)


@lru_cache(maxsize=64)
def _parsed(text: str, file: str) -> StatementsOfFile | None:
    try:
        return StatementsOfFile(text, file)
    except (SyntaxError, ValueError):
        return None


def statements_of(file: str) -> StatementsOfFile | None:
    """The statements of a source file; None where its text is not known."""
    text = "".join(linecache.getlines(file))
    return _parsed(text, file) if text else None


def _own_lines(node: ast.stmt) -> range:
    """The lines of a statement, without those of the statements inside it."""
    body = getattr(node, "body", None)
    end = node.end_lineno or node.lineno
    if isinstance(node, ast.Try):
        return range(node.lineno, node.lineno + 1)
    if body:
        first = min(getattr(d, "lineno", node.lineno) for d in (node, *_decorators(node)))
        return range(first, max(node.lineno + 1, body[0].lineno))
    return range(node.lineno, end + 1)


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return list(getattr(node, "decorator_list", []))


def _pairs(node: ast.stmt) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    """Each target of a statement with what is stored there; no target for a return."""
    if isinstance(node, ast.Return) and node.value is not None:
        yield None, node.value
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            both = (
                isinstance(target, ast.Tuple | ast.List),
                isinstance(node.value, ast.Tuple | ast.List),
            )
            if all(both) and len(target.elts) == len(node.value.elts):  # type: ignore[attr-defined]
                yield from zip(target.elts, node.value.elts, strict=True)  # type: ignore[attr-defined]
            else:
                yield target, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield node.target, node.value


def _is_target(target: ast.expr | None, path: tuple[str | int, ...]) -> bool:
    if target is None:
        return path[0] == "return"
    if isinstance(target, ast.Subscript) and len(path) > 1:
        target = target.value
    return isinstance(target, ast.Name) and target.id == path[0]


def _part(value: ast.expr, keys: tuple[str | int, ...]) -> tuple[ast.expr, tuple[str | int, ...]]:
    """The expression inside a display that makes the value under some keys, and the keys left."""
    for place, key in enumerate(keys):
        inner: ast.expr | None = None
        if isinstance(value, ast.Tuple | ast.List) and isinstance(key, int):
            plain = not any(isinstance(element, ast.Starred) for element in value.elts)
            inner = value.elts[key] if plain and key < len(value.elts) else None
        elif isinstance(value, ast.Dict):
            named = [getattr(k, "value", None) for k in value.keys]
            inner = value.values[named.index(key)] if key in named else None
        elif isinstance(value, ast.Call) and getattr(value.func, "id", "") == "dict":
            inner = next((k.value for k in value.keywords if k.arg == key), None)
        if inner is None:
            return value, keys[place:]
        value = inner
    return value, ()


def _reads_of(node: ast.stmt) -> Iterator[Reference]:
    if isinstance(node, ast.For | ast.AsyncFor):
        yield from references_of(node.iter)
    elif isinstance(node, ast.While | ast.If):
        yield from references_of(node.test)
    elif isinstance(node, ast.With | ast.AsyncWith):
        for item in node.items:
            yield from references_of(item.context_expr)
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from _written(target, isinstance(node, ast.AugAssign))
        if node.value is not None:
            yield from references_of(node.value)
    elif isinstance(node, ast.Expr | ast.Return) and node.value is not None:
        yield from references_of(node.value)


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For) else []


def _roots(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _roots(element)
    else:
        chain = _chain(target)
        if chain is not None:
            yield chain.name


def _written(target: ast.expr, read: bool) -> Iterator[Reference]:
    """What writing to a target reads: the array of which a part is replaced, the index."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _written(element, read)
    elif isinstance(target, ast.Subscript | ast.Attribute):
        chain = _chain(target)
        if chain is not None:
            yield Reference(chain.name, chain.steps if read else chain.steps[:-1], not read)
        yield from _indices(target)
    elif isinstance(target, ast.Name) and read:
        yield Reference(target.id)


def called_in(node: ast.AST) -> set[str]:
    """The names of the functions and methods that an expression calls."""
    calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
    return {getattr(func, "attr", getattr(func, "id", "")) for func in calls} | {"<lambda>"}


def references_of(node: ast.AST) -> Iterator[Reference]:
    """The values that an expression reads."""
    if isinstance(node, ast.Call):
        yield from _references_of_call(node)
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return  # the target of := or of a comprehension
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute) and node.attr in SHAPE_ATTRIBUTES:
            return
        chain = _chain(node)
        if chain is not None:
            if not any(step in SHAPE_ATTRIBUTES for step in chain.steps if isinstance(step, str)):
                yield chain
                yield from _indices(node)
            return
    for child in ast.iter_child_nodes(node):
        yield from references_of(child)


def _references_of_call(node: ast.Call) -> Iterator[Reference]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    arguments = node.args[1:] if name in READ_SHAPE_ONLY else node.args
    if isinstance(node.func, ast.Name):
        yield Reference(node.func.id)
    elif isinstance(node.func, ast.Attribute) and name not in GROWING_METHODS:
        yield from references_of(node.func.value)
    for child in (*arguments, *(keyword.value for keyword in node.keywords)):
        yield from references_of(child)


def _chain(node: ast.AST) -> Reference | None:
    """name[index].attribute as a reference; None where it does not begin with a name."""
    steps: list[Key] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        steps.insert(0, node.attr if isinstance(node, ast.Attribute) else node.slice)
        node = node.value
    return Reference(node.id, tuple(steps)) if isinstance(node, ast.Name) else None


def _indices(node: ast.AST) -> Iterator[Reference]:
    """What the indices of a chain read."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Subscript):
            yield from references_of(node.slice)
        node = node.value

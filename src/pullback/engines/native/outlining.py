"""Lines of source made a function of the names that they use; lines that are alike make one."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable

_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")


class Outliner:
    """Collects functions. Layers that are alike have phases that are alike but for their names.

    Attributes:
        texts: The source of every function, in the order of their first calls.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._known: dict[str, str] = {}

    def call(self, name: str, lines: list[str]) -> list[str]:
        """A call that does what the lines do.

        Arrays that the function takes may share memory, unlike those of a kernel.

        Args:
            name: Of the function, if there is none yet that is alike.
            lines: Statements that bind no name which anything else reads.

        Example:
            >>> outliner = Outliner()
            >>> outliner.call("first", ["total = a[0] + b", "fill(a, total)"])
            ['first(a, b)']
            >>> outliner.call("second", ["sum = c[0] + d", "fill(c, sum)"])
            ['first(c, d)']
            >>> print(*outliner.texts)
            @may_overlap
            def first(a, b):
                total = a[0] + b
                fill(a, total)
            <BLANKLINE>
        """
        taken, bound = names_of("\n".join(lines))
        body = [f"    {line}" for line in lines]
        numbered = {name: f"_{n}" for n, name in enumerate([*taken, *bound])}
        alike = _NAME.sub(lambda m: numbered.get(m.group(), m.group()), "\n".join(body))
        if alike not in self._known:
            self._known[alike] = name
            head = listed(f"def {name}(", taken, "):")
            self.texts.append("\n".join(["@may_overlap", *head, *body, ""]))
        return listed(f"{self._known[alike]}(", taken, ")")


def names_of(source: str) -> tuple[list[str], list[str]]:
    """The names of values that statements take, and those that they bind, as they come.

    What is called is no value; nor is NumPy.
    """
    tree = ast.parse(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    bound = dict.fromkeys(n.id for n in found if isinstance(n.ctx, ast.Store))
    taken = dict.fromkeys(n.id for n in found if n.id not in bound and n.id != "np")
    return list(taken), list(bound)


def listed(head: str, names: Iterable[str], end: str) -> list[str]:
    """Names between brackets, on lines of their own where they are many."""
    inside = ", ".join(names)
    if len(head + inside + end) <= 90:
        return [head + inside + end]
    return [head, *textwrap.wrap(inside, 90, initial_indent="    ", subsequent_indent="    "), end]

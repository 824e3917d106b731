"""Lines of source made a function of the names that they use; lines that are alike make one."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterable

_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")
_VALUE = re.compile(r"(?<![.\w])([A-Za-z_]\w*)\b(?!\()")
_TARGETS = re.compile(r"^ *(?:for )?([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*) (?:[-+*/&|^]?=|in) ", re.M)


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
        body = deeper(lines)
        numbered = {name: f"_{n}" for n, name in enumerate([*taken, *bound])}
        alike = _NAME.sub(lambda m: numbered.get(m.group(), m.group()), "\n".join(body))
        if alike not in self._known:
            self._known[alike] = name
            head = listed(f"def {name}(", taken, "):")
            self.texts.append("\n".join(["@may_overlap", *head, *body, ""]))
        return listed(f"{self._known[alike]}(", taken, ")")


def names_of(source: str) -> tuple[list[str], list[str]]:
    """The names of values that statements take, and those that they bind, as they come.

    What is called is no value; nor is NumPy. Statements are assignments, calls, `for`, `while`,
    `if` and `break`. (Python's own parser cannot be asked: it fails when another thread changes
    the recursion limit meanwhile, as compiling does.)
    """
    targets = (name for found in _TARGETS.finditer(source) for name in found[1].split(", "))
    bound = dict.fromkeys(targets)
    taken = dict.fromkeys(
        found[1]
        for found in _VALUE.finditer(source)
        if found[1] not in bound and found[1] != "np" and not keyword.iskeyword(found[1])
    )
    return list(taken), list(bound)


def listed(head: str, names: Iterable[str], end: str) -> list[str]:
    """Names between brackets, on lines of their own where they are many."""
    inside = ", ".join(names)
    if len(head + inside + end) <= 90:
        return [head + inside + end]
    return [head, *textwrap.wrap(inside, 90, initial_indent="    ", subsequent_indent="    "), end]


def deeper(lines: Iterable[str], levels: int = 1) -> list[str]:
    """Lines moved to the right, to stand in a block."""
    return ["    " * levels + line for line in lines]

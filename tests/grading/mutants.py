"""Mistakes planted by machine: each correct backward pass with one small change of its text."""

import ast
import inspect
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHANGES = [
    ("transpose left out", r"\.T\b", ""),
    ("factor left out", r"\b(?:2|2\.0) \* ", ""),
    ("factor left out", r" \* 2\b(?!\*)", ""),
    ("factor left out", r" /=? (?:N|n|len\(\w+\))(?=[\s,)]|$)", ""),
    ("sign turned", r" - ", " + "),
    ("sign turned", r" \+ ", " - "),
    ("overwritten", r" \+= ", " = "),
    ("other axis", r"axis=0", "axis=1"),
    ("other axis", r"sum\(0\)", "sum(1)"),
    ("sum left out", r"\.sum\((?:axis=)?0\)", ""),
    ("mask side", r" > 0\)", " < 0)"),
    ("mask side", r" <=? 0\]", " > 0]"),
    ("mask left out", r" \* \(\w+ > 0\)", ""),
    ("square left out", r"\*\*2\b", ""),
]
"""(name, what is replaced, by what): at one place at a time."""


@dataclass(frozen=True)
class Mutant:
    """A backward pass with one change.

    Attributes:
        name: Where and what was changed.
        lines: The changed lines: those of the changed statement.
        text: The text of its whole file.
        function: The name of the function.
    """

    name: str
    lines: range
    text: str
    function: str

    def load(self) -> Any:
        """It as a function; None where it is no Python."""
        file = f"<mutant {self.name}>"
        try:
            code = compile(self.text, file, "exec")
        except SyntaxError:
            return None
        linecache.cache[file] = (len(self.text), None, self.text.splitlines(True), file)
        scope: dict = {"__name__": "mutant"}
        exec(code, scope)
        return scope[self.function]


def mutants(function: Any) -> Iterator[Mutant]:
    """The backward pass with each change at each place; its file stays as it is around it."""
    module = inspect.getmodule(function)
    text, first = inspect.getsource(module), function.__code__.co_firstlineno
    last = first + len(inspect.getsource(function).splitlines()) - 1
    spans = [
        range(node.lineno, node.end_lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt)
    ]
    lines = text.splitlines()
    for number in range(first + 2, last + 1):
        around = min((span for span in spans if number in span), key=len, default=range(0))
        for name, pattern, new in CHANGES:
            for place, found in enumerate(re.finditer(pattern, lines[number - 1])):
                old = lines[number - 1]
                changed = [*lines]
                changed[number - 1] = old[: found.start()] + new + old[found.end() :]
                yield Mutant(
                    f"{function.__name__}:{number - first}:{name}:{place}",
                    around,
                    "\n".join(changed) + "\n",
                    function.__name__,
                )

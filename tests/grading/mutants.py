"""Mistakes planted by machine: each correct backward pass with one small change of its text."""

import ast
import inspect
import linecache
import re
import textwrap
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
        function: It as a function.
    """

    name: str
    lines: range
    function: Any


def mutants(function: Any) -> Iterator[Mutant]:
    """The backward pass with each change at each place, in its file's other surroundings."""
    module = inspect.getmodule(function)
    text, first = inspect.getsource(module), function.__code__.co_firstlineno
    last = first + len(inspect.getsource(function).splitlines()) - 1
    lines = text.splitlines()
    for number in range(first + 1, last + 1):
        for name, pattern, new in CHANGES:
            for place, found in enumerate(re.finditer(pattern, lines[number - 1])):
                old = lines[number - 1]
                changed = old[: found.start()] + new + old[found.end() :]
                mutant = _compiled([*lines[: number - 1], changed, *lines[number:]], function)
                if mutant is not None:
                    label = f"{function.__name__}:{number - first}:{name}:{place}"
                    yield Mutant(label, _statement_lines(text, number), mutant)


def _compiled(lines: list[str], function: Any) -> Any:
    text = "\n".join(lines) + "\n"
    file = f"<mutant {hash(text)}>"
    try:
        code = compile(textwrap.dedent(text), file, "exec")
    except SyntaxError:
        return None
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    scope: dict = {"__name__": "mutant"}
    exec(code, scope)
    return scope[function.__name__]


def _statement_lines(text: str, number: int) -> range:
    """The lines of the innermost statement around a line."""
    spans = [
        range(node.lineno, node.end_lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt) and node.lineno <= number <= node.end_lineno
    ]
    return min(spans, key=len)

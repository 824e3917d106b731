"""How a gradient was simplified, for people: each line step by step, and why each step holds."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..dims import Dim
from ..primitive import Literal, Source, text_of_constant
from ..program import Atom, Program, Var
from ..transforms.trail import Simplification, trail

LONGEST = 110
"""A line with a longer expression is shown by the part that changes."""


@dataclass(frozen=True, repr=False)
class Simplifications(Sequence[Simplification]):
    """The rewrites that led to a gradient program, in order; printed, they read as a derivation.

    Each has `before` and `after`, the part that changed, and `line_before` and `line_after`, the
    whole line that it stands in: all four are programs, whose inputs are the named values. With
    them come the `statement` of the identity that was used and the `condition` it needs.

    Example:
        >>> import numpy as np, pullback as pb
        >>> program = pb.grad(pb.trace(lambda x: np.sum(x**2), x="N"))
        >>> print(program.simplifications()[-1].statement)
        x * 1 = x, x / 1 = x, x ** 1 = x, x * -1 = -x.
    """

    steps: tuple[Simplification, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: Any) -> Any:
        return self.steps[index]

    def __str__(self) -> str:
        return "\n".join(self._rows()) or "Nothing was to be simplified."

    __repr__ = __str__

    def _rows(self) -> Iterator[str]:
        for value, chain in chains(self.steps):
            yield f"{value}"
            for before, after, step in chain:
                if before:
                    yield f"    {before}"
                yield f"  = {after}"
                yield f"        {step.identity}: {step.statement}"
                yield f"        Condition: {step.condition}"

    def _repr_html_(self) -> str:
        parts = []
        for value, chain in chains(self.steps):
            rows = []
            for before, after, step in chain:
                if before:
                    rows.append(f"<li><code>{html.escape(before)}</code></li>")
                why = html.escape(f"{step.statement} Condition: {step.condition}")
                rows.append(f"<li>= <code>{html.escape(after)}</code><br><small>{why}</small></li>")
            items = "".join(rows)
            parts.append(f"<p><code>{html.escape(value)}</code></p><ul>{items}</ul>")
        return "".join(parts) or "<p>Nothing was to be simplified.</p>"


def simplifications(program: Program) -> Simplifications:
    """The rewrites that led to a gradient program; raises `UsageError` where it is none."""
    return Simplifications(trail(program))


Shown = tuple[str, str, Simplification]


def chains(steps: Sequence[Simplification]) -> Iterator[tuple[str, list[Shown]]]:
    """The steps of each line: what stands before the first one, and after each."""
    for value in dict.fromkeys(step.value for step in steps):
        chain: list[Shown] = []
        last = ""
        for step in (step for step in steps if step.value == value):
            before, after = _texts(step)
            if before != after:
                chain.append(("" if before == last else before, after, step))
                last = after
        if chain:
            yield value, chain


def _texts(step: Simplification) -> tuple[str, str]:
    """The line before and after, or the part that changes where the line is long."""
    whole = expression(step.line_before), expression(step.line_after)
    if max(map(len, whole)) <= LONGEST and whole[0] != whole[1]:
        return whole
    return expression(step.before), expression(step.after)


def expression(program: Program) -> str:
    """The result of a program as one NumPy expression of its inputs, with its axes by name."""
    written: dict[Var, Source] = {var: Source(program.names[var]) for var in program.inputs}

    def source_of(atom: Atom) -> Source:
        if isinstance(atom, Var):
            return written[atom]
        return Literal(atom.value if atom.aval.weak else atom.value.item()).source()

    for equation in program.equations:
        operands = [source_of(atom) for atom in equation.inputs]
        written[equation.out] = equation.primitive.emit(operands, equation.params, _text_of)
    return source_of(program.outputs[0]).text


def _text_of(value: Any) -> str:
    if isinstance(value, Dim):
        return str(value)
    if isinstance(value, tuple):
        inner = ", ".join(map(_text_of, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return text_of_constant(value)

"""The verdict on returned gradients, as it is reached wherever the backward pass was run.

A class's submissions run in processes of their own and only their arrays come back; a function
at hand is called here. Both are judged by this one function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from ..lazy import cached_property
from ..program import Var
from .kinks import Choice, choices
from .point import Point, Wrt
from .returns import Matched, match
from .tolerance import scales
from .verdict import GradientVerdict, agrees, is_imprecise, judged, missing, precision_of


@dataclass(frozen=True, eq=False)
class Grade:
    """The verdict on what a backward pass returned.

    Attributes:
        point: Where it was called.
        matched: Which input each returned array belongs to.
        verdicts: One verdict per graded input.
        choice: The choice of slopes at kinks under which they were judged.
        scales: What the rounding error of each gradient and error signal is relative to.
        remarks: What is no mistake and worth knowing.
    """

    point: Point
    matched: Matched
    verdicts: dict[Var, GradientVerdict]
    choice: Choice
    scales: dict[Var, float]
    remarks: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether every gradient is right."""
        return all(verdict.right for verdict in self.verdicts.values())

    @cached_property
    def wrong(self) -> tuple[Var, ...]:
        """The inputs whose gradient is wrong."""
        return tuple(var for var, verdict in self.verdicts.items() if not verdict.right)


def graded(point: Point, returned: Any, wrt: Wrt = None) -> Grade:
    """Judge what a backward pass returned.

    Args:
        point: Where it was called; see `point_at`.
        returned: What it returned.
        wrt: Names of the inputs whose gradients it holds; told from what it returned when None.

    Raises:
        UnmatchedError: When the inputs cannot be told; names the `wrt` to write.
        UsageError: When it returned something else than numbers, or a derived gradient is not
            finite.
    """
    with np.errstate(all="ignore"):
        matched = match(point, returned, wrt)
        unbounded = point.unbounded(matched.wanted)
        if unbounded is not None:
            raise UsageError(
                f"The gradient of {point.path(unbounded)} is not finite here, so nothing can be "
                "graded: give other inputs, or leave it out of wrt."
            )
        scale = {**dict.fromkeys(point.floating, 0.0), **scales(point)}
        derived = next(choices(point))
        choice = _best_choice(point, matched, scale, derived)
        verdicts = {var: _verdict(point, matched, choice, scale, var) for var in matched.wanted}
        remarks = [*_remarks(point, matched, choice, scale), *_ignored(matched)]
    return Grade(point, matched, verdicts, choice, scale, tuple(remarks))


def derived_gradient(point: Point, choice: Choice, var: Var) -> Any:
    """The gradient of an input under a choice at kinks; zeros where no path leads to it."""
    cotangent = choice.cotangents.get(var)
    return np.zeros(np.shape(point.inputs[var])) if cotangent is None else cotangent


def _best_choice(
    point: Point, matched: Matched, scale: dict[Var, float], derived: Choice
) -> Choice:
    """The choice under which all is right; else that under which most is, the derived first."""

    def count(choice: Choice) -> int:
        return sum(
            agrees(
                array,
                derived_gradient(point, choice, var),
                scale[var],
                precision_of(array),
            )
            for var, array in matched.arrays.items()
        )

    best, most = derived, count(derived)
    if most == len(matched.wanted):
        return best
    for choice in choices(point):
        right = count(choice)
        if right > most:
            best, most = choice, right
        if most == len(matched.wanted):
            break
    return best


def _verdict(
    point: Point, matched: Matched, choice: Choice, scale: dict[Var, float], var: Var
) -> GradientVerdict:
    derived = derived_gradient(point, choice, var)
    if var not in matched.arrays:
        return missing(point.path(var), derived)
    return judged(point.path(var), matched.arrays[var], derived, scale[var])


def _remarks(point: Point, matched: Matched, choice: Choice, scale: dict[Var, float]) -> list[str]:
    remarks = []
    for equation in choice.changed:
        names = [point.forward.names[a] for a in equation.inputs if a in point.forward.names]
        remarks.append(
            f"{choice.entries} entries lie exactly on the kink of {equation.primitive.name}"
            f"({', '.join(names)}); your code takes another slope there than Pullback, which is "
            "as right."
        )
    for var, array in matched.arrays.items():
        derived = derived_gradient(point, choice, var)
        if agrees(array, derived, scale[var], precision_of(array)):
            continue
        if (
            is_imprecise(array, derived, scale[var])
            and judged(point.path(var), array, derived, scale[var]).right
        ):
            remarks.append(
                f"d{point.path(var)} is right to float32's precision only; a small constant may "
                "be left out, or a value pass through float32."
            )
    return remarks


def _ignored(matched: Matched) -> list[str]:
    if not matched.ignored:
        return []
    return [f"returned and not graded, for no input has the name: {', '.join(matched.ignored)}"]

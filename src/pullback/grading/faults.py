"""Single faults planted in the derived backward pass, to see which one makes a student's value.

A fault changes what one use of a value sends back to it: its mask is left out or taken from the
wrong side, its sign is turned, it is not added, a matrix is not transposed, another value of the
same shape stands in its rule. The rest of the backward pass goes on as derived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..program import Var
from ..tracing.replay import replay_values
from ..transforms.sweep import Contribution
from .kinks import Choice
from .point import Point
from .sweeping import as_floats

MASK_MISSING = "mask missing"
MASK_SIDE = "mask from the wrong side"
SIGN = "sign"
TRANSPOSED = "transposed"
NOT_ADDED = "a contribution is missing"
OVERWRITTEN = "overwritten instead of added"
FACTOR = "missing factor"
NOT_SUMMED = "missing sum"
OTHER_VALUE = "another value in its place"
SHAPE = "shape"

Part = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault, and the error signals that follow from it.

    Attributes:
        kind: What kind of wrong it is.
        at: The contribution that is changed.
        why: A sentence on it.
        cotangents: The error signals of the whole backward pass with the fault.
    """

    kind: str
    at: Contribution
    why: str
    cotangents: dict[Var, Any]


def faults(point: Point, choice: Choice) -> Iterator[Fault]:
    """Every fault that can be planted, the most telling kinds first."""
    for make in (_masks, _transposes, _signs, _omissions, _other_values):
        for pull in point.derivation.pulls:
            for sent in pull.contributions:
                for kind, why, part in make(point, choice, sent):
                    cotangents = _with_fault(point, choice, sent, part)
                    if cotangents is not None:
                        yield Fault(kind, sent, why, cotangents)


def _with_fault(
    point: Point, choice: Choice, at: Contribution, part: Part
) -> dict[Var, Any] | None:
    def compute(sent: Contribution, ct: Any) -> Any:
        if sent is at:
            return part(ct)
        return point.sweep.contribution(sent, ct, choice.values)

    try:
        return point.sweep.backward(choice.values, compute=compute)
    except (ValueError, TypeError, IndexError):  # shapes that do not fit any more
        return None


def mask_of(point: Point, choice: Choice, sent: Contribution) -> Any:
    """The slopes of an entry-by-entry use whose slope depends on a branch; None for others."""
    equation = sent.equation
    if equation is None or not equation.primitive.elementwise:
        return None
    if equation.primitive.slopes is None and not point.sweep.branches(sent):
        return None
    shape = np.shape(choice.values[equation.out])
    slopes = as_floats(point.sweep.contribution(sent, np.ones(shape), choice.values))
    return slopes if slopes.shape == shape and np.ptp(slopes) > 0 else None


def _masks(point: Point, choice: Choice, sent: Contribution) -> Iterator[tuple[str, str, Part]]:
    mask = mask_of(point, choice, sent)
    if mask is None:
        return
    name = point.called(sent.target)
    low, high = float(np.min(mask)), float(np.max(mask))
    yield (
        MASK_SIDE,
        f"the error signal passes where it must be stopped: look at which entries of {name} pass.",
        lambda ct: ct * (low + high - mask),
    )
    yield (
        MASK_MISSING,
        f"every entry of the error signal passes back to {name}; some must be stopped.",
        lambda ct: ct * high,
    )


def _signs(point: Point, choice: Choice, sent: Contribution) -> Iterator[tuple[str, str, Part]]:
    name = point.called(sent.target)
    yield (
        SIGN,
        f"what is sent back to {name} has the opposite sign.",
        lambda ct: -point.sweep.contribution(sent, ct, choice.values),
    )


def _omissions(point: Point, choice: Choice, sent: Contribution) -> Iterator[tuple[str, str, Part]]:
    if len(point.derivation.children(sent.target)) > 1:
        name = point.called(sent.target)
        yield (
            NOT_ADDED,
            f"{name} is used more than once; the error signals of all its uses are added.",
            lambda ct: np.zeros(np.shape(choice.values[sent.target])),
        )


def _transposes(
    point: Point, choice: Choice, sent: Contribution
) -> Iterator[tuple[str, str, Part]]:
    local = point.sweep.local(sent)
    for equation in local.equations:
        (*_, last) = equation.out.aval.shape or (0,)
        square = equation.out.aval.shape == (last, last)
        (source, *others) = equation.inputs
        if square and not others and equation.primitive.view and isinstance(source, Var):
            name = point.called(sent.target)
            yield (
                TRANSPOSED,
                f"a matrix in what is sent back to {name} is transposed too seldom or too often.",
                _untransposed(point, choice, sent, equation.out, source),
            )


def _untransposed(point: Point, choice: Choice, sent: Contribution, out: Var, source: Var) -> Part:
    local = point.sweep.local(sent)

    def part(ct: Any) -> Any:
        given = point.sweep.given(local, ct, choice.values)
        values = replay_values(local, given)
        # What the square matrix was before it was transposed stands in its place.
        again = replay_values(local, {**given, out: values[source]})
        return point.sweep.value_of(local.outputs[0], again)

    return part


def _other_values(
    point: Point, choice: Choice, sent: Contribution
) -> Iterator[tuple[str, str, Part]]:
    """Another value of the forward pass, of the same shape, where the rule reads one."""
    for var in point.sweep.reads(sent):
        shape, name = np.shape(choice.values[var]), point.called(var)
        for other, value in choice.values.items():
            if other is var or not other.aval.is_float or np.shape(value) != shape or not shape:
                continue
            if not (var.named or var in point.inputs) or not (other.named or other in point.inputs):
                continue
            yield (
                OTHER_VALUE,
                f"{point.called(other)} stands where {name} belongs.",
                _exchanged(point, choice, sent, var, value),
            )


def _exchanged(point: Point, choice: Choice, sent: Contribution, var: Var, value: Any) -> Part:
    return lambda ct: point.sweep.contribution(sent, ct, {**choice.values, var: value})

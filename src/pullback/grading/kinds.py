"""What kind of wrong a value is, given what it ought to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..program import Var
from .facts import contributions, partial_sums
from .faults import FACTOR, NOT_ADDED, NOT_SUMMED, SHAPE, SIGN, TRANSPOSED, Fault
from .kinks import Choice
from .point import Point
from .relations import CLOSE, How, close_relation, relation
from .sweeping import as_floats
from .verdict import factor_text


class Kind(NamedTuple):
    """A kind of wrong, and a sentence on it; both empty where it cannot be shown."""

    name: str
    why: str


UNKNOWN = Kind("", "")


def kind_of(point: Point, choice: Choice, var: Var, value: Any, planted: Sequence[Fault]) -> Kind:
    """What kind of wrong `value` is in the place of the error signal of `var`.

    Args:
        point: Where the backward pass was called.
        choice: The choice of slopes at kinks.
        var: The forward variable.
        value: What a line stored in place of its error signal.
        planted: All single faults of the derived backward pass.
    """
    wanted = as_floats(choice.cotangents[var])
    name = point.called(var)
    for found in (
        _by_relation(name, value, wanted),
        _by_sum(point, choice, var, value),
        _by_fault(var, value, wanted, planted),
    ):
        if found is not None:
            return found
    if wanted.size == 1 and value.ndim == 1 and np.isclose(np.sum(value), wanted, rtol=CLOSE):
        return _not_summed(name, value, wanted, 0)
    if value.shape != wanted.shape:
        return Kind(SHAPE, f"its shape is {value.shape}, that of {name} is {wanted.shape}.")
    return UNKNOWN


def _by_relation(name: str, value: Any, wanted: Any) -> Kind | None:
    found = relation(value, wanted)
    if found is None:
        return None
    if found.how is How.UNSUMMED:
        return _not_summed(name, value, wanted, found.axis)
    if found.how is How.TRANSPOSED:
        return Kind(TRANSPOSED, f"its transpose is the error signal of {name}.")
    if found.how is How.FACTOR:
        if found.factor == -1.0:
            return Kind(SIGN, f"the error signal of {name} has the opposite sign.")
        text = factor_text(found.factor)
        return Kind(FACTOR, f"the error signal of {name} is {text} times as large as it must be.")
    if found.how is How.EQUAL and value.shape != wanted.shape:
        return Kind(SHAPE, f"its shape is {value.shape}, that of {name} is {wanted.shape}.")
    return None


def _not_summed(name: str, value: Any, wanted: Any, axis: int | None) -> Kind:
    over = "the batch" if axis == 0 else f"axis {axis}"
    return Kind(
        f"{NOT_SUMMED} over {over}",
        f"its shape is {value.shape}; summed over axis {axis} it has that of {name}, "
        f"{wanted.shape}.",
    )


def _by_sum(point: Point, choice: Choice, var: Var, value: Any) -> Kind | None:
    """Whether one contribution to a sum is missing, has another sign or another factor."""
    parts = contributions(point, choice, var)
    if len(parts) < 2 or value.shape != parts[0].shape:
        return None
    total, name = sum(parts), point.called(var)
    used = [c.equation for c in point.derivation.children(var) if c.equation is not None]
    for part, equation in zip(parts, used, strict=True):
        size = float(np.sum(part * part))
        if np.count_nonzero(part) < 2:  # any one number is a multiple of another
            continue
        factor = 1 + float(np.sum((value - total) * part)) / size
        expected = total + (factor - 1) * part
        if np.max(np.abs(value - expected)) > CLOSE * np.max(np.abs(expected), initial=0.0):
            continue
        through = _use(point, equation.out)
        if abs(factor) <= CLOSE:
            return Kind(
                NOT_ADDED, f"{name} is used {len(parts)} times; what comes back {through} is lost."
            )
        if abs(factor + 1) <= CLOSE:
            return Kind(SIGN, f"what comes back to {name} {through} has the opposite sign.")
        text = factor_text(factor)
        return Kind(
            FACTOR, f"what comes back to {name} {through} is {text} times as large as it must be."
        )
    for some, chosen in partial_sums(point, choice, var):
        if np.max(np.abs(value - some)) <= CLOSE * np.max(np.abs(some), initial=0.0):
            return Kind(
                NOT_ADDED,
                f"{name} is used {len(parts)} times; of what comes back, {len(chosen)} "
                f"{'is' if len(chosen) == 1 else 'are'} there.",
            )
    return None


def _use(point: Point, out: Var) -> str:
    return f"through {point.called(out)}"


def _by_fault(var: Var, value: Any, wanted: Any, planted: Sequence[Fault]) -> Kind | None:
    for fault in planted:
        made = fault.cotangents.get(var)
        if made is None:
            continue
        made = as_floats(made)
        if close_relation(made, wanted) is None and close_relation(value, made) is not None:
            return Kind(fault.kind, fault.why)
    return None

"""The values and error signals of a loss on given rows, read off its derived program."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..differentiate import value_and_grad
from ..dims import axis_lengths
from ..primitive import Literal
from ..program import Program
from ..tracing.replay import replay_values
from ..transforms.retype import specialize

_ACTIVATION = re.compile(r"dh(\d+)")


@dataclass(frozen=True)
class Slopes:
    """The slopes of one activation.

    Attributes:
        name: The activation's name: h1, h2, ...
        values: The slope per row and unit; NaN where no error signal arrives, for it is not known.
        kinked: Whether the activation has pieces, such as ReLU: a slope of exactly 0 is a unit
            that is off, not one that is saturated.
    """

    name: str
    values: Any
    kinked: bool


@dataclass(frozen=True)
class Signals:
    """What went forward and back.

    Attributes:
        values: Every named value of the forward and the backward pass, by name.
        loss: The loss on these rows.
        gradients: Its gradient, by parameter.
        kinked: The names of the values that an operation with a kink has made.
    """

    values: Mapping[str, Any]
    loss: float
    gradients: Mapping[str, Any]
    kinked: frozenset[str]

    def slopes(self) -> list[Slopes]:
        """Of each activation, the first layer's first: error signal behind over in front."""
        found = {}
        for name, behind in self.values.items():
            match = _ACTIVATION.fullmatch(name)
            if match is None:
                continue
            number = match[1]
            front = self.values.get(f"dnormed{number}", self.values.get(f"dz{number}"))
            if front is not None and np.shape(front) == np.shape(behind):
                with np.errstate(all="ignore"):
                    values = np.where(behind != 0, np.abs(front / behind), np.nan)
                h = f"h{number}"
                found[int(number)] = Slopes(h, values, h in self.kinked)
        return [slopes for _, slopes in sorted(found.items())]


def signals_of(program: Program, flat: Sequence[Any], params: Mapping[str, Any]) -> Signals:
    """Run a loss and its derived gradient, and keep every value.

    Args:
        program: A loss with an argument `params`.
        flat: One value per argument input.
        params: Those among them that the gradient is of, by name.
    """
    derived = value_and_grad(program, wrt="params")
    shaped = zip(derived.argument_inputs, flat, strict=True)
    fixed = specialize(
        derived, axis_lengths((var.aval.shape, np.shape(value)) for var, value in shaped)
    )
    with np.errstate(all="ignore"):
        values = replay_values(fixed, dict(zip(fixed.argument_inputs, flat, strict=True)))
    named = {fixed.names[var]: value for var, value in values.items() if var.named}
    outputs = [atom.value if isinstance(atom, Literal) else values[atom] for atom in fixed.outputs]
    return Signals(
        values=named,
        loss=float(outputs[0]),
        gradients=dict(zip(params, outputs[1:], strict=True)),
        kinked=frozenset(fixed.names[e.out] for e in fixed.equations if e.primitive.kink),
    )

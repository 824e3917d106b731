"""The values and error signals of a model on given rows, read off its derived program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..differentiate import value_and_grad
from ..dims import axis_lengths
from ..models import Model
from ..primitive import Literal
from ..tracing.replay import replay_values
from ..transforms.retype import specialize

_ACTIVATION = re.compile(r"h(\d+)")


@dataclass(frozen=True)
class Signals:
    """What went forward and back.

    Attributes:
        values: Every named value of the forward and the backward pass, by name.
        loss: The loss on these rows.
        gradients: Its gradient, by parameter.
    """

    values: Mapping[str, Any]
    loss: float
    gradients: Mapping[str, Any]

    def slopes(self) -> Iterator[tuple[str, Any]]:
        """For each activation h its slope per row and unit: error signal behind over in front.

        Where no error signal arrives the slope is not known: NaN.
        """
        for name, behind in self.values.items():
            match = _ACTIVATION.fullmatch(name.removeprefix("d")) if name[0] == "d" else None
            if match is None:
                continue
            number = match[1]
            front = self.values.get(f"dnormed{number}", self.values.get(f"dz{number}"))
            if front is not None and np.shape(front) == np.shape(behind):
                with np.errstate(divide="ignore", invalid="ignore"):
                    yield f"h{number}", np.where(behind != 0, np.abs(front / behind), np.nan)


def signals_of(model: Model, rows: Any, labels: Any, params: Mapping[str, Any]) -> Signals:
    """Run the model's loss and its derived gradient, and keep every value.

    Args:
        model: A model.
        rows: Unscaled inputs, (rows, columns), in the model's dtype.
        labels: Class indices (rows,), or targets (rows, columns).
        params: Its parameters, or others in their place.
    """
    program = value_and_grad(model.programs["loss"], wrt="params")
    flat = [rows, labels, *params.values()]
    shaped = zip(program.argument_inputs, flat, strict=True)
    fixed = specialize(
        program, axis_lengths((var.aval.shape, np.shape(value)) for var, value in shaped)
    )
    with np.errstate(all="ignore"):
        values = replay_values(fixed, dict(zip(fixed.argument_inputs, flat, strict=True)))
    named = {fixed.names[var]: value for var, value in values.items() if var.named}
    outputs = [atom.value if isinstance(atom, Literal) else values[atom] for atom in fixed.outputs]
    return Signals(named, float(outputs[0]), dict(zip(params, outputs[1:], strict=True)))

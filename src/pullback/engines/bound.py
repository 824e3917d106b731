"""A program at values: named axes get their lengths, every input its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..dims import axis_lengths
from ..errors import UsageError
from ..program import Program, Var
from ..transforms.retype import specialize
from .binding import Signature

Values = Mapping[str, Any] | Sequence[Any]


def bound(program: Program, values: Values) -> tuple[Program, dict[Var, Any]]:
    """The program for arguments of these lengths, and a value for each of its inputs.

    Args:
        program: A program, with or without named axes.
        values: Its arguments: by name, or in order.

    Raises:
        UsageError: When the values are neither a dict nor a list or tuple.
        ProgramError: When they do not fit the program's inputs.
    """
    if isinstance(values, Mapping):
        args, kwargs = (), dict(values)
    elif isinstance(values, list | tuple):
        args, kwargs = tuple(values), {}
    else:
        raise UsageError(
            f"values must be a dict by name or the arguments in order, not {type(values).__name__}."
        )
    flat = Signature(program).flat(args, kwargs)
    shaped = ((v.aval.shape, np.shape(a)) for v, a in zip(program.inputs, flat, strict=True))
    fixed = specialize(program, axis_lengths(shaped))
    return fixed, dict(zip(fixed.inputs, flat, strict=True))

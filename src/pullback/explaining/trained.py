"""A network of `pullback train` as what is explained: its training loss at trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..differentiate import Wrt
from ..training import Prepared
from .subject import Subject, subject_at, without_lines

ROWS = 8


def trained_subject(
    prepared: Prepared, params: Mapping[str, Any], wrt: Wrt = None, rows: int = ROWS
) -> Subject:
    """The loss that a training run makes small, at given parameters and some of its rows.

    It is the loss of a training step: BatchNorm takes the mean of these rows, dropout drops, and
    the penalty is added.

    Args:
        prepared: The run before its first step.
        params: The parameters, by name.
        wrt: Names of parameters or of other arguments; all parameters when None.
        rows: How many training rows, evenly spread over the data; all where there are fewer.
    """
    problem, count = prepared.problem, min(rows, len(prepared.rows))
    chosen = np.linspace(0, len(prepared.rows) - 1, count).round().astype(int)
    batch = prepared.plan.rows.chosen(chosen).counted.flat
    program = without_lines(problem.loss_program())
    args = [*batch, dict(params), dict(problem.state)]
    drawn = {program.names[var] for var in program.defaults} & {"seed"}  # of dropout
    numbers = {name: prepared.settings[name] for name in drawn}
    return subject_at(program, args, numbers, wrt=wrt or "params", step=prepared.step)

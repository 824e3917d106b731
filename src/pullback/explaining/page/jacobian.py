"""The Jacobian of one use of a value, built where it is small enough to be looked at.

Its rows are the VJPs of unit cotangents, by the local program that the derivation itself uses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...program import Program, Var
from ...transforms import Contribution, local_program
from ..subject import Subject

MOST_ROWS, MOST_COLUMNS = 48, 64
"""A larger Jacobian is not built."""


def is_small(subject: Subject, contribution: Contribution) -> bool:
    """Whether J has entries, and few enough to be looked at."""
    equation = contribution.equation
    assert equation is not None
    rows = math.prod(subject.shape(equation.out))
    columns = math.prod(subject.shape(contribution.target))
    return 0 < rows <= MOST_ROWS and 0 < columns <= MOST_COLUMNS


def local_jacobian(subject: Subject, contribution: Contribution) -> Any:
    """J of one use, as a matrix: a row per entry of the output, a column per entry of the input.

    None where it is not small.
    """
    if not is_small(subject, contribution):
        return None
    pull = _Pull(subject, contribution)
    rows = math.prod(pull.shape)
    units = np.eye(rows).reshape(rows, *pull.shape)
    return np.array([np.ravel(pull(unit)) for unit in units])


def local_slopes(subject: Subject, contribution: Contribution) -> Any:
    """The diagonal of J, in the input's shape, where the operation works entry by entry.

    J has nothing beside its diagonal then, so its product with ones is the diagonal. None where
    the operation mixes entries or repeats the input along an axis.
    """
    equation, target = contribution.equation, contribution.target
    assert equation is not None
    out = equation.out
    if not equation.primitive.elementwise or subject.shape(out) != subject.shape(target):
        return None
    pull = _Pull(subject, contribution)
    return pull(np.ones(pull.shape))


class _Pull:
    """v -> v J at the values of the subject."""

    def __init__(self, subject: Subject, contribution: Contribution) -> None:
        equation = contribution.equation
        assert equation is not None
        self.shape = subject.shape(equation.out)
        self._dtype = equation.out.aval.dtype
        self._local: Program = local_program(subject.forward, contribution)
        known: Mapping[str, Any] = {
            subject.name(var): subject.value(var)
            for var in (equation.out, *equation.inputs)
            if isinstance(var, Var)
        }
        self._rest = {var: known.get(var.hint) for var in self._local.argument_inputs}

    def __call__(self, v: Any) -> Any:
        given = [
            np.asarray(v, self._dtype) if var.cotangent_of else value
            for var, value in self._rest.items()
        ]
        with np.errstate(all="ignore"):
            return self._local(*given)

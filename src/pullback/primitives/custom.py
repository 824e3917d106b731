"""`with_rule`: a value whose cotangent goes through a rule of the user's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..avals import Aval
from ..errors import ShapeError
from ..primitive import Case, Params, Primitive, Source, TextOf
from ..program import Argument, Program, Var
from ..trees import LEAF, Structure


def _aval(value: Aval, *inputs: Aval, name: str, rule: Program, places: tuple[int, ...]) -> Aval:
    given = [value.shape, value.shape, *(aval.shape for aval in inputs)]
    if [var.aval.shape for var in rule.inputs] != given:
        raise ShapeError(f"{name}: the inputs do not have the shapes that its rule was traced for.")
    if len(places) != len(rule.outputs) or not set(places) <= set(range(len(inputs))):
        raise ShapeError(f"{name}: its rule does not say which inputs have a cotangent.")
    return value


def _emit(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    return arguments[0]


def _cases(random: np.random.Generator) -> list[Case]:
    """Whole numbers have no slope, so the right rule for them says zero."""
    ct, out, x = (Var(Aval(np.dtype(dtype), (3,)), hint) for dtype, hint in _SAMPLE)
    arguments = tuple(Argument(hint, LEAF) for _, hint in _SAMPLE)
    result = Structure("tuple", (), ())
    rule = Program("no_slope", (ct, out, x), (), (), arguments, result, ())
    params = {"name": "counted", "rule": rule, "places": ()}
    return [Case((np.arange(3), random.normal(size=3)), params)]


_SAMPLE = (("f8", "ct"), ("i8", "out"), ("f8", "x"))

with_rule = Primitive(
    "with_rule", _aval, _emit, _cases, notation=lambda parts, params, shape: parts[0]
)
"""`with_rule(value, *inputs)` is value; the rule gives the inputs their cotangents.

Params: the name of the function that computed value from the inputs, its rule as a program
(ct, out, *inputs) -> cotangents, and the places of the inputs that those belong to. The value gets
no cotangent: what computed it is not differentiated.
"""

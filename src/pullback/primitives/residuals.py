"""Losses of a residual that are smooth, each with a slope that is exact for every input.

Rule by rule, log(cosh(x)) overflows at 1000 and its slope sinh(x) / cosh(x) is NaN there; and
`np.where` around x^2 overflows in the branch that is not taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..formula import notation as written
from ..primitive import Primitive, call, vjp_of
from . import loss_helpers
from .elementwise import any_real, is_literal, positive_real, sample_cases
from .kinked import clip
from .shape_rules import floating_aval

huber = Primitive(
    "huber",
    floating_aval("huber"),
    call("huber"),
    sample_cases(any_real, positive_real),
    helpers=(loss_helpers.huber,),
    elementwise=True,
    notation=written.entry_function("huber"),
)
log_cosh = Primitive(
    "log_cosh",
    floating_aval("log_cosh"),
    call("log_cosh"),
    sample_cases(any_real),
    helpers=(loss_helpers.log_cosh,),
    elementwise=True,
    notation=written.of_parts(written.log_of_cosh),
)


@vjp_of(huber)
def huber_vjp(ct: Any, out: Any, x: Any, delta: Any) -> tuple[Any, Any]:
    """ct * clip(x, -delta, delta), ct * max(|x| - delta, 0)."""
    in_delta = None if is_literal(delta) else ct * np.maximum(np.abs(x) - delta, 0)
    return ct * clip(x, -delta, delta), in_delta


@vjp_of(log_cosh)
def log_cosh_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * tanh(x)."""
    return (ct * np.tanh(x),)

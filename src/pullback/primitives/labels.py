"""Points of the label space, the probability simplex: what is known of a row of targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import Shape
from ..errors import ShapeError
from ..formula import Formula, build
from ..formula import notation as written
from ..primitive import Case, Params, Primitive, Source, TextOf, call, vjp_of
from . import flop_rules, loss_helpers
from .elementwise import is_literal
from .shape_rules import floating_aval

TOLERANCE = 1e-5
"""How far the sum of a distribution may be from 1: rows divided by their sums in float32 are
2e-7 away, whatever the number of classes."""


def _check_classes(name: str, y: Aval) -> None:
    if not y.ndim:
        raise ShapeError(f"{name}: targets must have an axis of classes, this is one number.")


def _smooth_labels_aval(y: Aval, amount: Aval) -> Aval:
    _check_classes("smooth_labels", y)
    if amount.shape:
        raise ShapeError(f"smooth_labels: amount must be one number, not {amount.shape_text}.")
    return floating_aval("smooth_labels")(y, amount)


def _some_rows(random: np.random.Generator) -> list[Any]:
    shapes = [(3, 4), (5,), (2, 1, 3)]
    return [random.dirichlet(np.ones(shape[-1]), shape[:-1]) for shape in shapes]


def _smoothing(parts: Sequence[Formula], params: Params, shape: Shape) -> Formula:
    """(1 - amount) y + amount / classes."""
    y, amount = parts
    uniform = build.quotient(amount, build.size(shape[-1]))
    return build.add(build.times(build.subtract(build.number(1), amount), y), uniform)


smooth_labels = Primitive(
    "smooth_labels",
    _smooth_labels_aval,
    call("smooth_labels"),
    lambda random: [Case((y, 0.1)) for y in _some_rows(random)],
    helpers=(loss_helpers.smooth_labels,),
    notation=_smoothing,
    flops=flop_rules.per_entry_read(2),
)


@vjp_of(smooth_labels)
def smooth_labels_vjp(ct: Any, out: Any, y: Any, amount: Any) -> tuple[Any, Any]:
    """ct * (1 - amount), ct * (1 / classes - y)."""
    in_amount = None if is_literal(amount) else ct * (1 / y.shape[-1] - y)
    return ct * (1 - amount), in_amount


def _distribution_aval(y: Aval, tolerance: float) -> Aval:
    _check_classes("distribution", y)
    return y


def _emit_distribution(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    return Source(f"distribution({arguments[0].text}, tolerance={text_of(params['tolerance'])})")


distribution = Primitive(
    "distribution",
    _distribution_aval,
    _emit_distribution,
    # A tolerance so large lets the tests move single entries.
    lambda random: [Case((y,), {"tolerance": 9.0}) for y in _some_rows(random)],
    helpers=(loss_helpers.distribution,),
    notation=written.of_parts(written.same),
    flops=flop_rules.per_entry_read(2),
)


@vjp_of(distribution)
def distribution_vjp(ct: Any, out: Any, y: Any, tolerance: float) -> tuple[Any]:
    """ct: the value passes unchanged."""
    return (ct,)

"""Random numbers as equations, from a generator without a state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..avals import Aval, Dtype
from ..dims import Shape
from ..errors import ShapeError
from ..primitive import Case, Params, Primitive, Source, TextOf
from . import flop_rules, helpers


def _uniform_aval(
    seed: Aval, step: Aval, first_row: Aval, operation: int, shape: Shape, dtype: Dtype
) -> Aval:
    for name, aval in (("seed", seed), ("step", step), ("first_row", first_row)):
        if aval.dtype.kind not in "iu" or aval.shape:
            raise ShapeError(f"uniform: {name} must be one whole number, not {aval}.")
    return Aval(dtype, shape)


def _emit_uniform(arguments: Sequence[Source], params: Params, text_of: TextOf) -> Source:
    parts = [argument.text for argument in arguments]
    parts += [text_of(params[name]) for name in ("operation", "shape", "dtype")]
    return Source(f"random_uniform({', '.join(parts)})")


def _uniform_cases(random: np.random.Generator) -> list[Case]:
    params = {"operation": 1, "shape": (3, 4), "dtype": np.dtype("f8")}
    single = {"operation": 0, "shape": (5,), "dtype": np.dtype("f4")}
    return [Case((7, 3, 0), params), Case((2**63 - 1, 2**32 - 1, 4), single)]


uniform = Primitive(
    "uniform",
    _uniform_aval,
    _emit_uniform,
    _uniform_cases,
    helpers=(helpers.threefry, helpers.random_uniform),
    # Twenty rounds of three operations on two words, and what turns bits into a number.
    flops=flop_rules.per_entry_written(64),
)

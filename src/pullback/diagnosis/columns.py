"""Input columns that make learning hard, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..models import Model
from .finding import FINE, WARNING, Finding

WIDE = 100.0
"""Columns whose spreads differ by more than this need very different learning rates."""
TINY = 1000.0
"""One that is smaller by this learns so much slower; pixels that are seldom lit stay above it."""
FAR = 10.0
SHOWN = 6


def column_findings(model: Model, rows: Any) -> Iterator[Finding]:
    """Columns that are constant, and columns far from the size of the others.

    Args:
        model: Knows the columns' names.
        rows: Inputs as the first layer gets them, (rows, columns).
    """
    names = model.info.get("feature_names") or [f"column {i}" for i in range(rows.shape[1])]
    spread = np.std(rows, axis=0, dtype=np.float64)
    constant = [name for name, s in zip(names, spread, strict=True) if s == 0]
    if constant:
        yield Finding(
            "constant columns",
            WARNING,
            f"{len(constant)} of {len(names)} columns never change: {_listed(constant)}.",
            "They teach nothing and act as one more bias: leave them out, or make sure they were "
            "read rightly.",
            "optimizers",
            {"columns": constant},
        )
    else:
        yield Finding("constant columns", FINE, f"all {len(names)} columns change.")
    size = np.maximum(np.abs(np.mean(rows, axis=0, dtype=np.float64)), spread)
    typical = np.median(size[spread > 0]) if np.any(spread > 0) else 1.0
    wild = [
        name
        for name, s, own in zip(names, size, spread, strict=True)
        if own > 0 and ((s > FAR and (s > WIDE * typical or typical > FAR)) or s * TINY < typical)
    ]
    if wild:
        yield Finding(
            "unscaled columns",
            WARNING,
            f"{len(wild)} of {len(names)} columns are far from the size of 1: {_listed(wild)}.",
            "They make the loss a narrow valley: bring them to mean 0 and standard deviation 1, "
            "scaling='standard'.",
            "optimizers",
            {"columns": wild},
        )
    else:
        yield Finding("unscaled columns", FINE, "all columns have a size that suits a network.")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(map(str, names[:SHOWN]))}{more}"

"""The vocabulary: one module per family, one primitive in one place.

A primitive stands with its meaning (the NumPy expression it is written as), its formula, its
shape rule, its VJP rule, its convention at kinks, the operations it costs and the sample inputs
on which the tests examine it.
"""

from . import (
    activations,
    custom,
    elementwise,
    fused,
    indexing,
    kinked,
    labels,
    linear,
    reductions,
    residuals,
    shapes,
)

__all__ = [
    "activations",
    "custom",
    "elementwise",
    "fused",
    "indexing",
    "kinked",
    "labels",
    "linear",
    "reductions",
    "residuals",
    "shapes",
]

"""Products of matrices over the samples, written as the sums that they are."""

from __future__ import annotations

from dataclasses import replace

from ...formula import Formula
from ...formula.build import at, laid_out, transpose
from ...formula.tree import Index, Matmul, Over


def sums_over_samples(x: Formula, batch: str) -> Formula:
    """X^T Y over the axis of the samples as the sum of x_i^T y_i."""
    parts = tuple(sums_over_samples(part, batch) for part in x.parts)
    x = replace(x, parts=parts) if parts != x.parts else x
    if not isinstance(x, Matmul) or any(part.rank != 2 for part in x.parts):
        return x
    left, right = x.parts
    if str(left.shape[1]) != batch:
        return x
    index = Index(left.shape[1])
    column = transpose(_as_row(at(left, (None, index))))
    row = _as_row(at(right, (index, None)))
    return Over(x.shape, (Matmul(x.shape, (column, row)),), sign="∑", indices=(index,))


def _as_row(x: Formula) -> Formula:
    return laid_out(x, (1, *x.shape), (0,), added=True)

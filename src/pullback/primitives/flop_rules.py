"""How many operations on numbers a primitive does, where it is not one per entry of its result.

An addition, a product, a comparison, a function such as exp each count as one, and a product of
matrices as two for each pair of entries it multiplies and adds. Moving numbers costs none.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..avals import Aval
from ..dims import Dimension, product
from ..primitive import Flops, Params


def per_entry_read(count: int) -> Flops:
    """So many for each entry of the first input: a sum has 1, the variance 4."""

    def flops(inputs: Sequence[Aval], out: Aval, params: Params) -> Dimension:
        return count * product(inputs[0].shape)

    return flops


def per_entry_written(count: int) -> Flops:
    """So many for each entry of the result."""

    def flops(inputs: Sequence[Aval], out: Aval, params: Params) -> Dimension:
        return count * product(out.shape)

    return flops


def matmul(inputs: Sequence[Aval], out: Aval, params: Params) -> Dimension:
    """2 m n k for (m, k) times (k, n): a product and an addition for each triple."""
    return 2 * inputs[0].shape[-1] * product(out.shape)


def einsum(inputs: Sequence[Aval], out: Aval, params: Params) -> Dimension:
    """For each combination of all letters one product per input after the first, and one sum."""
    terms = params["subscripts"].split("->")[0].split(",")
    dims = {
        letter: dim
        for term, aval in zip(terms, inputs, strict=True)
        for letter, dim in zip(term, aval.shape, strict=True)
    }
    summed = product(tuple(dims.values())) != product(out.shape)
    return (len(terms) - 1 + summed) * product(tuple(dims.values()))

"""Why the shapes of an error signal can only be so.

A sentence is given only when it was found to be true: the products of two matrices, each as it
is or transposed, in either order, are enumerated.
"""

from __future__ import annotations

from itertools import product

from ...dims import Dimension, Shape, format_shape
from ...formula import Formula
from ...formula.tree import Matmul, Over, Silent, Times, Transpose
from ...program import Program, Var
from .columns import column_shape


class Reasons:
    """What may be said of the lines of a program."""

    def __init__(self, program: Program, columns: bool) -> None:
        self.program = program
        self.columns = columns

    def reason(self, var: Var | None, right: Formula) -> str:
        """The sentence for the equation of an error signal; empty where there is none."""
        if var is None or not var.cotangent_of:
            return ""
        core = _core(right)
        if isinstance(core, Matmul):
            return self._of_product(var, core)
        if isinstance(core, Over) and core.sign == "∑" and len(core.indices) == 1:
            return self._of_sum(var, core)
        return ""

    def _of_product(self, var: Var, x: Matmul) -> str:
        left, right = map(_untransposed, x.parts)
        if any(part.rank != 2 for part in (left, right)):
            return ""
        summed = x.parts[0].shape[1]
        over = f"sums over {self._what(summed)}" if summed != 1 else ""  # one product, no sum
        if _number_of_products(left.shape, right.shape, x.shape) != 1:
            return over
        shapes = [self._shape(part.shape) for part in (left, right)]
        if self.columns:
            shapes.reverse()
        target = f"{var.cotangent_of}'s shape {self._shape(x.shape)}"
        only = f"the only product of {shapes[0]} and {shapes[1]} with {target}"
        return f"{over}: {only}" if over else only

    def _of_sum(self, var: Var, x: Over) -> str:
        dim = x.indices[0].dim
        if dim in var.aval.shape:
            return ""
        return f"sums over {self._what(dim)}: each of them was given the same {var.cotangent_of}"

    def _what(self, dim: Dimension) -> str:
        return f"the {dim} samples" if self._is_batch(dim) else str(dim)

    def _is_batch(self, dim: Dimension) -> bool:
        """Whether it is the length of data alone: an axis that no learned input has."""
        learned = {equation.out.cotangent_of for equation in self.program.equations}
        names = self.program.names
        data = [v for v in self.program.argument_inputs if names[v] not in learned]
        rest = [v for v in self.program.argument_inputs if names[v] in learned]
        first = any(var.aval.shape[:1] == (dim,) for var in data)
        return first and bool(rest) and all(dim not in var.aval.shape for var in rest)

    def _shape(self, shape: Shape) -> str:
        return format_shape(column_shape(shape) if self.columns else shape)


def _core(x: Formula) -> Formula:
    """A product or sum without the numbers in front of it."""
    if isinstance(x, Silent):
        return _core(x.parts[0])
    if isinstance(x, Times):
        left, right = x.parts
        if left.rank == 0 or right.rank == 0:
            return _core(right if left.rank == 0 else left)
    return x


def _untransposed(x: Formula) -> Formula:
    return x.parts[0] if isinstance(x, Transpose) else x


def _number_of_products(a: Shape, b: Shape, target: Shape) -> int:
    """How many products of two matrices, transposed or not, in either order, have a shape."""
    pairs = [(x, y) for x, y in product((a, a[::-1]), (b, b[::-1]))]
    pairs += [(y, x) for x, y in pairs]
    return sum(x[1] == y[0] and (x[0], y[1]) == target for x, y in pairs)

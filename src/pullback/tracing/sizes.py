"""Traced lengths: what a user's function sees in place of the length of a named axis."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..dims import Dim, Dimension
from ..errors import TraceError, refuse

if TYPE_CHECKING:
    from .builder import Builder
    from .traced import TracedArray


class TracedSize:
    """The length of a named axis: a number that is not known while tracing.

    Sums and products with whole numbers are lengths again; anything else makes it a traced
    number, so `total / x.shape[0]` works.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, builder: Builder, dim: Dim) -> None:
        self._builder = builder
        self.dim = dim

    def _combine(self, other: Any, combine: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, TracedSize):
            other = other.dim
        if isinstance(other, int | np.integer) and not isinstance(other, bool):
            other = int(other)
        if isinstance(other, int | Dim):
            return as_size(self._builder, combine(self.dim, other))
        return NotImplemented

    def _number(self) -> TracedArray:
        return self._builder.size(self.dim)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        numbers = (item._number() if isinstance(item, TracedSize) else item for item in inputs)
        return getattr(ufunc, method)(*numbers, **options)

    def _arithmetic(self, other: Any, combine: Callable[[Any, Any], Any], swap: bool) -> Any:
        """The length as a number, for whatever is not length arithmetic."""
        if isinstance(other, TracedSize):
            other = other._number()
        return combine(other, self._number()) if swap else combine(self._number(), other)

    def _either(self, other: Any, combine: Callable[[Any, Any], Any], swap: bool = False) -> Any:
        swapped = (lambda left, right: combine(right, left)) if swap else combine
        result = self._combine(other, swapped)
        return self._arithmetic(other, combine, swap) if result is NotImplemented else result

    def __add__(self, other: Any) -> Any:
        return self._either(other, operator.add)

    def __radd__(self, other: Any) -> Any:
        return self._either(other, operator.add, swap=True)

    def __mul__(self, other: Any) -> Any:
        return self._either(other, operator.mul)

    def __rmul__(self, other: Any) -> Any:
        return self._either(other, operator.mul, swap=True)

    def __sub__(self, other: Any) -> Any:
        return self._either(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._either(other, operator.sub, swap=True)

    def __neg__(self) -> Any:
        return as_size(self._builder, -self.dim)

    def __truediv__(self, other: Any) -> Any:
        return self._arithmetic(other, operator.truediv, False)

    def __rtruediv__(self, other: Any) -> Any:
        return self._arithmetic(other, operator.truediv, True)

    def __pow__(self, other: Any) -> Any:
        return self._arithmetic(other, operator.pow, False)

    def __rpow__(self, other: Any) -> Any:
        return self._arithmetic(other, operator.pow, True)

    def __abs__(self) -> Any:
        return self

    def __floordiv__(self, other: Any) -> NoReturn:
        self._unknown(f"its quotient with {other}")

    __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __floordiv__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TracedSize):
            difference = self.dim - other.dim
            if isinstance(difference, int):
                return difference == 0
            other = other.dim
        elif not isinstance(other, int | np.integer):
            return NotImplemented
        elif other == 1:
            return False
        elif other == 0:
            self._no_length()
        return self._unknown(f"whether {self.dim} is {other}")

    def _unknown(self, what: str) -> NoReturn:
        refuse(
            f"The axis {self.dim} has no fixed length while tracing, so {what} is not known. "
            f"Declare it as a number (instead of {self.dim}) to fix it."
        )

    def __lt__(self, other: Any) -> bool:
        self._unknown(f"its order against {other}")

    __le__ = __gt__ = __ge__ = __lt__

    def __index__(self) -> int:
        self._no_length()

    def __bool__(self) -> bool:
        self._no_length()

    def _no_length(self) -> NoReturn:
        try:
            refuse(
                f"The axis {self.dim} has no fixed length while tracing, so `if`, range, "
                f"np.arange, np.zeros(({self.dim}, ...)) and int() cannot use it. Use "
                "np.zeros_like(x), "
                "np.ones_like(x), np.cumsum(np.ones_like(x)) or array operations instead of "
                "loops, or declare the axis as a number."
            )
        except TraceError as error:
            self._builder.refusal = error
            raise

    __int__ = __index__

    def __float__(self) -> float:
        refuse(f"The axis {self.dim} has no fixed length while tracing; divide by it directly.")

    def __repr__(self) -> str:
        return str(self.dim)


def as_size(builder: Builder, dim: Dimension) -> Any:
    """A dimension as the user's code sees it: an int, or a TracedSize."""
    return TracedSize(builder, dim) if isinstance(dim, Dim) else dim


def as_dimension(value: Any) -> Dimension:
    """The dimension that a user's int or TracedSize stands for."""
    return value.dim if isinstance(value, TracedSize) else operator.index(value)

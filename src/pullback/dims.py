"""Dimensions: an int, a named axis, or a sum or product of these in one normal form.

A named axis (`"N"`) stands for a length that is not known while tracing, so that one program
serves every batch size. `Dim` is a polynomial over axis names; equal polynomials are equal
values, whatever way they were built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ProgramError, ShapeError

Monomial = tuple[str, ...]


@dataclass(frozen=True)
class Dim:
    """A polynomial over named axes that is not a plain number: N, N*D, N+1, 2*N-M."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Dimension) -> Dimension:
        return _normal(_terms(self) + _terms(other))

    __radd__ = __add__

    def __mul__(self, other: Dimension) -> Dimension:
        products = [
            (tuple(sorted(left + right)), a * b)
            for left, a in _terms(self)
            for right, b in _terms(other)
        ]
        return _normal(products)

    __rmul__ = __mul__

    def __neg__(self) -> Dimension:
        return self * -1

    def __sub__(self, other: Dimension) -> Dimension:
        return self + other * -1

    def __rsub__(self, other: Dimension) -> Dimension:
        return self * -1 + other

    @property
    def axes(self) -> frozenset[str]:
        """The names that occur in it."""
        return frozenset(name for monomial, _ in self.terms for name in monomial)

    def __str__(self) -> str:
        text = ""
        for monomial, factor in self.terms:
            sign = "-" if factor < 0 else "+" if text else ""
            size = abs(factor)
            factors = list(monomial) if size == 1 and monomial else [str(size), *monomial]
            text += sign + "*".join(factors)
        return text

    __repr__ = __str__


Dimension = int | Dim
Shape = tuple[Dimension, ...]


def _terms(dim: Dimension) -> list[tuple[Monomial, int]]:
    return list(dim.terms) if isinstance(dim, Dim) else [((), dim)]


def _normal(terms: list[tuple[Monomial, int]]) -> Dimension:
    collected: dict[Monomial, int] = {}
    for monomial, factor in terms:
        collected[monomial] = collected.get(monomial, 0) + factor
    kept = {monomial: factor for monomial, factor in collected.items() if factor}
    if set(kept) <= {()}:
        return kept.get((), 0)
    order = sorted(kept, key=lambda monomial: (-len(monomial), monomial))
    return Dim(tuple((monomial, kept[monomial]) for monomial in order))


def axis(name: str) -> Dim:
    """The dimension that a named axis stands for."""
    return Dim((((name,), 1),))


def product(dims: Shape) -> Dimension:
    """The number of elements of an array with these dimensions."""
    total: Dimension = 1
    for dim in dims:
        total = total * dim
    return total


def exact_quotient(total: Dimension, divisor: Dimension) -> Dimension | None:
    """total / divisor where the division leaves no rest for any axis lengths, else None."""
    if isinstance(total, int) and isinstance(divisor, int):
        return total // divisor if divisor and total % divisor == 0 else None
    if total == 0 and divisor != 0:
        return 0
    divisor_terms = [term for term in _terms(divisor) if term[1]]
    if len(divisor_terms) != 1:
        return 1 if total == divisor else None
    by, factor = divisor_terms[0]
    quotient: list[tuple[Monomial, int]] = []
    for monomial, coefficient in _terms(total):
        rest = list(monomial)
        for name in by:
            if name not in rest:
                return None
            rest.remove(name)
        if coefficient % factor:
            return None
        quotient.append((tuple(rest), coefficient // factor))
    return _normal(quotient)


def evaluate(dim: Dimension, sizes: Mapping[str, Any]) -> Any:
    """What a dimension is when its axes have these lengths (numbers, or other dimensions)."""
    if isinstance(dim, int):
        return dim
    total: Any = 0
    for monomial, factor in dim.terms:
        for name in monomial:
            factor = factor * sizes[name]
        total = total + factor
    return total


def axis_lengths(shaped: Iterable[tuple[Shape, Sequence[Any]]]) -> dict[str, Any]:
    """The length of each axis that stands alone in a shape, from the lengths of arrays."""
    lengths: dict[str, Any] = {}
    for shape, actual in shaped:
        for dim, length in zip(shape, actual, strict=True):
            if isinstance(dim, Dim) and str(dim) in dim.axes:
                lengths.setdefault(str(dim), length)
    return lengths


def format_shape(shape: Shape) -> str:
    """A shape as people write it: (N, 10), (N,), ()."""
    inner = ", ".join(map(str, shape))
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


@dataclass(frozen=True)
class Slice:
    """start:stop:step; the bounds may be dimensions such as N when step is None."""

    start: Dimension | None = None
    stop: Dimension | None = None
    step: int | None = None

    def length(self, dim: Dimension) -> Dimension:
        """How many entries it takes from an axis of this length."""
        if isinstance(dim, int) and not any(isinstance(b, Dim) for b in (self.start, self.stop)):
            return len(range(*slice(self.start, self.stop, self.step).indices(dim)))
        if self.start is None and self.stop is None and self.step in (None, 1, -1):
            return dim
        if self.step not in (None, 1):
            raise ShapeError(f"The length of a slice with step {self.step} of {dim} is unknown.")
        start = _from_front(self.start, dim, 0)
        stop = _from_front(self.stop, dim, dim)
        length = stop - start
        named_bounds = isinstance(self.start, Dim) or isinstance(self.stop, Dim)
        if isinstance(length, int) and isinstance(dim, Dim) and not named_bounds:
            raise ShapeError(
                f"The length of [{self}] depends on {dim}, which may be shorter than {length}; "
                "declare the axis as a number to take that many entries."
            )
        return length

    def __str__(self) -> str:
        bounds = ["" if bound is None else str(bound) for bound in (self.start, self.stop)]
        return ":".join(bounds if self.step is None else [*bounds, str(self.step)])

    def source(self, text_of: Callable[[Any], str]) -> str:
        """As Python text."""
        bounds = ["" if bound is None else text_of(bound) for bound in (self.start, self.stop)]
        return ":".join(bounds if self.step is None else [*bounds, str(self.step)])


def _from_front(bound: Dimension | None, dim: Dimension, default: Dimension) -> Dimension:
    if bound is None:
        return default
    return dim + bound if isinstance(bound, int) and bound < 0 else bound


_AROUND_SIGNS = re.compile(r" *([-+*]) *")
_TERM = re.compile(r"([+-]?)((?:\d+|[A-Za-z_]\w*)(?:\*(?:\d+|[A-Za-z_]\w*))*)")


def parse_dim(text: str) -> Dimension:
    """The dimension that a text such as `64`, `N`, `N*D` or `N-1` describes.

    Raises `ProgramError` when the text is anything else.
    """
    compact = _AROUND_SIGNS.sub(r"\1", text.strip())
    total: Dimension = 0
    position = 0
    while position < len(compact):
        match = _TERM.match(compact, position)
        if match is None or (position and not match.group(1)):
            break
        term: Dimension = -1 if match.group(1) == "-" else 1
        for factor in match.group(2).split("*"):
            term = term * (int(factor) if factor.isdigit() else axis(factor))
        total = total + term
        position = match.end()
    if not compact or position < len(compact):
        raise ProgramError(
            f"{text!r} is not a dimension; allowed are numbers, axis names, and their "
            "sums and products, such as 64, N, N*D or N-1."
        )
    return total

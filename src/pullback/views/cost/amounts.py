"""Numbers of operations and bytes: of an equation, added up, and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...avals import Aval
from ...dims import Dim, Dimension, axis, evaluate, product
from ...program import Equation, Var


@dataclass(frozen=True)
class Amount:
    """Operations on numbers, and bytes read from and written to memory.

    Each is a number, or a polynomial in the named axes whose length is not known.
    """

    flops: Dimension = 0
    read: Dimension = 0
    written: Dimension = 0

    @property
    def moved(self) -> Dimension:
        """Bytes read and written."""
        return self.read + self.written

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.flops + other.flops, self.read + other.read, self.written + other.written
        )

    def at(self, sizes: Mapping[str, int]) -> Amount:
        """The amount for axes of these lengths; other axes stay letters."""
        return Amount(*(at(each, sizes) for each in (self.flops, self.read, self.written)))


def at(dim: Dimension, sizes: Mapping[str, int]) -> Dimension:
    """A polynomial for axes of these lengths; other axes stay letters."""
    if not isinstance(dim, Dim):
        return dim
    value: Dimension = evaluate(dim, {name: sizes.get(name, axis(name)) for name in dim.axes})
    return value


def amount_of(equation: Equation) -> Amount:
    """What one equation costs when it is done on its own.

    A view costs nothing: it reads the same memory in another way.
    """
    primitive, out = equation.primitive, equation.out.aval
    avals = [atom.aval for atom in equation.inputs]
    flops = primitive.count_flops(avals, out, equation.params)
    arrays = {atom for atom in equation.inputs if isinstance(atom, Var)}
    gathers = len(equation.inputs) > 1
    if out.weak or (primitive.view and not gathers):
        return Amount(flops)
    return Amount(flops, total(bytes_of(var.aval) for var in arrays), bytes_of(out))


def bytes_of(aval: Aval) -> Dimension:
    """The bytes of a value; a Python number has none that count."""
    return 0 if aval.weak else aval.dtype.itemsize * product(aval.shape)


def total(dims: Iterable[Dimension]) -> Dimension:
    """The sum."""
    result: Dimension = 0
    for dim in dims:
        result = result + dim
    return result


def count_text(count: Dimension) -> str:
    """A number of operations for people: 12.8 M; a polynomial as it is."""
    return _with_unit(count, ("", " k", " M", " G", " T", " P", " E"))


def bytes_text(count: Dimension) -> str:
    """A number of bytes for people, in powers of 1000: 51.2 kB, 8 TB."""
    return _with_unit(count, (" B", " kB", " MB", " GB", " TB", " PB", " EB"))


def _with_unit(count: Dimension, units: tuple[str, ...]) -> str:
    if isinstance(count, Dim):
        return f"{count}{units[0]}"
    value, step = float(count), 0
    while value >= 999.5 and step < len(units) - 1:
        value, step = value / 1000, step + 1
    return f"{value:.3g}{units[step]}"

"""The numbers of many steps at once, each with the bits that it has alone."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import Optimizer
from .schedule import factor_at


class Column:
    """A number of each step. Arithmetic gives a column; any other use raises `TypeError`.

    Each entry has the bits of Python's own arithmetic. NumPy's has them too for floats, but for
    powers; these, and whole numbers, are left to Python. So what a function makes of a column is
    what it makes of each of its entries; and a result that is no column does not depend on the
    step. Floats that become infinite or NaN raise FloatingPointError.

    Args:
        entries: Python numbers, or a float64 vector.
    """

    __slots__ = ("entries",)
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, entries: Sequence[float] | NDArray[np.float64]) -> None:
        self.entries = entries

    def sqrt(self) -> Column:
        """The root of each entry."""
        with np.errstate(all="raise", under="ignore"):
            return Column(np.sqrt(np.asarray(self.entries, np.float64)))

    def __neg__(self) -> Column:
        entries = self.entries
        return Column(-entries if isinstance(entries, np.ndarray) else [-each for each in entries])

    def __add__(self, other: Any) -> Column:
        return self._with(operator.add, other)

    def __sub__(self, other: Any) -> Column:
        return self._with(operator.sub, other)

    def __mul__(self, other: Any) -> Column:
        return self._with(operator.mul, other)

    def __truediv__(self, other: Any) -> Column:
        return self._with(operator.truediv, other)

    def __pow__(self, other: Any) -> Column:
        return self._with(operator.pow, other)

    def __radd__(self, other: Any) -> Column:
        return self._behind(operator.add, other)

    def __rsub__(self, other: Any) -> Column:
        return self._behind(operator.sub, other)

    def __rmul__(self, other: Any) -> Column:
        return self._behind(operator.mul, other)

    def __rtruediv__(self, other: Any) -> Column:
        return self._behind(operator.truediv, other)

    def __rpow__(self, other: Any) -> Column:
        return self._behind(operator.pow, other)

    def __eq__(self, other: object) -> bool:
        raise TypeError("A column has no truth.")

    def __str__(self) -> str:
        raise TypeError("A column is no text.")

    def __format__(self, form: str) -> str:
        raise TypeError("A column is no text.")

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__

    def __bool__(self) -> bool:
        raise TypeError("A column has no truth.")

    def _with(self, operation: Callable[[Any, Any], Any], other: Any) -> Column:
        return _combined(operation, self, other)

    def _behind(self, operation: Callable[[Any, Any], Any], other: Any) -> Column:
        return _combined(operation, other, self)


def _combined(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Column:
    """A column of what an operation makes of the entries of two columns, or of one and a number."""
    for side in (left, right):
        if not isinstance(side, Column | int | float):
            raise TypeError(f"A column goes together with columns and numbers, not {type(side)}.")
    sides = [side.entries if isinstance(side, Column) else side for side in (left, right)]
    if not any(isinstance(side, float | np.ndarray) for side in sides):  # whole numbers
        rows = [side if isinstance(side, Sequence) else repeat(side) for side in sides]
        entries = list(map(operation, *rows))
        return Column(np.array(entries) if set(map(type, entries)) == {float} else entries)
    floats = [_as_floats(side) for side in sides]
    if operation is operator.pow:
        rows = [side.tolist() if side.ndim else repeat(float(side)) for side in floats]
        return Column(np.fromiter(map(math.pow, *rows), np.float64))
    with np.errstate(all="raise", under="ignore"):
        return Column(operation(*floats))


def _as_floats(side: Any) -> NDArray[np.float64]:
    """Entries, or a number, as Python converts them where it computes with a float."""
    if isinstance(side, np.ndarray):
        return side
    if isinstance(side, range):
        return np.arange(side.start, side.stop, side.step, dtype=np.float64)
    if isinstance(side, int | float):
        return np.array(float(side))
    return np.array([float(entry) for entry in side])


def square_root(number: Any) -> Any:
    """The root of a Python number, or of each in a column.

    Example:
        >>> from pullback.optim.table import Column, square_root
        >>> square_root(9), square_root(Column([9.0, 4.0])).entries.tolist()
        (3.0, [3.0, 2.0])
    """
    return number.sqrt() if isinstance(number, Column) else math.sqrt(number)


def numbers_of_steps(rule: Optimizer, first: int, rates: Sequence[float]) -> NDArray[np.float64]:
    """`rule.numbers` of one step after another, to the last bit.

    With one rate for all of them, the rule is asked once, with a column of steps; a rule that
    does more with it than arithmetic is asked step by step.

    Args:
        rule: An update rule.
        first: The first step, from 1.
        rates: The learning rate of each step.

    Returns:
        float64 array (steps, numbers), the numbers in the order in which the rule names them.

    Example:
        >>> import pullback as pb
        >>> from pullback.optim.table import numbers_of_steps
        >>> rule = pb.optim.Adam()
        >>> numbers_of_steps(rule, 5, [0.1, 0.1])[1].tolist() == [*rule.numbers(6, 0.1).values()]
        True
    """
    steps, table = range(first, first + len(rates)), None
    if len(rates) > 1 and list(rates).count(rates[0]) == len(rates):
        table = _at_once(rule, steps, rates[0])
    if table is None:
        rows = [[*rule.numbers(*given).values()] for given in zip(steps, rates, strict=True)]
        table = np.array(rows, np.float64).reshape(len(rates), -1)
    return table


def _at_once(rule: Optimizer, steps: range, rate: float) -> NDArray[np.float64] | None:
    """None when the rule cannot work with a column."""
    try:
        numbers = rule.numbers(Column(steps), rate)  # type: ignore[arg-type]
        values: list[Any] = list(numbers.values())
        if not all(isinstance(value, int | float | Column) for value in values):
            return None
    except Exception:  # whatever it is, the rule raises it again when it is asked step by step
        return None
    table = np.empty((len(steps), len(values)))
    for place, value in enumerate(values):
        table[:, place] = value.entries if isinstance(value, Column) else value
    for place in (0, -1):  # a rule may ask for the type of what it is given
        if table[place].tolist() != [*rule.numbers(steps[place], rate).values()]:
            return None
    return table


def factors_of_steps(schedule: Callable[[int], Any], first: int, count: int) -> list[float]:
    """`factor_at` of one step after another; one that does not look at the step is asked little.

    Args:
        schedule: A function of the updates done before.
        first: The first step, from 0.
        count: How many, at least 1.

    Returns:
        One factor per step; fewer when the schedule gives no factor at a later step, which is
        told when that step comes.

    Raises:
        UsageError: When it gives no factor at the first step.

    Example:
        >>> from pullback.optim.table import factors_of_steps
        >>> factors_of_steps(lambda step: 1 / (step + 1), first=1, count=3)
        [0.5, 0.3333333333333333, 0.25]
    """
    factors = [factor_at(schedule, first)]
    if count == 1:
        return factors
    try:
        if _does_not_look(schedule) and factor_at(schedule, first + count - 1) == factors[0]:
            return factors * count
        for step in range(first + 1, first + count):
            factors.append(factor_at(schedule, step))
    except Exception:
        return factors
    return factors


def _does_not_look(schedule: Callable[[int], Any]) -> bool:
    """Whether a function of the step does not look at it; when in doubt, it does."""
    try:
        return not isinstance(schedule(Column(())), Column)  # type: ignore[arg-type]
    except Exception:
        return False

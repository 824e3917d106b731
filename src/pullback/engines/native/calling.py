"""Calling machine code from Python: arguments become a table of addresses, lengths and numbers.

An array takes its address and the lengths of its axes, a number one place of eight bytes; the
first two places are for what comes back. `ctypes` calls the code, and releases the GIL meanwhile.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

__all__ = ["Bound", "Compiled", "kind_of"]

RESULT, ERROR = 0, 1
"""Places of the table: the result, and where the description of an error lies."""
FIRST = 2
"""The place of the first argument."""

_PYTHON = {bool: "bool", int: "i8", float: "f8"}


def kind_of(argument: Any) -> str:
    """What machine code must know of an argument, as text.

    Returns:
        "f4", "i8" ... for a number, "bool" for a truth value, and for an array its dtype and its
        number of dimensions, "f4[2]", with "!" where it may not be written to.

    Raises:
        TypeError: For an argument that is neither a number nor a C-contiguous array of numbers.

    Example:
        >>> kind_of(np.zeros((2, 3), np.float32)), kind_of(1.0)
        ('f4[2]', 'f8')
    """
    if isinstance(argument, np.ndarray):
        flags = argument.flags
        if flags.c_contiguous and flags.aligned:
            kind = _array_kind(argument.dtype, argument.ndim, flags.writeable)
            if kind:
                return kind
    found = _PYTHON.get(type(argument))
    if found is not None:
        return found
    if isinstance(argument, np.bool_):
        return "bool"
    if isinstance(argument, np.integer | np.floating) and argument.dtype.itemsize <= 8:
        return argument.dtype.str[1:]
    raise TypeError(
        f"Machine code takes numbers and C-contiguous arrays of numbers, "
        f"not {_described(argument)}."
    )


@cache
def _array_kind(dtype: np.dtype[Any], dimensions: int, writeable: bool) -> str:
    """Empty for a dtype that machine code does not take."""
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or not dtype.isnative:
        return ""
    name = "bool" if dtype.kind == "b" else dtype.str[1:]
    return f"{name}[{dimensions}]{'' if writeable else '!'}"


def _described(argument: Any) -> str:
    if isinstance(argument, np.ndarray):
        order = "" if argument.flags.c_contiguous else ", not C-contiguous"
        return f"an array of dtype {argument.dtype} and shape {argument.shape}{order}"
    return f"a {type(argument).__name__}"


class Compiled:
    """A function of machine code.

    Args:
        address: Of its entry, an `int32 (int64 *table)`: 0, or that an error occurred.
        kinds: What it takes, as `kind_of` writes it.
        result: The kind of the number that it returns; empty for None.
        keep: What must live as long as the code.
    """

    def __init__(self, address: int, kinds: tuple[str, ...], result: str, keep: Any) -> None:
        self.kinds, self.result = kinds, result
        self.address = address
        self._code = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(address)
        self._keep = keep

    def __call__(self, *arguments: Any) -> Any:
        """What the function returns for these arguments."""
        return self.bind(*arguments)()

    def bind(self, *arguments: Any) -> Bound:
        """The call with these arguments, to be made many times.

        It keeps the arrays, and reads and writes their memory at each call. It may be called by
        one thread at a time; several calls bound from one function run at once.

        Raises:
            TypeError: For arguments of other types than the function was compiled for.
        """
        kinds = tuple(kind_of(argument) for argument in arguments)
        if kinds != self.kinds:
            wrong = [
                f"argument {number} is {given}, not {wanted}"
                for number, (given, wanted) in enumerate(zip(kinds, self.kinds, strict=False))
                if given != wanted
            ]
            count = f"{len(kinds)} arguments, not {len(self.kinds)}"
            raise TypeError(f"The machine code is for other types: {'; '.join(wrong) or count}.")
        return Bound(self._code, self.result, arguments, self)


class Bound:
    """A call of machine code with fixed arguments: arrays by reference, numbers by value.

    Attributes:
        addresses: Of the code and of the table of its arguments.
    """

    __slots__ = ("_code", "_keep", "_places", "_result", "_table", "_words", "addresses", "run")

    def __init__(
        self, code: Callable[..., int], result: str, arguments: tuple[Any, ...], owner: Compiled
    ) -> None:
        words: list[int] = [0] * FIRST
        self._places = []
        for argument in arguments:
            self._places.append(len(words))
            words += _words_of(argument)
        self._words = np.array([word & (2**64 - 1) for word in words], np.uint64)
        self.addresses = owner.address, self._words.ctypes.data
        self._table = self._words[:1].view(_dtype_of(result)) if result else None
        self._code, self._result = code, result
        self.run = _runner(code, self.addresses[1])
        self._keep = (arguments, owner)

    def point(self, number: int, address: int, shape: tuple[int, ...]) -> None:
        """Let the argument of this number be another array of its kind, which the caller keeps.

        Args:
            number: Of an argument that is an array.
            address: Where the other array lies; C-contiguous and aligned.
            shape: Its shape; it has as many axes.
        """
        place = self._places[number]
        self._words[place] = address
        self._words[place + 1 : place + 1 + len(shape)] = shape

    def __call__(self) -> Any:
        """Run it.

        Raises:
            IndexError: When the code met an index that is out of bounds.
        """
        self.run()
        return self._table[0].item() if self._table is not None else None


def _runner(code: Callable[..., int], address: int) -> Callable[[], None]:
    """The call without its result, in the fewest steps."""

    def run() -> None:
        if code(address):
            raise out_of_bounds()

    return run


def out_of_bounds() -> IndexError:
    """What machine code that returns an error has met."""
    return IndexError("An index is out of bounds.")


def _words_of(argument: Any) -> list[int]:
    if isinstance(argument, np.ndarray):
        return [argument.ctypes.data, *argument.shape]
    if type(argument) is int or isinstance(argument, bool | np.bool_ | np.integer):
        return [int(argument)]
    # A float32 takes the lower half of its place, as it lies in memory.
    if isinstance(argument, np.floating) and argument.dtype.itemsize < 8:
        return [int(np.asarray(argument).view(f"u{argument.dtype.itemsize}"))]
    return [int(np.float64(argument).view(np.uint64))]


def _dtype_of(kind: str) -> np.dtype[Any]:
    return np.dtype("u1" if kind == "bool" else kind)

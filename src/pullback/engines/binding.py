"""From the caller's values to a program's inputs: structure, dtype and axes are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import Dim, axis_lengths, evaluate, format_shape
from ..errors import ProgramError
from ..program import Program
from ..trees import leaves_in


class Signature:
    """What a program accepts, and how a call's arguments become its flat inputs."""

    def __init__(self, program: Program) -> None:
        self.name = program.name
        self.arguments = program.arguments
        paths = program.input_paths
        self.leaves = [(paths[var], var.aval) for var in program.argument_inputs]
        self._lengths = {
            dim
            for equation in program.equations
            for dim in equation.out.aval.shape
            if isinstance(dim, Dim) and any(factor < 0 for _, factor in dim.terms)
        }
        captured = program.inputs[len(self.leaves) :]
        self.captured = {program.names[var]: program.defaults[var] for var in captured}
        self._numbers = {program.names[var]: var.aval for var in captured if var.aval.weak}

    def flat(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """One checked value per input of the program.

        Raises:
            ProgramError: With the argument's name, when a value is missing or unknown, has
                another structure, dtype or number of axes, or when an axis name would stand for
                two lengths.
        """
        numbers = {name: value for name, value in kwargs.items() if name in self._numbers}
        kwargs = {name: value for name, value in kwargs.items() if name not in numbers}
        leaves = self.leaves_of(args, kwargs)
        flat = [
            self._checked(value, path, aval)
            for value, (path, aval) in zip(leaves, self.leaves, strict=True)
        ]
        self.check_shapes(flat)
        given = {n: self._python_number(v, n, self._numbers[n]) for n, v in numbers.items()}
        return [*flat, *(self.captured | given).values()]

    def leaves_of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """One value per leaf of the arguments, unchecked; raises `ProgramError` as `flat`."""
        leaves: list[Any] = []
        for argument, value in zip(self.arguments, self._by_name(args, kwargs), strict=True):
            found = leaves_in(argument.structure, value)
            if found is None:
                raise ProgramError(
                    f"{self.name}: {argument.name} does not have the structure it was traced with."
                )
            leaves += found
        return leaves

    def _by_name(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        names = [argument.name for argument in self.arguments]
        given = dict(zip(names, args, strict=False)) | dict(kwargs)
        missing = [name for name in names if name not in given]
        unknown = [name for name in kwargs if name not in names]
        twice = [name for name in names[: len(args)] if name in kwargs]
        if len(args) > len(names) or missing or unknown or twice:
            problem = f"{missing[0]!r} is missing" if missing else "there are too many arguments"
            if unknown:
                problem = f"{unknown[0]!r} is not an argument"
            if twice:
                problem = f"{twice[0]!r} is given by position and by name"
            raise ProgramError(f"{self.name}({', '.join(names)}): {problem}.")
        return [given[name] for name in names]

    def _checked(self, value: Any, path: str, aval: Aval) -> Any:
        if aval.weak:
            return self._python_number(value, path, aval)
        array = np.asarray(value)
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if array.dtype != aval.dtype:
            as_number = type(value) in (bool, int, float)
            if not as_number or not np.can_cast(array.dtype, aval.dtype, "same_kind"):
                raise ProgramError(
                    f"{self.name}: {path} is {array.dtype}, the program was traced for "
                    f"{aval.dtype}; convert the array, or the program with program.astype(...)."
                )
            array = np.asarray(value, aval.dtype)
        return array

    def _python_number(self, value: Any, path: str, aval: Aval) -> Any:
        if np.ndim(value) != 0 or not isinstance(
            value, bool | int | float | np.number | np.ndarray
        ):
            raise ProgramError(f"{self.name}: {path} must be one number, not {value!r}.")
        number = value.item() if isinstance(value, np.generic | np.ndarray) else value
        if not aval.is_float and number != int(number):
            raise ProgramError(f"{self.name}: {path} must be a whole number, not {value!r}.")
        return float(number) if aval.is_float else int(number)

    def check_shapes(self, flat: Sequence[Any]) -> None:
        """Raise unless every axis name stands for one length, and no length is negative.

        Args:
            flat: One value per leaf of the arguments; what follows them is captured, and fits.

        Raises:
            ProgramError: With the argument's name.
        """
        shaped = [
            (path, aval, np.shape(value))
            for value, (path, aval) in zip(flat, self.leaves, strict=False)
        ]
        for path, aval, shape in shaped:
            if len(shape) != aval.ndim:
                expected = format_shape(aval.shape)
                raise ProgramError(f"{self.name}: {path} has shape {shape}, expected {expected}.")
        sizes = axis_lengths((aval.shape, shape) for _, aval, shape in shaped)
        for path, aval, shape in shaped:
            for dim, length in zip(aval.shape, shape, strict=True):
                self._check_length(path, aval, shape, dim, length, sizes)
        for dim in self._lengths:
            if dim.axes <= sizes.keys() and evaluate(dim, sizes) < 0:
                told = ", ".join(f"{name} = {sizes[name]}" for name in sorted(dim.axes))
                raise ProgramError(
                    f"{self.name}: with {told} a slice would have the length {dim}, below 0."
                )

    def _check_length(
        self,
        path: str,
        aval: Aval,
        shape: tuple[int, ...],
        dim: Any,
        length: int,
        sizes: dict[str, int],
    ) -> None:
        known = isinstance(dim, int) or dim.axes <= sizes.keys()
        wanted = evaluate(dim, sizes) if known else length
        if wanted != length:
            told = "" if isinstance(dim, int) else f" with {dim} = {wanted}"
            expected = format_shape(aval.shape)
            raise ProgramError(f"{self.name}: {path} has shape {shape}, expected {expected}{told}.")

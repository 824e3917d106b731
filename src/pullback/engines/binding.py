"""From the caller's values to a program's inputs: structure, dtype and axes are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..avals import Aval
from ..dims import Dim, evaluate, format_shape
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
        self.captured = [program.defaults[v] for v in program.inputs[len(self.leaves) :]]

    def flat(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """One checked value per input of the program.

        Raises:
            ProgramError: With the argument's name, when a value is missing or unknown, has
                another structure, dtype or number of axes, or when an axis name would stand for
                two lengths.
        """
        leaves: list[Any] = []
        for argument, value in zip(self.arguments, self._by_name(args, kwargs), strict=True):
            found = leaves_in(argument.structure, value)
            if found is None:
                raise ProgramError(
                    f"{self.name}: {argument.name} does not have the structure it was traced with."
                )
            leaves += found
        sizes: dict[str, int] = {}
        flat = [
            self._checked(value, path, aval, sizes)
            for value, (path, aval) in zip(leaves, self.leaves, strict=True)
        ]
        return flat + self.captured

    def _by_name(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        names = [argument.name for argument in self.arguments]
        given = dict(zip(names, args, strict=False)) | dict(kwargs)
        missing = [name for name in names if name not in given]
        unknown = [name for name in kwargs if name not in names]
        if len(args) > len(names) or missing or unknown:
            problem = f"{missing[0]!r} is missing" if missing else "there are too many arguments"
            if unknown:
                problem = f"{unknown[0]!r} is not an argument"
            raise ProgramError(f"{self.name}({', '.join(names)}): {problem}.")
        return [given[name] for name in names]

    def _checked(self, value: Any, path: str, aval: Aval, sizes: dict[str, int]) -> Any:
        if aval.weak:
            return self._python_number(value, path, aval)
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        if array.dtype != aval.dtype:
            if type(value) not in (bool, int, float):
                raise ProgramError(
                    f"{self.name}: {path} is {array.dtype}, the program was traced for "
                    f"{aval.dtype}; convert the array, or the program with program.astype(...)."
                )
            array = np.asarray(value, aval.dtype)
        self._bind_axes(array.shape, path, aval, sizes)
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

    def _bind_axes(
        self, shape: tuple[int, ...], path: str, aval: Aval, sizes: dict[str, int]
    ) -> None:
        expected = format_shape(aval.shape)
        if len(shape) != aval.ndim:
            raise ProgramError(f"{self.name}: {path} has shape {shape}, expected {expected}.")
        for dim, length in zip(aval.shape, shape, strict=True):
            if isinstance(dim, Dim) and len(dim.axes) == 1 and str(dim) in dim.axes:
                known = sizes.setdefault(str(dim), length)
            else:
                known = evaluate(dim, sizes) if self._is_known(dim, sizes) else length
            if known != length:
                told = "" if isinstance(dim, int) else f" with {dim} = {known}"
                raise ProgramError(
                    f"{self.name}: {path} has shape {shape}, expected {expected}{told}."
                )

    @staticmethod
    def _is_known(dim: Any, sizes: dict[str, int]) -> bool:
        return isinstance(dim, int) or dim.axes <= sizes.keys()

"""A program compiled to be called: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...lazy import cached_property
from ...program import Program
from ...trees import leaves_in, unflatten
from ..reference import Executable, executable
from .calls import Calls
from .modules import Modules

__all__ = ["NativeExecutable", "native_executable"]

Load = Callable[[str, str, tuple[Any, ...]], Callable[..., Any]]


class NativeExecutable(Executable):
    """A program as machine code, called as `Executable` is.

    It computes what the reference engine computes, up to the order of sums; a call in which an
    axis has the length 0 runs on the reference engine. What it returns is the caller's own. Any
    number of threads may call it at once. A label outside the classes of `one_hot`, for which the
    reference engine raises IndexError, gives a row of zeros; an index outside an array raises
    IndexError with both.

    Args:
        program: Any program.
        load: What makes the emitted source a function; the compiler when None.
        threads: How many threads work at most; as many as the machine allows when None.

    Attributes:
        engine_source: The emitted loops.
        flat: The result for one positional value per input; numbers with a default by name.

    Raises:
        NotCompilable: When an equation has no loops; the error names it.
    """

    def __init__(
        self, program: Program, load: Load | None = None, threads: int | None = None
    ) -> None:
        self._reference = executable(program)
        self.program = program
        self.source = self._reference.source
        self._signature = self._reference._signature
        self._shared = [False] * len(program.outputs)
        self.modules = Modules(program, load, threads)
        self.engine_source = self.modules.source
        self._calls = self.fixed({})
        self._names = [program.names[var] for var in program.inputs]
        self._captured = list(program.defaults.values())
        self._count = len(program.argument_inputs)
        self._dtypes = self._plain_dtypes()
        self._is_leaf = program.result.kind == "leaf"
        self.flat = self._flat

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The program's result for these arguments; raises `ProgramError` if they do not fit."""
        dtypes = self._dtypes
        if kwargs or dtypes is None or len(args) != len(dtypes):
            return super().__call__(*args, **kwargs)
        for value, dtype in zip(args, dtypes, strict=True):
            if type(value) is not np.ndarray or value.dtype != dtype:
                return super().__call__(*args)
        return self._flat(*args)

    def _plain_dtypes(self) -> list[Any] | None:
        """The dtypes of the arguments, where each is one array; else None."""
        plain = all(argument.structure.kind == "leaf" for argument in self.program.arguments)
        avals = [var.aval for var in self.program.argument_inputs]
        if not plain or any(aval.weak for aval in avals):
            return None
        return [aval.dtype for aval in avals]

    def _flat(self, *flat: Any, **numbers: Any) -> Any:
        values = flat if len(flat) == len(self._names) and not numbers else self._all(flat, numbers)
        leaves = self._calls(values)
        return leaves[0] if self._is_leaf else unflatten(self.program.result, leaves)

    def _all(self, flat: Sequence[Any], numbers: Mapping[str, Any]) -> list[Any]:
        """The values of all inputs: what was captured completes what is given."""
        values = [*flat, *self._captured[len(flat) - self._count :]]
        return [numbers.get(name, v) for name, v in zip(self._names, values, strict=True)]

    def fixed(self, values: Mapping[int, Any]) -> Calls:
        """What runs the program on the other inputs, these being the same at every call.

        Args:
            values: Arrays by the numbers of their inputs. They are not copied: what is written to
                them later is seen. Finite ones must stay so: zeros times them are left out.

        Returns:
            A function of a sequence of the remaining values, in order, to a list of the outputs.
        """
        return Calls(self.modules, values, self.check, self.reference)

    def checked(self, *args: Any) -> list[Any]:
        """One value per input for these arguments; raises `ProgramError` if they do not fit."""
        return self._signature.flat(args, {})

    @cached_property
    def check(self) -> Callable[[list[Any]], None]:
        """Raises `ProgramError` for values whose shapes do not fit the inputs."""
        return self._signature.check_shapes

    def reference(self, values: Sequence[Any]) -> list[Any]:
        """The outputs by the reference engine."""
        result = self._reference.flat(*values)
        leaves = leaves_in(self.program.result, result) or []
        return [
            np.array(leaf) if shared else leaf
            for leaf, shared in zip(leaves, self._reference._shared, strict=True)
        ]


def native_executable(program: Program) -> NativeExecutable:
    """The program compiled by the native engine; done once per program.

    Raises:
        NotCompilable: When an equation has no loops; the error names it.
    """
    cache = vars(program)
    if "_native" not in cache:
        cache["_native"] = NativeExecutable(program)
    compiled: NativeExecutable = cache["_native"]
    return compiled

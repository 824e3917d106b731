"""Compiled functions: traced once for each combination of dtypes and ranks, then replayed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from functools import update_wrapper
from typing import Any, NamedTuple

import numpy as np

from .avals import Aval, aval_of
from .dims import axis
from .engines.choice import NATIVE, REFERENCE, missing_for_native, native_executable
from .engines.native import NotCompilable
from .engines.reference import Executable, executable
from .errors import ProgramError, ShapeError, TraceError, UsageError, nearest
from .program import Program
from .tracing import TracedArray, trace_avals
from .tracing.trace import leaf_names, signature_of
from .transforms import simplify
from .trees import flatten, unflatten


def compile(function: Any, engine: str = "reference") -> Callable[..., Any]:
    """A function or program traced once and replayed fast.

    Args:
        function: A `Program`, or a NumPy function, which is traced at its first call for each
            combination of dtypes and ranks of its arguments; axes of equal length at that call
            count as the same axis until a later call shows that they differ.
        engine: "reference" (the emitted NumPy source), or "native": machine code, which takes
            some seconds to compile the first time on a machine, more for long programs
            (`engines.choice.compiling_seconds`), and is kept on disk; see `NativeExecutable` for
            what differs.

    Returns:
        For a program an `Executable`, for a function a `CompiledFunction`. Integers and Python
        numbers among the arguments are inputs too, so a new learning rate does not trace again.

    Raises:
        UsageError: When there is no such engine, or it is not installed, or it cannot compile the
            program (of a function: at its first call); the error names the equation.
        ProgramError: At a call with values that do not fit a program's inputs.

    Example:
        >>> import numpy as np, pullback as pb
        >>> norm = pb.compile(lambda x: np.sqrt(np.sum(x**2)))
        >>> norm(np.array([3.0, 4.0]))
        np.float64(5.0)
    """
    if engine not in (REFERENCE, NATIVE):
        raise UsageError(
            f"There is no engine {engine!r}; allowed are 'reference' and 'native'."
            f"{nearest(str(engine), [REFERENCE, NATIVE])}"
        )
    if engine == NATIVE and missing_for_native():
        raise UsageError(f"engine='native': {missing_for_native()}")
    if isinstance(function, Program):
        return _compiled(function, engine)
    return CompiledFunction(function, engine)


def _compiled(program: Program, engine: str) -> Executable:
    """The program on an engine.

    Raises:
        UsageError: When it cannot be compiled; the error names the equation.
    """
    if engine == REFERENCE:
        return executable(program)
    try:
        native: Executable = native_executable(program)
        return native
    except NotCompilable as error:
        raise UsageError(f"engine='native': {error}") from error


class _Traced(NamedTuple):
    """A program of a compiled function, and the numbers that it takes for granted."""

    compiled: Executable
    fixed: dict[int, Any]

    def accepts(self, leaves: list[Any]) -> bool:
        """Whether the numbers taken for granted are those of a call."""
        return all(leaves[position] == value for position, value in self.fixed.items())


class CompiledFunction:
    """A NumPy function with a program for each combination of dtypes and ranks it has met.

    A function that needs the lengths of its arguments (a loop over rows, a captured array that
    meets an axis) gets a program for each combination of lengths and whole numbers instead.
    """

    def __init__(self, function: Callable[..., Any], engine: str = REFERENCE) -> None:
        update_wrapper(self, function)
        self.function, self.engine = function, engine
        self._met: dict[Any, list[_Traced]] = {}

    @property
    def programs(self) -> list[Program]:
        """The programs traced so far."""
        return [traced.compiled.program for some in self._met.values() for traced in some]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result for these arguments."""
        bound = signature_of(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        leaves, structure = flatten(dict(bound.arguments))
        if any(isinstance(leaf, TracedArray) for leaf in leaves):
            return self.function(*args, **kwargs)
        key = (structure, *(_kind(leaf) for leaf in leaves))
        for traced in self._met.get(key, []):
            if traced.accepts(leaves):
                try:
                    return traced.compiled(*_varying(leaves, traced.fixed))
                except ProgramError:
                    continue
        traced = self._trace(bound.arguments)
        self._met.setdefault(key, []).append(traced)
        return traced.compiled(*_varying(leaves, traced.fixed))

    def _trace(self, arguments: Mapping[str, Any]) -> _Traced:
        leaves, _ = flatten(dict(arguments))
        try:
            axes: dict[int, str] = {}
            avals = [_generic_aval(leaf, axes) if _is_number(leaf) else None for leaf in leaves]
            return self._traced(arguments, avals, {})
        except (ShapeError, TraceError, UsageError):
            fixed = {i: leaf for i, leaf in enumerate(leaves) if type(leaf) is int}
            avals = [
                aval_of(leaf) if _is_number(leaf) and i not in fixed else None
                for i, leaf in enumerate(leaves)
            ]
            return self._traced(arguments, avals, fixed)

    def _traced(
        self, arguments: Mapping[str, Any], avals: list[Aval | None], fixed: dict[int, Any]
    ) -> _Traced:
        leaves, structure = flatten(dict(arguments))
        names = [n for a, tree in arguments.items() for n in leaf_names(a, flatten(tree)[1])]
        keys = [f"{name}_of_{i}" if names.count(name) > 1 else name for i, name in enumerate(names)]
        declared = {key: aval for key, aval in zip(keys, avals, strict=True) if aval is not None}

        def on_leaves(**traced: Any) -> Any:
            values = [traced.get(key, leaf) for key, leaf in zip(keys, leaves, strict=True)]
            return self._call(unflatten(structure, values))

        name = getattr(self.function, "__name__", "f")
        program = simplify(trace_avals(on_leaves, declared, name))
        return _Traced(_compiled(program, self.engine), fixed)

    def _call(self, arguments: dict[str, Any]) -> Any:
        bound = inspect.BoundArguments(signature_of(self.function), arguments)
        return self.function(*bound.args, **bound.kwargs)


def _varying(leaves: list[Any], fixed: Mapping[int, Any]) -> list[Any]:
    """The leaves that are inputs of a program."""
    return [leaf for i, leaf in enumerate(leaves) if _is_number(leaf) and i not in fixed]


def _is_number(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.dtype.kind in "biuf"
    return isinstance(leaf, int | float) and not isinstance(leaf, bool)


def _kind(leaf: Any) -> Any:
    if not _is_number(leaf):
        if not isinstance(leaf, Hashable):
            raise UsageError(
                f"{leaf!r} cannot be an argument of a compiled function; allowed are numbers, "
                "arrays of numbers, words and flags."
            )
        return leaf
    aval = aval_of(leaf)
    return aval.dtype, aval.weak, tuple(min(length, 2) for length in np.shape(leaf))


def _generic_aval(leaf: Any, axes: dict[int, str]) -> Aval:
    """Its lengths as named axes, equal lengths under one name."""
    aval = aval_of(leaf)
    names = [axes.setdefault(length, f"n{len(axes) + 1}") for length in np.shape(leaf)]
    dims = zip(np.shape(leaf), names, strict=True)
    return Aval(aval.dtype, tuple(n if n < 2 else axis(name) for n, name in dims), aval.weak)

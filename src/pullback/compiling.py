"""Compiled functions: traced once for each combination of dtypes and ranks, then replayed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from .avals import Aval, aval_of
from .dims import axis
from .engines.reference import Executable, executable
from .errors import ProgramError, UsageError
from .program import Program
from .tracing import trace_avals
from .tracing.trace import leaf_names, signature_of
from .transforms import simplify
from .trees import flatten, unflatten


def compile(function: Any, engine: str = "reference") -> Callable[..., Any]:
    """A function or program traced once and replayed fast.

    Args:
        function: A `Program`, or a NumPy function, which is traced at its first call for each
            combination of dtypes and ranks of its arguments; axes of equal length at that call
            count as the same axis until a later call shows that they differ.
        engine: "reference" (the emitted NumPy source).

    Returns:
        For a program an `Executable`, for a function a `CompiledFunction`. Integers and Python
        numbers among the arguments are inputs too, so a new learning rate does not trace again.

    Raises:
        UsageError: When there is no such engine.
        ProgramError: At a call with values that do not fit a program's inputs.

    Example:
        >>> import numpy as np, pullback as pb
        >>> norm = pb.compile(lambda x: np.sqrt(np.sum(x**2)))
        >>> norm(np.array([3.0, 4.0]))
        np.float64(5.0)
    """
    if engine != "reference":
        raise UsageError(f"There is no engine {engine!r}; allowed is 'reference'.")
    return executable(function) if isinstance(function, Program) else CompiledFunction(function)


class CompiledFunction:
    """A NumPy function with a program for each combination of dtypes and ranks it has met."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._met: dict[Any, list[Executable]] = {}

    @property
    def programs(self) -> list[Program]:
        """The programs traced so far."""
        return [compiled.program for some in self._met.values() for compiled in some]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's result for these arguments."""
        bound = signature_of(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        leaves, structure = flatten(dict(bound.arguments))
        varying = [leaf for leaf in leaves if _is_number(leaf)]
        key = (structure, *(_kind(leaf) for leaf in leaves))
        for compiled in self._met.get(key, []):
            try:
                return compiled(*varying)
            except ProgramError:
                continue
        compiled = executable(self._trace(bound.arguments))
        self._met.setdefault(key, []).append(compiled)
        return compiled(*varying)

    def _trace(self, arguments: Mapping[str, Any]) -> Program:
        leaves, structure = flatten(dict(arguments))
        names = [n for a, tree in arguments.items() for n in leaf_names(a, flatten(tree)[1])]
        keys = [f"{name}_{i}" if names.count(name) > 1 else name for i, name in enumerate(names)]
        axes: dict[int, str] = {}
        avals = {
            key: _generic_aval(leaf, axes)
            for key, leaf in zip(keys, leaves, strict=True)
            if _is_number(leaf)
        }

        def on_leaves(**traced: Any) -> Any:
            values = [traced.get(key, leaf) for key, leaf in zip(keys, leaves, strict=True)]
            return self._call(unflatten(structure, values))

        return simplify(trace_avals(on_leaves, avals, getattr(self.function, "__name__", "f")))

    def _call(self, arguments: dict[str, Any]) -> Any:
        bound = inspect.BoundArguments(signature_of(self.function), arguments)
        return self.function(*bound.args, **bound.kwargs)


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
    return aval.dtype, aval.weak, tuple(length == 1 for length in aval.shape)


def _generic_aval(leaf: Any, axes: dict[int, str]) -> Aval:
    """Its lengths as named axes, equal lengths under one name."""
    aval = aval_of(leaf)
    names = [axes.setdefault(length, f"n{len(axes) + 1}") for length in np.shape(leaf)]
    dims = zip(np.shape(leaf), names, strict=True)
    return Aval(aval.dtype, tuple(1 if n == 1 else axis(name) for n, name in dims), aval.weak)

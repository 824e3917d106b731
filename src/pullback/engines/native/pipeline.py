"""How Numba compiles the functions that an emitted module calls itself."""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import Any

__all__ = ["callee"]


def callee(function: FunctionType, options: dict[str, Any]) -> Any:
    """A function for compiled code only, compiled when a call of it is: no form for Python."""
    from numba import njit

    return njit(
        pipeline_class=_compiler(), no_cpython_wrapper=True, no_cfunc_wrapper=True, **options
    )(function)


@cache
def _compiler() -> type:
    """Numba's compiler, under the promise that the arrays of one call do not overlap.

    LLVM vectorizes a loop over several arrays only if it knows that what is written is not read
    through another. It can look at run time, but gives up beyond eight such pairs.
    """
    from numba.core.compiler import Compiler

    class Promising(Compiler):  # type: ignore[misc]
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.state.flags.noalias = True

    return Promising

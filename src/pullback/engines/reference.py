"""The reference engine: the emitted NumPy source, executed."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ..avals import aval_of
from ..dims import axis_lengths
from ..program import Program, Var
from ..tracing import TracedArray
from ..tracing.replay import replay
from ..transforms.retype import specialize
from ..trees import flatten, leaves_in, unflatten
from ..views.numpy_source import function_name, to_numpy
from .binding import Signature


class Executable:
    """A program that can be called.

    `program(...)` arguments are checked against the program's inputs; `flat` is the emitted
    function itself, for loops that call it with one positional array per input.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.source = to_numpy(program)
        self.flat = load_source(self.source, function_name(program))
        self._signature = Signature(program)
        self._shared = _shared_outputs(program)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The program's result for these arguments; raises `ProgramError` if they do not fit."""
        if any(isinstance(leaf, TracedArray) for leaf in flatten([list(args), kwargs])[0]):
            return self._recorded(args, kwargs)
        result = self.flat(*self._signature.flat(args, kwargs))
        if not any(self._shared):
            return result
        leaves = leaves_in(self.program.result, result) or []
        owned = [
            np.array(leaf) if shared else leaf
            for leaf, shared in zip(leaves, self._shared, strict=True)
        ]
        return unflatten(self.program.result, owned)

    def _recorded(self, args: Any, kwargs: Any) -> Any:
        """The result inside a surrounding trace: the program's equations become part of it."""
        values = self._signature.leaves_of(args, kwargs)
        avals = [v.aval if isinstance(v, TracedArray) else aval_of(v) for v in values]
        inputs = self.program.argument_inputs
        shaped = ((v.aval.shape, a.shape) for v, a in zip(inputs, avals, strict=True))
        fixed = specialize(self.program, axis_lengths(shaped))
        outputs = replay(fixed, dict(zip(fixed.argument_inputs, values, strict=True)))
        return unflatten(self.program.result, outputs)

    def __repr__(self) -> str:
        return f"<compiled {self.program!r}>"


def executable(program: Program) -> Executable:
    """The program compiled by the reference engine; done once per program."""
    cache = vars(program)
    if "_executable" not in cache:
        cache["_executable"] = Executable(program)
    compiled: Executable = cache["_executable"]
    return compiled


def _shared_outputs(program: Program) -> list[bool]:
    """Which outputs may share memory with an input or another output.

    A caller owns what a call returns: writing to it must change nothing else.
    """
    producers = {equation.out: equation for equation in program.equations}
    seen: set[Any] = set()
    shared = []
    for atom in program.outputs:
        equation = producers.get(atom) if isinstance(atom, Var) else None
        views = equation is None or (equation.primitive.view and len(equation.inputs) == 1)
        shared.append(isinstance(atom, Var) and (views or atom in seen))
        seen.add(atom)
    return shared


@lru_cache(maxsize=512)
def load_source(source: str, name: str) -> Callable[..., Any]:
    """The function that a source text defines; tracebacks through it show its lines."""
    import hashlib

    file = f"<pullback {name} {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    scope: dict[str, Any] = {"__name__": "pullback.emitted"}
    exec(compile(source, file, "exec"), scope)
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    function: Callable[..., Any] = scope[name]
    return function

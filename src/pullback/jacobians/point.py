"""A function or program at given arguments: the one place where both look the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..avals import aval_of
from ..differentiate import Wrt, inputs_of, is_nested, named_inputs, wanted_arguments
from ..dims import axis_lengths
from ..engines.binding import Signature
from ..errors import UsageError
from ..program import Program, Var
from ..tracing import TracedArray, trace_eager
from ..tracing.replay import replay, replay_values
from ..transforms.retype import specialize
from ..trees import Structure, flatten


class Part(NamedTuple):
    """One argument: its structure, and the input of each leaf; None where it is not floating."""

    structure: Structure
    inputs: tuple[Var | None, ...]


class Wanted(NamedTuple):
    """What `wrt` means: inputs of the program, and the container that results stand in."""

    inputs: list[Var]
    structure: Structure


class Point(NamedTuple):
    """A program without unknown lengths, the values of its inputs, and its arguments by name."""

    program: Program
    inputs: dict[Var, Any]
    known: Mapping[Var, Any]
    parts: dict[str, Part]

    @property
    def nested(self) -> bool:
        """Whether it lies inside the trace of another function."""
        return is_nested(self.inputs, self.program)

    def run(self, derived: Program, extra: Sequence[Any] = ()) -> list[Any]:
        """The outputs of a program derived from this one, whose last inputs are `extra`."""
        added = derived.argument_inputs[len(self.program.argument_inputs) :]
        more = {
            var: value if isinstance(value, TracedArray) else np.asarray(value, var.aval.dtype)
            for var, value in zip(added, extra, strict=True)
        }
        traced = any(isinstance(value, TracedArray) for value in more.values())
        known = {} if traced or self.nested else self.known
        return replay(derived, {**self.inputs, **more}, known)

    def wanted(self, wrt: Wrt) -> Wanted:
        """The inputs that `wrt` means; raises `UsageError` where one is not floating."""
        names, many = wanted_arguments(wrt, list(self.parts))
        parts = [self.parts[name] for name in names]
        inputs: list[Var] = []
        for name, part in zip(names, parts, strict=True):
            if not part.inputs or None in part.inputs:
                raise UsageError(
                    f"{name} holds values that are not floating, which have no derivative; "
                    "convert them (3.0 instead of 3, x.astype(float))."
                )
            inputs += [var for var in part.inputs if var is not None]
        structures = tuple(part.structure for part in parts)
        keys = tuple(range(len(parts)))
        return Wanted(inputs, Structure("tuple", keys, structures) if many else structures[0])


def at_point(
    function: Callable[..., Any] | Program, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Point:
    """A function or a program at the arguments of a call."""
    if isinstance(function, Program):
        return _program_at(function, tuple(args), kwargs)
    traced = trace_eager(function, args, kwargs)
    parts = {name: Part(leaf.structure, leaf.inputs) for name, leaf in traced.leaves.items()}
    return Point(traced.program, inputs_of(traced), traced.values, parts)


def _program_at(program: Program, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Point:
    signature = Signature(program)
    nested = any(isinstance(leaf, TracedArray) for leaf in flatten([list(args), dict(kwargs)])[0])
    values = signature.leaves_of(args, kwargs) if nested else signature.flat(args, kwargs)
    shapes = [v.aval.shape if isinstance(v, TracedArray) else aval_of(v).shape for v in values]
    given = zip(program.inputs, shapes, strict=False)
    fixed = specialize(program, axis_lengths((var.aval.shape, shape) for var, shape in given))
    inputs = dict(zip(fixed.inputs, values, strict=False))
    parts = {
        name: Part(structure, tuple(var if var.aval.is_float else None for var in leaves))
        for name, (structure, leaves) in named_inputs(fixed).items()
    }
    return Point(fixed, inputs, {} if nested else replay_values(fixed, inputs), parts)

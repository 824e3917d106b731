"""The point at which a backward pass is graded: the forward pass traced at given arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError, nearest
from ..lazy import cached_property
from ..program import Program, Var
from ..tracing import trace_eager
from ..transforms.derivation import Derivation, derive
from ..transforms.simplify import simplify
from ..trees import flatten, unflatten
from .sweeping import NumericSweep

Wrt = str | Sequence[str] | None


@dataclass(frozen=True, eq=False)
class Point:
    """A forward pass at given arguments, in float64.

    Attributes:
        derivation: How its backward pass is derived.
        inputs: A number or array per input of the forward program.
        args: The positional arguments, floating values in float64.
        kwargs: The arguments by name.
        leaves: Each leaf of the arguments in order: its input, None where it is not floating.
    """

    derivation: Derivation
    inputs: Mapping[Var, Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    leaves: tuple[Var | None, ...]

    @property
    def forward(self) -> Program:
        """The program of the forward pass."""
        return self.derivation.forward

    @property
    def floating(self) -> tuple[Var, ...]:
        """The inputs that have a gradient: the floating leaves of the arguments, in order."""
        return tuple(var for var in self.leaves if var is not None)

    def path(self, var: Var) -> str:
        """An input as the caller writes it: W1, params['W1']."""
        return self.forward.input_paths[var]

    def called(self, var: Var) -> str:
        """A variable in a sentence: its name, or what computes it where it has none."""
        made_by = next((e for e in self.forward.equations if e.out is var), None)
        if var.named or made_by is None or made_by.where is None:
            return self.forward.names[var]
        return f"the {made_by.primitive.name} of line {made_by.where.line}"

    @cached_property
    def sweep(self) -> NumericSweep:
        """The reverse sweep on numbers."""
        return NumericSweep(self.derivation, self.inputs)

    @cached_property
    def gradients(self) -> dict[Var, Any]:
        """The derived gradient of each floating input; zeros where no path leads to it."""
        cotangents = self.sweep.backward(self.sweep.values)
        return {
            var: cotangents.get(var, np.zeros(np.shape(self.inputs[var]))) for var in self.floating
        }

    @cached_property
    def loss(self) -> float:
        """The value of the forward pass."""
        return float(self.sweep.value_of(self.forward.outputs[0], self.sweep.values))

    def unbounded(self, among: Sequence[Var]) -> Var | None:
        """The first of some inputs whose derived gradient is not finite; None where all are.

        Beside an infinite gradient every answer would be right, or none.
        """
        with np.errstate(all="ignore"):
            return next((v for v in among if not np.all(np.isfinite(self.gradients[v]))), None)

    def fresh_arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Copies of the arguments, so that a backward pass may write to what it is given."""
        leaves, structure = flatten([list(self.args), dict(self.kwargs)])
        args, kwargs = unflatten(structure, [_copied(leaf) for leaf in leaves])
        return tuple(args), kwargs

    def wanted(self, wrt: Wrt) -> tuple[Var, ...]:
        """The floating inputs that `wrt` names, in its order; all of them when None.

        Raises:
            UsageError: When it names none, or something that is no floating input.
        """
        if wrt is None:
            return self.floating
        names = [wrt] if isinstance(wrt, str) else list(wrt)
        chosen = [var for name in names for var in self._named(name)]
        if not chosen or len(set(chosen)) != len(chosen):
            problem = "names no input" if not chosen else "names an input twice"
            raise UsageError(f"wrt={wrt!r} {problem}; there are {self._known()}.")
        return tuple(chosen)

    def _named(self, name: Any) -> list[Var]:
        forward = self.forward
        found = [
            var
            for var in self.floating
            if name in (self.path(var), forward.names[var], self.path(var).partition("[")[0])
        ]
        if not found:
            known = [self.path(var) for var in self.floating]
            raise UsageError(
                f"wrt={name!r} is not a floating argument; there are {self._known()}."
                f"{nearest(str(name), known)}"
            )
        return found

    def _known(self) -> str:
        return ", ".join(self.path(var) for var in self.floating)


def point_at(forward: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Point:
    """The forward pass traced at the given arguments.

    Raises:
        TraceError: When the forward does what a program cannot record.
        UsageError: When it returns no floating number (as its first result), has no floating
            argument, or is not finite there.
    """
    if isinstance(forward, Program):
        raise UsageError(
            f"{forward.name} is a Program; pass the forward pass as the function it was traced "
            "from, the backward is called with the same arguments."
        )
    leaves, structure = flatten([list(args), dict(kwargs)])
    args_64, kwargs_64 = unflatten(structure, [_in_float64(leaf) for leaf in leaves])
    traced = trace_eager(forward, args_64, kwargs_64)
    program = simplify(traced.program.astype("f8"), identities=())
    changed = dict(zip(traced.program.inputs, program.inputs, strict=True))
    inputs = {
        new: traced.values[old] for old, new in changed.items() if new not in program.defaults
    }
    held = [var for argument in traced.leaves.values() for var in argument.inputs]
    point = Point(
        derive(program),
        inputs,
        tuple(args_64),
        kwargs_64,
        tuple(None if var is None else changed[var] for var in held),
    )
    if not np.isfinite(point.loss):
        raise UsageError(f"{program.name} is {point.loss} here; there is no gradient to grade.")
    return point


def _in_float64(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f":
        return np.asarray(leaf, np.float64)[()]
    return leaf


def _copied(leaf: Any) -> Any:
    return np.array(leaf) if isinstance(leaf, np.ndarray) else leaf
